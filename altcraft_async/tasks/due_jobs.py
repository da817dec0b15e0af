"""The jobs of a scheduler that are due, in the order in which they run.

Jobs with a waiting coroutine go first. Jobs that are queued while requests are
short go by `Job.priority` instead. Jobs that were queued before then get every
other turn, so that neither kind starves.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from itertools import chain, count
from typing import Protocol

from altcraft_async.errors import AltcraftError

__all__ = ["DUE", "DueJobs", "Job"]

DUE = -2
"""`Job.slot` of a job in here; one with another slot was dropped and is skipped."""


class Job(Protocol):
    """Something to be run now and then.

    Attributes:
        slot: The scheduler's note of where the job is; `Scheduler.IDLE` at first.
    """

    slot: int

    @property
    def awaited(self) -> bool:
        """Whether a coroutine waits for it."""
        ...

    def priority(self) -> float:
        """Return a number; the job with the smallest one goes first when requests are short."""
        ...

    async def run(self) -> float | None:
        """Do it; return the loop time of the next run, or ``None``. Never raises."""
        ...

    def refuse(self, error: AltcraftError) -> float | None:
        """Note why it may not run; return as `run` does."""
        ...

    def close(self) -> None:
        """End because the client was closed."""
        ...


class DueJobs:
    """A queue of due jobs."""

    __slots__ = ("_by_priority", "_queues", "_tie_breakers", "_took_by_priority")

    def __init__(self) -> None:
        """Begin empty."""
        self._queues: tuple[deque[Job], deque[Job]] = (deque(), deque())
        self._by_priority: list[tuple[float, int, Job]] = []
        self._tie_breakers = count()
        self._took_by_priority = False

    def __bool__(self) -> bool:
        """Whether any job is in here, dropped ones included."""
        return bool(self._queues[0] or self._queues[1] or self._by_priority)

    def __iter__(self) -> Iterator[Job]:
        """Iterate over the jobs in here, dropped ones included."""
        return chain(*self._queues, (job for *_, job in self._by_priority))

    def add(self, job: Job, *, by_priority: bool) -> None:
        """Queue a job, by its priority while requests are short."""
        job.slot = DUE
        if by_priority:
            heapq.heappush(self._by_priority, (job.priority(), next(self._tie_breakers), job))
        else:
            self._queues[0 if job.awaited else 1].append(job)

    def take(self) -> Job | None:
        """Take the next job, in turn by priority and from those queued without one.

        Jobs that come back with a priority could otherwise use up a low rate limit.
        """
        while self:
            first, second = self._queues
            others = first or second
            by_priority = bool(self._by_priority) and not (self._took_by_priority and others)
            self._took_by_priority = by_priority
            job = heapq.heappop(self._by_priority)[2] if by_priority else others.popleft()
            if job.slot == DUE:
                return job
        return None
