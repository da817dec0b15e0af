"""Waits in the triggerer."""

from __future__ import annotations

import asyncio

import pytest
from airflow.triggers.base import TriggerEvent

from altcraft_async import AltcraftClient, TaskRef
from altcraft_async.integrations.airflow import AltcraftRefreshTrigger
from altcraft_async.integrations.airflow.clients import shared_client
from altcraft_async.simulator import Fault, Simulator

CONNECTION = "altcraft_default"


def trigger(ref: TaskRef, **limits: object) -> AltcraftRefreshTrigger:
    """Make a trigger from the stored arguments of another, as Airflow does."""
    made = AltcraftRefreshTrigger(ref=ref.to_json(), altcraft_conn_id=CONNECTION)
    _, stored = made.serialize()
    return AltcraftRefreshTrigger(**{**stored, **limits})  # type: ignore[arg-type]  # its own arguments


async def payload(one: AltcraftRefreshTrigger) -> dict[str, object]:
    """Run a trigger; return the payload of its event."""
    async for event in one.run():
        assert isinstance(event, TriggerEvent)
        found: dict[str, object] = event.payload
        return found
    raise AssertionError


async def started(server: Simulator, *resources: int) -> list[TaskRef]:
    """Start a refresh of each resource; return the refs."""
    async with AltcraftClient(server.url, server.token) as client:
        return [
            (await client.resources.refresh_counters(resource, database_id=1)).ref
            for resource in resources
        ]


def test_stored_trigger_holds_ref_and_connection_id_only(server: Simulator) -> None:
    (ref,) = asyncio.run(started(server, 24))
    path, kwargs = trigger(ref).serialize()
    assert path == "altcraft_async.integrations.airflow.AltcraftRefreshTrigger"
    assert kwargs == {
        "ref": ref.to_json(),
        "altcraft_conn_id": CONNECTION,
        "deadline": None,
        "stall": None,
    }


def test_triggerer_that_takes_over_waits_for_the_same_task(server: Simulator) -> None:
    async def scenario() -> dict[str, object]:
        (ref,) = await started(server, 24)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(payload(trigger(ref)), 0.2)
        return await payload(trigger(ref))

    assert "groups" in asyncio.run(scenario())
    assert server.starts["resource", (24, 1)] == 1


def test_passed_deadline_ends_the_wait_at_once(server: Simulator) -> None:
    async def scenario() -> dict[str, object]:
        (ref,) = await started(server, 24)
        return await payload(trigger(ref, deadline="2026-01-01T00:00:00+00:00"))

    assert asyncio.run(scenario())["error"] == "WaitTimeoutError"


def test_triggers_share_a_client(server: Simulator) -> None:
    async def scenario() -> None:
        refs = await started(server, 24, 25, 26)
        async with shared_client(CONNECTION) as client:
            payloads = await asyncio.gather(*(payload(trigger(ref)) for ref in refs))
            assert all("groups" in one for one in payloads)
            assert " open>" in repr(client)

    asyncio.run(scenario())


def test_failed_task_gives_the_name_of_the_error(server: Simulator) -> None:
    server.misbehave("resources/refresh_counters", Fault.failed_task())

    async def scenario() -> dict[str, object]:
        (ref,) = await started(server, 24)
        return await payload(trigger(ref))

    assert asyncio.run(scenario())["error"] == "TaskFailedError"
