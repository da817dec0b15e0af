"""Leases of processes whose clock is wrong."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from altcraft_async import LedgerEntry, StartUnknownError
from altcraft_async.simulator import Fault
from tests.support.ledgers import NIGHT, entry_of
from tests.support.loop_time import now
from tests.support.shared_ledger import LEASE, Night, night, start

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

HOUR = timedelta(hours=1)


def left_behind(world: Night, *, ahead: timedelta = HOUR) -> LedgerEntry:
    """Store the intent of a process whose clock was ahead, and that died."""
    began = NIGHT + ahead
    entry = entry_of(
        world.key, intended_at=began, lease_until=began + timedelta(seconds=LEASE), owner="dead"
    )
    world.ledger.stored[world.key] = entry
    return entry


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was warned of."""
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


async def test_lease_of_a_clock_that_was_ahead_ends_after_its_length(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with night() as world:
        entry = left_behind(world)
        with pytest.raises(StartUnknownError) as unknown:
            await start(world.open())
        assert now() == pytest.approx(LEASE, abs=1)
        assert unknown.value.entries == (entry,)
        (warning,) = warnings(caplog)
        assert "is 3600 s ahead of ours" in warning


async def test_start_after_that_lease_is_reconciled() -> None:
    async with night(shows_running=True) as world:
        client = world.open(reconcile_starts=True)
        await client.resources.refresh(24, database_id=1)
        before = world.entry.revision
        world.ledger.stored[world.key] = entry_of(
            world.key,
            revision=before + 1,
            intended_at=NIGHT + HOUR,
            lease_until=NIGHT + HOUR + timedelta(seconds=LEASE),
            before=world.entry.before or "never",
        )
        began = now()
        assert await start(client)
        assert now() - began == pytest.approx(LEASE, abs=1)


async def test_timeout_ends_the_wait_for_the_start_of_another_process() -> None:
    async with night() as world:
        entry = left_behind(world)
        with pytest.raises(StartUnknownError, match="nothing was sent within `timeout`") as pending:
            await world.open().resources.refresh(24, database_id=1, timeout=2)
        assert now() == pytest.approx(2, abs=0.1)
        assert pending.value.entries == (entry,)
        assert not world.server.requests


async def test_resume_waits_for_that_lease_no_longer_than_it_is() -> None:
    async with night() as world:
        left_behind(world)
        with pytest.raises(StartUnknownError):
            _ = [handle async for handle in world.open().resume()]
        assert now() == pytest.approx(LEASE, abs=1)


async def test_start_under_way_is_waited_for_without_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with night(duration=100) as world:
        world.server.misbehave("resources/refresh_counters", Fault.slow_body(5))
        first = world.open()
        calls = [asyncio.create_task(start(one)) for one in (first, world.open())]
        assert len(set(await asyncio.gather(*calls))) == 1
        assert warnings(caplog) == []
