"""Hints over time: early hints, and several hints within one interval."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async import WaitTimeoutError
from altcraft_async.integrations._feedback.hints import EARLY_SECONDS, MAX_EARLY, Hints, Target
from tests.conftest import OpenPlatform
from tests.support.feedback_site import RARELY

pytestmark = pytest.mark.looptime

TARGET: Target = ("resource", (24, 1))


@pytest.mark.parametrize(("age", "polls"), [(EARLY_SECONDS - 1, 1), (EARLY_SECONDS + 1, 0)])
async def test_early_hint_counts_for_a_minute(
    platform: OpenPlatform, age: float, polls: int
) -> None:
    hints = Hints(interval=1.0)
    async with platform(duration=1e6, options={"poll": RARELY}) as (server, client):
        hints.hint(TARGET)
        await asyncio.sleep(age)
        handle = await client.resources.refresh_counters(24, database_id=1)
        hints.watch(TARGET, handle)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=100)
        assert server.count("tasks/status") == polls + 1  # the last poll before the deadline


async def test_only_the_newest_early_hints_are_kept() -> None:
    hints = Hints(interval=1.0)
    for number in range(1, MAX_EARLY + 10):
        hints.hint(("resource", (number, 1)))
    assert len(hints._early) == MAX_EARLY
    assert ("resource", (1, 1)) not in hints._early


async def test_first_and_last_of_several_hints_make_a_poll(platform: OpenPlatform) -> None:
    hints = Hints(interval=1.0)
    async with platform(duration=1e6, options={"poll": RARELY}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        hints.watch(TARGET, handle)
        waiting = asyncio.create_task(handle.wait())
        for _ in range(20):  # one second of hints
            hints.hint(TARGET)
            await asyncio.sleep(0.05)
        await asyncio.sleep(10)
        _, first, last = server.requests
        assert last.at - first.at == pytest.approx(1.0, abs=0.1)
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_hint_for_a_running_task_is_not_kept_for_the_next_one(
    platform: OpenPlatform,
) -> None:
    hints = Hints(interval=1.0)
    async with platform(duration=5.0, options={"poll": RARELY}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        hints.watch(TARGET, handle)
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(5.1)
        hints.hint(TARGET)
        await waiting
        handle = await client.resources.refresh_counters(24, database_id=1)
        hints.watch(TARGET, handle)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=2)
        assert server.count("tasks/status") == 2  # at the hint, and before the deadline
