"""A scheduler without a rate limit, and a job that notes when it ran."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from altcraft_async.errors import AltcraftError
from altcraft_async.tasks.scheduler import Scheduler
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter
from tests.support.loop_time import now


def scheduler_of(lifecycle: Lifecycle, *, workers: int = 32) -> Scheduler:
    """Return a scheduler without a rate limit."""
    return Scheduler(lifecycle, RateLimiter(lifecycle, Rate()), workers=workers)


class RecordedJob:
    """A job that notes when it ran."""

    def __init__(
        self,
        *,
        again: Callable[[], float | None] = lambda: None,
        seconds: float = 0.0,
        priority: float = 0.0,
    ) -> None:
        """Run again when ``again`` says; one run takes so many seconds."""
        self.slot = Scheduler.IDLE
        self.ran: list[float] = []
        self.closed = 0
        self._priority = priority
        self._again = again
        self._seconds = seconds

    def priority(self) -> float:
        """Return the given priority."""
        return self._priority

    async def run(self) -> float | None:
        """Note the time."""
        self.ran.append(now())
        if self._seconds:
            await asyncio.sleep(self._seconds)
        return self._again()

    def refuse(self, error: AltcraftError) -> float | None:
        """Fail: no limit of these tests is refused."""
        raise error

    def close(self) -> None:
        """Note the end."""
        self.closed += 1
