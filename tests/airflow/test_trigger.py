"""The wait in the triggerer."""

from __future__ import annotations

import asyncio

import pytest
from airflow.triggers.base import TriggerEvent

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    ConfigurationError,
    NotFoundError,
    TaskFailedError,
    TaskRef,
    TransportError,
    WaitTimeoutError,
)
from altcraft_async.integrations.airflow import AltcraftRefreshTrigger
from altcraft_async.integrations.airflow.clients import shared_client
from altcraft_async.integrations.airflow.events import dump_error, load_error
from altcraft_async.simulator import Fault, Simulator
from tests.airflow.connections import stored

CONNECTION = "altcraft_default"


def trigger(ref: TaskRef, **limits: object) -> AltcraftRefreshTrigger:
    """Make a trigger as Airflow does, from what another one was stored as."""
    made = AltcraftRefreshTrigger(ref=ref.to_json(), altcraft_conn_id=CONNECTION)
    _, stored = made.serialize()
    return AltcraftRefreshTrigger(**{**stored, **limits})  # type: ignore[arg-type]  # any of its own


async def fired(one: AltcraftRefreshTrigger) -> dict[str, object]:
    """Return what a trigger says in the end."""
    async for event in one.run():
        assert isinstance(event, TriggerEvent)
        said: dict[str, object] = event.payload
        return said
    raise AssertionError


async def started(server: Simulator, *resources: int) -> list[TaskRef]:
    """Start a refresh of each, and leave it to others to wait."""
    async with AltcraftClient(server.url, server.token) as client:
        return [
            (await client.resources.refresh_counters(resource, database_id=1)).ref
            for resource in resources
        ]


def test_trigger_is_stored_by_names_alone(server: Simulator) -> None:
    """The connection's name and the ref are all that Airflow's database gets."""
    (ref,) = asyncio.run(started(server, 24))
    path, kwargs = trigger(ref).serialize()
    assert path == "altcraft_async.integrations.airflow.AltcraftRefreshTrigger"
    assert kwargs == {
        "ref": ref.to_json(),
        "altcraft_conn_id": CONNECTION,
        "deadline": None,
        "stall": None,
    }


def test_triggerer_that_takes_over_waits_on(server: Simulator) -> None:
    """One that is stopped in the middle costs neither the task nor the result."""

    async def scenario() -> dict[str, object]:
        (ref,) = await started(server, 24)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fired(trigger(ref)), 0.2)
        return await fired(trigger(ref))

    assert "groups" in asyncio.run(scenario())
    assert server.starts["resource", (24, 1)] == 1


def test_deadline_counts_across_triggerers(server: Simulator) -> None:
    """A wait whose time is over ends at once, and says that the task goes on."""

    async def scenario() -> dict[str, object]:
        (ref,) = await started(server, 24)
        return await fired(trigger(ref, deadline="2026-01-01T00:00:00+00:00"))

    said = asyncio.run(scenario())
    assert said["error"] == "WaitTimeoutError"


def test_triggers_of_one_connection_share_a_client(server: Simulator) -> None:
    """They share timer, connections and limits; the last one closes it."""

    async def scenario() -> None:
        refs = await started(server, 24, 25, 26)
        async with shared_client(CONNECTION) as first, shared_client(CONNECTION) as second:
            assert first is second
            said = await asyncio.gather(*(fired(trigger(ref)) for ref in refs))
            assert all("groups" in one for one in said)
            assert " open>" in repr(first)
        assert " closed>" in repr(first)
        async with shared_client(CONNECTION) as later:
            assert later is not first

    asyncio.run(scenario())


def test_edited_connection_is_another_client(
    server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new token is used from the next trigger on."""

    async def scenario() -> None:
        async with shared_client(CONNECTION) as before:
            monkeypatch.setenv("AIRFLOW_CONN_ALTCRAFT_DEFAULT", stored(server.url, "another"))
            async with shared_client(CONNECTION) as after:
                assert after is not before

    asyncio.run(scenario())


def test_failure_of_the_task_is_told_by_name(server: Simulator) -> None:
    """The operator raises the same error again."""
    server.misbehave("resources/refresh_counters", Fault.failed_task())

    async def scenario() -> dict[str, object]:
        (ref,) = await started(server, 24)
        return await fired(trigger(ref))

    assert asyncio.run(scenario())["error"] == "TaskFailedError"


@pytest.mark.parametrize(
    "error",
    [
        TaskFailedError("failed", ref=TaskRef(task_id="7f9c")),
        WaitTimeoutError("not in time", ref=TaskRef(task_id="7f9c")),
        NotFoundError("no such", code=404, path="tasks/status"),
        TransportError("reset", path="tasks/status", maybe_delivered=True),
        ConfigurationError("token: wrong"),
    ],
)
def test_error_survives_airflows_database(error: AltcraftError) -> None:
    """Class, text and fields are those of the trigger's error."""
    made = load_error(dump_error(TaskRef(task_id="7f9c"), error))
    assert type(made) is type(error)
    assert str(made) == str(error)
    assert vars(made) == vars(error)


def test_error_that_this_version_does_not_know_keeps_its_name() -> None:
    """A triggerer may be newer than a worker."""
    told = dump_error(TaskRef(task_id="7f9c"), AltcraftError("odd"))
    made = load_error({**told, "error": "NewerError"})
    assert type(made) is AltcraftError
    assert "odd" in str(made)
