"""When an intent is written, written again and withdrawn."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from altcraft_async import (
    CountersReport,
    LedgerEntry,
    LedgerError,
    NotFoundError,
    StartUnknownError,
)
from altcraft_async.simulator import Fault
from tests.support.faulty_ledgers import FailingLedger, SlowLedger
from tests.support.ledgers import MemoryLedger
from tests.support.loop_time import now
from tests.support.shared_ledger import LEASE, night, start

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"


async def test_intent_is_written_before_the_start_is_sent_and_the_task_after() -> None:
    states: list[tuple[int, bool, bool]] = []

    class Watched(MemoryLedger):
        async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
            states.append((world.starts, entry.ref is not None, entry.over))
            return await super().write(entry, expected=expected)

    async with night(Watched()) as world:
        client = world.open()
        report = await client.resources.refresh(24, database_id=1, idempotency_key="nightly")
        assert isinstance(report, CountersReport)
        await asyncio.sleep(0)
        assert states == [(0, False, False), (1, True, False), (1, True, True)]
        assert world.entry.idempotency_key == "nightly"
        assert (world.entry.lease_until - world.entry.intended_at).total_seconds() == LEASE


async def test_store_that_retries_a_write_by_itself_does_not_delay_the_start() -> None:
    """Such a store takes its own first attempt for a write of another process."""

    class Retrying(MemoryLedger):
        async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
            await super().write(entry, expected=expected)
            return await super().write(entry, expected=expected)

    async with night(Retrying()) as world:
        await start(world.open())
        await asyncio.sleep(1)
        assert now() < 2
        assert world.entry.ref is not None
        assert world.starts == 1


async def test_intent_of_a_refused_start_is_withdrawn() -> None:
    async with night() as world:
        world.server.misbehave(START, Fault.refuse(404, "No such resource"))
        client = world.open()
        with pytest.raises(NotFoundError):
            await start(client)
        assert world.withdrawn
        assert await start(client)
        assert world.starts == 1


async def test_retried_start_has_an_intent_only_while_it_is_sent() -> None:
    async with night() as world:
        world.server.misbehave(START, Fault.status(429, retry_after=60))
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(30)
        assert (world.entry.over, world.entry.revision) == (True, 2)
        await starting
        assert (world.entry.ref is not None, world.entry.revision) == (True, 4)
        assert (world.entry.lease_until - world.entry.intended_at).total_seconds() == LEASE


async def test_clients_that_begin_at_once_start_once() -> None:
    class SlowToRead(MemoryLedger):
        async def read(self, key: str) -> LedgerEntry | None:
            entry = await super().read(key)
            await asyncio.sleep(0.1)
            return entry

    async with night(SlowToRead(), duration=100) as world:
        calls = [asyncio.create_task(start(world.open())) for _ in range(20)]
        assert len(set(await asyncio.gather(*calls))) == 1
        assert world.starts == 1


async def test_cancelled_request_leaves_its_intent() -> None:
    """The request may still arrive at the platform."""
    async with night() as world:
        world.server.misbehave(START, Fault.stall())
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await asyncio.sleep(1)
        assert world.intended


async def test_intent_whose_write_was_cancelled_is_withdrawn() -> None:
    async with night(SlowLedger(3)) as world:
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await asyncio.sleep(5)
        assert world.withdrawn
        assert world.server.count(START) == 0


@pytest.mark.parametrize("what", ["read", "intent", "answer"])
async def test_ledger_that_fails_before_the_request_fails_the_start(what: str) -> None:
    """Nothing is sent, and no intent is left."""
    ledger = FailingLedger(what)
    async with night(ledger) as world:
        client = world.open()
        with pytest.raises(LedgerError):
            await start(client)
        assert world.server.count(START) == 0
        ledger.fails.clear()
        await asyncio.sleep(2)
        assert not world.ledger.stored or world.withdrawn
        assert await start(client)


async def test_process_that_was_suspended_while_it_wrote_does_not_send() -> None:
    """Its lease is over, and another process has started the target."""

    class Suspending(MemoryLedger):
        async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
            written = await super().write(entry, expected=expected)
            if entry.revision == 1:
                self.ahead += timedelta(seconds=2 * LEASE)
                with pytest.raises(StartUnknownError) as caught:
                    await start(rival)
                assert await self.forget(caught.value.entries[0])
                assert await start(rival)
            return written

    async with night(Suspending(), duration=1000) as world:
        client, rival = world.open(), world.open()
        await start(client)
        assert (world.starts, world.server.count(START)) == (1, 1)


async def test_intent_that_took_too_long_to_write_is_written_again() -> None:
    """So the request is over before the lease is."""
    ledger = SlowLedger(3)
    async with night(ledger) as world:
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        ledger.seconds = 0.0
        await starting
        assert world.entry.revision == 3
        assert world.starts == 1


async def test_ledger_that_is_always_too_slow_fails_the_start() -> None:
    """Nothing is sent, and the intent is withdrawn."""
    ledger = SlowLedger(3)
    async with night(ledger) as world:
        with pytest.raises(LedgerError, match="takes so long"):
            await start(world.open())
        ledger.seconds = 0.0
        await asyncio.sleep(60)
        assert world.withdrawn
        assert world.server.count(START) == 0
