"""A process dies at each point of a start, and the next one goes on with the same ledger."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from altcraft_async import StartUnknownError
from tests.support.ledgers import MortalLedger
from tests.support.shared_ledger import LEASE, night, start

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

UNKNOWN = "unknown"

# Operations on the ledger: read the target, read the name, write the intent, write the task; at
# the end: read, write the end.
POINTS = [
    (1, False, 0, 1, 1),  # before the ledger was read
    (2, False, 0, 1, 1),  # before the name was read
    (3, False, 0, 1, 1),  # before the intent
    (3, True, 0, UNKNOWN, 1),  # after the intent, before the request
    (4, False, 1, UNKNOWN, 1),  # after the request, before the task's id
    (4, True, 1, 1, 1),  # after the id
    (6, False, 1, 1, 1),  # before the end
    (6, True, 1, 1, 1),  # after the end
]


@pytest.mark.parametrize("reconcile", [False, True], ids=["alone", "reconciling"])
@pytest.mark.parametrize(("dies_at", "is_stored", "before", "after", "reconciled"), POINTS)
async def test_next_process_starts_at_most_once(  # noqa: PLR0913 -- a table
    dies_at: int,
    before: int,
    after: int | str,
    reconciled: int,
    *,
    is_stored: bool,
    reconcile: bool,
) -> None:
    """And exactly once if it reconciles."""
    mortal = MortalLedger()
    async with night(mortal, duration=2 * LEASE, shows_running=True) as world:
        first = world.open(reconcile_starts=reconcile)
        mortal.fatal, mortal.is_stored = dies_at, is_stored
        resources = first.resources
        running = asyncio.create_task(resources.refresh(24, database_id=1, idempotency_key="once"))
        await asyncio.sleep(1 if before == 0 or dies_at == 4 else 2 * LEASE + 2)
        assert mortal.dead
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert world.starts == before
        heir = MortalLedger(mortal.stored)
        second = world.open(ledger=heir, reconcile_starts=reconcile)
        expected = reconciled if reconcile else after
        with pytest.raises(StartUnknownError) if expected == UNKNOWN else contextlib.nullcontext():
            await start(second, "once")
        assert world.starts == (before if expected == UNKNOWN else expected)
