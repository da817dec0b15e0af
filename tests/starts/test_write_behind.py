"""What is written into the ledger in the background, and when it is lost."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async import LedgerEntry
from altcraft_async.simulator import Fault
from altcraft_async.starts.transitions import changed
from altcraft_async.starts.write_behind import BackgroundWriter
from tests.support.faulty_ledgers import FailingLedger, SlowLedger
from tests.support.ledgers import KEY, REF, MemoryLedger, entry_of
from tests.support.loop_time import now
from tests.support.shared_ledger import night, start

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"


async def test_task_of_a_cancelled_caller_is_written() -> None:
    """The start was answered, and the caller is cancelled while its task is written."""
    ledger = SlowLedger()
    async with night(ledger) as world:
        world.server.misbehave(START, Fault.slow_body(2))
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        ledger.seconds = 3
        await asyncio.sleep(2)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await asyncio.sleep(5)
        assert world.entry.ref is not None


async def test_task_that_cannot_be_written_is_returned_and_written_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = FailingLedger("task")
    async with night(ledger, duration=100) as world:
        first = await start(world.open())
        await asyncio.sleep(10)
        assert world.intended
        (record,) = (one for one in caplog.records if "is not in the ledger yet" in one.message)
        name = f"task {first} of resource 24, database 1"
        assert record.message == f"{name} is not in the ledger yet: ledger: no task"
        assert vars(record)["altcraft_task_id"] == first
        assert vars(record)["altcraft_target"] == (24, 1)
        ledger.fails.clear()
        await asyncio.sleep(2)
        assert world.entry.ref is not None
        assert await start(world.open()) == first


async def test_end_that_came_while_the_ledger_failed_is_written_after_the_task() -> None:
    ledger = FailingLedger("task")
    async with night(ledger, duration=1) as world:
        await world.open().resources.refresh(24, database_id=1)
        await asyncio.sleep(3)
        assert world.intended
        ledger.fails.clear()
        await asyncio.sleep(3)
        assert world.entry.ref is not None
        assert world.entry.over


INTENT = entry_of()
TASK = changed(INTENT, ref=REF)


@pytest.mark.parametrize(
    ("stored", "after"),
    [
        (INTENT, TASK),
        (None, None),
        (changed(INTENT, over=True), changed(INTENT, over=True)),
        (entry_of(revision=3, owner="o2"), entry_of(revision=3, owner="o2")),
    ],
)
async def test_task_is_written_only_in_place_of_its_own_intent(
    stored: LedgerEntry | None, after: LedgerEntry | None, caplog: pytest.LogCaptureFixture
) -> None:
    """An entry that another process has changed stays, which is logged."""
    ledger = MemoryLedger({} if stored is None else {KEY: stored})
    writer = BackgroundWriter(ledger)
    writer.started(INTENT, REF)
    await writer.aclose()
    assert ledger.stored.get(KEY) == after
    assert ("whose entry was changed" in caplog.text) == (after != TASK)


async def test_task_that_is_stored_already_is_not_written_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = MemoryLedger({KEY: TASK})
    writer = BackgroundWriter(ledger)
    writer.started(INTENT, REF)
    await writer.aclose()
    assert ledger.stored == {KEY: TASK}
    assert not caplog.messages


async def test_closing_waits_for_five_seconds_and_logs_what_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with night(FailingLedger("task")) as world:
        client = world.open()
        first = await start(client)
        began = now()
        await client.aclose()
        assert now() - began == pytest.approx(5)
        lost = f"could not write 1 changes into the ledger: {world.entry.key} {first}"
        assert caplog.messages[-1] == lost
        assert vars(caplog.records[-1])["altcraft_task_ids"] == [first]


async def test_closing_does_not_wait_for_a_ledger_that_hangs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A caller whose task is being written gets it, and the client writes the rest."""
    ledger = SlowLedger()
    async with night(ledger) as world:
        world.server.misbehave(START, Fault.slow_body(2))
        client = world.open()
        starting = asyncio.create_task(start(client))
        await asyncio.sleep(1)
        ledger.seconds = 10_000
        await asyncio.sleep(2)
        began = now()
        await client.aclose()
        assert now() == began
        assert world.entry.ref is not None
        assert world.entry.ref.task_id == await starting
        assert not caplog.messages


async def test_closing_goes_on_as_long_as_writes_succeed() -> None:
    ledger = SlowLedger()
    async with night(ledger, duration=1) as world:
        client = world.open()
        starts = [
            client.resources.refresh_counters(number, database_id=1) for number in range(1, 101)
        ]
        handles = await asyncio.gather(*starts)
        ledger.seconds = 3.0
        await asyncio.gather(*handles)
        began = now()
        await client.aclose()
        assert now() - began > 5
        assert all(entry.over for entry in ledger.stored.values())
