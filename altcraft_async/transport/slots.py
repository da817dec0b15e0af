"""How many starts, or other calls, are under way at once: as many as `Concurrency` allows.

A caller takes a slot, waits for the rate limiter in it, and then has its request timed. So
waiting for the rate limiter does not count as a slow answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from altcraft_async.errors import AltcraftError
from altcraft_async.transport.concurrency import Concurrency
from altcraft_async.transport.retry import is_passing

__all__ = ["Slots"]

T = TypeVar("T")


class Slots(asyncio.Semaphore):
    """A semaphore whose number of slots follows from what the requests in them take."""

    def __init__(self, most: int) -> None:
        """Never have more slots than that."""
        self._concurrency = Concurrency(most)
        self._surplus = 0  # slots that are taken and will not be given out again
        super().__init__(self._concurrency.limit)

    async def timed(self, clock: Callable[[], float], request: Awaitable[T]) -> T:
        """Await a request in a slot, and have more or fewer slots by what it took."""
        began = clock()
        try:
            answer = await request
        except AltcraftError as failure:
            if is_passing(failure):
                self._concurrency.failed()
            self._ended(began, clock())
            raise
        self._ended(began, clock())
        return answer

    def _ended(self, began: float, now: float) -> None:
        limit = self._concurrency.limit
        self._concurrency.ended(began, now, is_reached=self.locked())
        self._surplus += limit - self._concurrency.limit
        while self._surplus < 0:
            self._surplus += 1
            super().release()

    def release(self) -> None:
        """Give a slot back, or drop it if there are too many."""
        if self._surplus > 0:
            self._surplus -= 1
        else:
            super().release()
