"""The jobs of a scheduler that are due, in the order in which they run.

Jobs that can run at once are queued with `AT_ONCE` and run in the order in which they
came. Others are queued by `Job.priority`.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from itertools import count
from typing import Protocol

from altcraft_async.errors import AltcraftError

__all__ = ["AT_ONCE", "DUE", "DueJobs", "Job"]

DUE = -2
"""`Job.slot` of a job in here; one with another slot was dropped and is skipped."""

AT_ONCE = -math.inf
"""The priority of a job that need not wait, which is cheaper than asking for one."""


class Job(Protocol):
    """Something to be run now and then.

    Attributes:
        slot: The scheduler's note of where the job is; `Scheduler.IDLE` at first.
    """

    slot: int

    def priority(self) -> float:
        """Return a number; the job with the smallest one goes first when jobs have to wait."""
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


class DueJobs(list[tuple[float, int, Job]]):
    """A queue of due jobs, the smallest priority first; a heap, dropped jobs included."""

    __slots__ = ("_tie_breakers",)

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._tie_breakers = count()

    @property
    def has_jobs(self) -> bool:
        """Whether a job is in here that was not dropped."""
        return any(job.slot == DUE for *_, job in self)

    def add(self, job: Job, priority: float) -> None:
        """Queue a job; of equal priorities, the one that came first goes first."""
        job.slot = DUE
        heapq.heappush(self, (priority, next(self._tie_breakers), job))

    def take(self) -> Job | None:
        """Take the next job."""
        while self:
            job = heapq.heappop(self)[2]
            if job.slot == DUE:
                return job
        return None

    def drain(self) -> Iterator[Job]:
        """Take all jobs out in any order, dropped ones included."""
        while self:
            yield self.pop()[2]
