"""How many calls are under way at once follows from what their answers take."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async.errors import TransportError
from altcraft_async.transport.concurrency import LEAST
from altcraft_async.transport.slots import Slots
from tests.support.loop_time import now

pytestmark = pytest.mark.looptime


class Calls:
    """Calls in slots that take a second, or fail after it; counts those under way."""

    def __init__(self, most: int) -> None:
        """Begin with none."""
        self.slots = Slots(most)
        self.failing = False
        self.under_way = self.most_under_way = 0

    async def call(self) -> None:
        """Make one, with what waiting for the rate limiter would add."""
        async with self.slots:
            await asyncio.sleep(3)
            await self.slots.timed(now, self._request())

    async def _request(self) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(1)
        finally:
            self.under_way -= 1
        if self.failing:
            message = "broken"
            raise TransportError(message)

    async def make(self, calls: int) -> None:
        """Make so many."""
        self.most_under_way = 0
        await asyncio.gather(*(self.call() for _ in range(calls)), return_exceptions=True)


async def test_slots_grow_while_calls_wait_for_them_up_to_the_most() -> None:
    calls = Calls(100)
    await calls.make(LEAST)
    assert calls.most_under_way == LEAST
    await calls.make(500)
    assert calls.most_under_way == 100


async def test_slots_shrink_while_calls_fail() -> None:
    calls = Calls(100)
    await calls.make(500)
    calls.failing = True
    await calls.make(500)
    await calls.make(100)
    assert calls.most_under_way == LEAST
    calls.failing = False
    await calls.make(500)
    assert calls.most_under_way == 100


async def test_cancelled_calls_give_their_slots_back() -> None:
    calls = Calls(8)
    tasks = [asyncio.create_task(calls.call()) for _ in range(20)]
    await asyncio.sleep(3.5)
    for task in tasks[:15]:
        task.cancel()
    await asyncio.wait(tasks)
    await calls.make(8)
    assert calls.most_under_way == 8
