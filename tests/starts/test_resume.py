"""client.resume(): coming back to what a ledger knows of."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, cast

import pytest

from altcraft_async import (
    AltcraftClient,
    ClientClosedError,
    ConfigurationError,
    LedgerError,
    StartUnknownError,
    TransportError,
)
from altcraft_async.simulator import Fault
from tests.support.ledgers import MemoryLedger
from tests.support.loop_time import now
from tests.support.shared_ledger import LEASE, Night, night, start

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"


async def resumed(client: AltcraftClient, ledger: MemoryLedger | None = None) -> list[str]:
    """Return the ids of the tasks that come."""
    return [handle.ref.task_id async for handle in client.resume(ledger)]


async def lose(world: Night, fault: Fault) -> None:
    """Send a start whose answer is lost."""
    world.server.misbehave(START, fault)
    with pytest.raises(TransportError):
        await start(world.open(reconcile_starts=True))


async def test_running_tasks_come_as_handles_and_their_end_is_written() -> None:
    async with night() as world:
        first = world.open()
        ids = [
            (await first.resources.refresh_counters(number, database_id=1)).ref.task_id
            for number in range(1, 6)
        ]
        await first.aclose()
        client = world.open()
        handles = [handle async for handle in client.resume()]
        assert [handle.ref.task_id for handle in handles] == ids
        assert world.server.count("tasks/status") == 0
        reports = await asyncio.gather(*handles)
        assert all(report["email"].subscribed for report in reports)
        await asyncio.sleep(1)
        assert all(entry.over for entry in world.ledger.stored.values())
        assert await resumed(client) == []
        assert sum(world.server.starts.values()) == 5


async def test_start_joins_a_resumed_task() -> None:
    async with night(duration=100) as world:
        await start(world.open())
        client = world.open()
        async for handle in client.resume():
            assert await client.resources.refresh_counters(24, database_id=1) is handle
        assert world.starts == 1


async def test_client_resumes_the_handle_of_its_own_start() -> None:
    async with night(duration=100) as world:
        client = world.open()
        own = await client.resources.refresh_counters(24, database_id=1)
        assert [handle async for handle in client.resume()] == [own]


async def test_start_under_way_comes_as_soon_as_it_is_answered() -> None:
    async with night(duration=100) as world:
        world.server.misbehave(START, Fault.slow_body(10))
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        assert await resumed(world.open()) == [await starting]
        assert now() < 12


async def test_start_that_is_withdrawn_meanwhile_does_not_come() -> None:
    async with night() as world:
        world.server.misbehave(START, Fault.stall(5))
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        resuming = asyncio.create_task(resumed(world.open()))
        await asyncio.sleep(1)
        assert await world.ledger.forget(world.entry)
        assert await resuming == []
        await starting


async def test_starts_with_unknown_outcome_come_as_one_error_at_the_end() -> None:
    async with night(duration=100) as world:
        client = world.open()
        world.server.misbehave(START, Fault.lost_start(), times=3)
        for number in (1, 2, 3):
            with pytest.raises(TransportError):
                await client.resources.refresh_counters(number, database_id=1)
        running = await start(client)
        handles = world.open().resume()
        assert (await anext(handles)).ref.task_id == running
        with pytest.raises(StartUnknownError, match="of 2 more") as caught:
            await anext(handles)
        assert now() == pytest.approx(LEASE, abs=1)
        assert [entry.target for entry in caught.value.entries] == [(1, 1), (2, 1), (3, 1)]
        for entry in caught.value.entries:
            assert await world.ledger.forget(entry)
        assert await resumed(world.open()) == [running]


async def test_one_start_with_unknown_outcome_comes_with_its_counters() -> None:
    async with night(shows_running=True) as world:
        await lose(world, Fault.lost_start())
        with pytest.raises(StartUnknownError) as caught:
            await resumed(world.open(reconcile_starts=True))
        assert caught.value.report is not None


async def test_running_task_of_a_lost_start_comes_as_a_handle() -> None:
    async with night(duration=100, shows_running=True) as world:
        await lose(world, Fault.lost_start())
        (found,) = await resumed(world.open(reconcile_starts=True))
        assert world.entry.ref is not None
        assert world.entry.ref.task_id == found


async def test_start_that_did_not_happen_is_withdrawn_and_not_sent() -> None:
    async with night(shows_running=True) as world:
        await lose(world, Fault.reset())
        assert await resumed(world.open(reconcile_starts=True)) == []
        assert world.withdrawn
        assert world.server.count(START) == 1


async def test_entries_of_another_install_do_not_come() -> None:
    """Their ids mean other objects."""
    async with night() as here, night(here.ledger) as there:
        one, two = await start(here.open()), await start(there.open())
        assert await resumed(here.open()) == [one]
        assert await resumed(there.open()) == [two]


async def test_client_without_a_ledger_resumes_from_any_and_writes_the_ends() -> None:
    async with night() as world:
        first = await start(world.open())
        client = world.open(ledger=None)
        async for handle in client.resume(world.ledger):
            assert handle.ref.task_id == first
            await handle
        await asyncio.sleep(1)
        assert world.entry.over
        assert await resumed(client, world.ledger) == []


async def test_ledger_that_was_resumed_from_hears_only_of_its_own_tasks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It may be closed by then, and closing the client does not wait for it."""
    async with night(duration=1) as world:
        await start(world.open())
        client = world.open(ledger=None)
        async for handle in client.resume(world.ledger):
            await handle
        await asyncio.sleep(1)
        await world.ledger.aclose()
        for number in (1, 2):
            await client.resources.refresh(number, database_id=1)
        began = now()
        await client.aclose()
        assert now() == began
        assert not caplog.messages


async def test_closed_client_raises_instead_of_resuming() -> None:
    """With an empty ledger, and between two handles."""
    async with night(duration=100) as world:
        client = world.open()
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await resumed(client)
        for number in (1, 2):
            await world.open().resources.refresh_counters(number, database_id=1)
        client = world.open()
        async with aclosing(client.resume()) as handles:
            await anext(handles)
            await client.aclose()
            with pytest.raises(ClientClosedError):
                await anext(handles)


async def test_leaving_early_leaves_the_other_tasks_in_the_ledger() -> None:
    async with night(duration=100) as world:
        for number in (1, 2, 3):
            await world.open().resources.refresh_counters(number, database_id=1)
        client = world.open()
        async with aclosing(client.resume()) as handles:
            assert (await anext(handles)).ref.target == (1, 1)
        assert len(await resumed(client)) == 3


async def test_closing_ends_an_iteration_that_waits_for_a_lease() -> None:
    async with night() as world:
        await lose(world, Fault.lost_start())
        client = world.open()
        resuming = asyncio.create_task(resumed(client))
        await asyncio.sleep(1.2)  # between two questions to the ledger
        began = now()
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await resuming
        assert now() == began


async def test_ledger_that_fails_is_an_error_of_the_iteration() -> None:
    async with night() as world:
        await world.ledger.aclose()
        with pytest.raises(LedgerError):
            await resumed(world.open())


async def test_resuming_without_a_ledger_is_refused_by_the_call() -> None:
    async with night() as world:
        client = world.open(ledger=None)
        with pytest.raises(ConfigurationError, match=r"^ledger: this client has none"):
            client.resume()
        with pytest.raises(ConfigurationError, match=r"^ledger: has to be TaskLedger"):
            client.resume(cast("Any", {}))
