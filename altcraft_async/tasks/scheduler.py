"""One timer and a few workers for all the handles of a client.

Jobs wait in a wheel: a dict of slots, each a hundredth of a second with a
list of jobs, and one loop timer for the earliest slot. Nothing is compared,
slept or awaited per job. A due job is run by one of a few workers, and a
worker lives only while there are due jobs, so an idle client has no task.

A job that is moved or dropped leaves its old entry behind; the entry is
recognised by its slot, skipped when its time comes, and gone then.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Iterator
from contextvars import Context
from itertools import chain, count, islice
from typing import Protocol

from altcraft_async.errors import AltcraftError
from altcraft_async.transport.clock import Timer
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate_limit import RateLimiter

__all__ = ["Job", "Scheduler"]

SLOTS_PER_SECOND = 100
"""A slot is far shorter than one request, so that nothing is late for it."""

JOBS_A_TURN = 250
"""Jobs ended or freed before the loop gets a turn: some milliseconds, measured with 100,000."""

_A_SLOT = 1 / SLOTS_PER_SECOND  # seconds
_TIMER_SLACK = 1e-3  # slots

_IDLE, _DUE, _RUNNING = -1, -2, -3  # what `Job.slot` holds beside slots


class Job(Protocol):
    """Something that is to be run now and then.

    Attributes:
        slot: The scheduler's own note of where the job is; `Scheduler.IDLE` at first.
        awaited: Whether somebody waits for it, who goes before those that only watch.
    """

    slot: int

    @property
    def awaited(self) -> bool:
        """Say whether somebody waits for it."""
        ...

    def rank(self) -> float:
        """Say how pressing it is, the smallest first; asked when requests are short."""
        ...

    async def run(self) -> float | None:
        """Do it; return the loop time of the next run, or ``None``. Never raises."""
        ...

    def refuse(self, error: AltcraftError) -> float | None:
        """Hear why it may not be done; return as `run` does."""
        ...

    def close(self) -> None:
        """End because the client was closed."""
        ...


class Scheduler:
    """Runs jobs when they are due, a few at once."""

    IDLE = _IDLE

    def __init__(
        self, lifecycle: Lifecycle, rate_limiter: RateLimiter, *, workers: int = 32
    ) -> None:
        """Remember how many jobs run at once, and how fast; nothing is opened yet."""
        self._lifecycle = lifecycle
        self._rate_limiter = rate_limiter
        self._most_workers = workers
        self._wheel: dict[int, list[Job]] = {}
        self._slots: list[int] = []
        self._timer: Timer | None = None
        self._waiting = 0
        self._due: tuple[deque[Job], deque[Job]] = (deque(), deque())
        self._ranked: list[tuple[float, int, Job]] = []
        self._ranks = count()
        self._by_rank = False  # what the last job was taken by
        self._asking = False  # a worker that waits for its place in the rate_limiter, for all
        self._called = False  # a worker that has not come yet
        self._workers: set[asyncio.Task[None]] = set()
        self._parked: list[asyncio.Future[None]] = []

    def at(self, job: Job, when: float) -> None:
        """Run the job at this loop time, in place of the time it was to run before.

        A job that is running goes on; it decides itself when to run again.
        """
        if job.slot in (_DUE, _RUNNING):
            return
        # The slot after, so that no job finds itself too early.
        slot = int(when * SLOTS_PER_SECOND) + 1
        if slot == job.slot:
            return
        if job.slot == _IDLE:
            self._waiting += 1
        job.slot = slot
        jobs = self._wheel.get(slot)
        if jobs is not None:
            jobs.append(job)
            return
        self._wheel[slot] = [job]
        heapq.heappush(self._slots, slot)
        if self._slots[0] == slot:
            self._arm()

    def at_latest(self, job: Job, when: float) -> None:
        """Run the job at this loop time, unless it is to be run before."""
        if job.slot < 0 or job.slot > when * SLOTS_PER_SECOND:
            self.at(job, when)

    def drop(self, job: Job) -> None:
        """Forget the job, if it waits; one that is running just does not come back."""
        if job.slot >= 0:
            self._waiting -= 1
            job.slot = _IDLE
            if not self._waiting:
                self._free(_emptied(self._forget()))
        elif job.slot == _DUE:
            job.slot = _IDLE

    def is_running(self, job: Job) -> bool:
        """Say whether the job runs at this moment."""
        return job.slot == _RUNNING

    async def aclose(self) -> None:
        """Stop, and end every job that waits or runs."""
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        left = chain(*self._due, (entry[2] for entry in self._ranked), _emptied(self._forget()))
        for number, job in enumerate(left, start=1):
            if job.slot != _IDLE:
                job.slot = _IDLE
                job.close()
            if number % JOBS_A_TURN == 0:
                await asyncio.sleep(0)
        await asyncio.gather(*workers, return_exceptions=True)

    def _forget(self) -> dict[int, list[Job]]:
        """Wait for nothing any more; return what there was."""
        wheel, self._wheel = self._wheel, {}
        self._slots.clear()
        self._waiting = 0
        self._dismiss()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return wheel

    def _free(self, left: Iterator[Job]) -> None:
        """Let go of dropped jobs, some each turn of the loop."""
        if sum(1 for _ in islice(left, JOBS_A_TURN)) == JOBS_A_TURN:
            asyncio.get_running_loop().call_soon(self._free, left)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        when = self._slots[0] / SLOTS_PER_SECOND
        # In a context of its own, so that nothing runs in that of whoever happened to come first.
        self._timer = self._lifecycle.call_at(when, self._fire, context=Context())

    def _fire(self) -> None:
        self._timer = None
        if self._lifecycle.closed:
            return
        # asyncio runs a timer up to the clock's resolution early.
        now = int(self._lifecycle.time() * SLOTS_PER_SECOND + _TIMER_SLACK)
        is_short = self._rate_limiter.is_short
        while self._slots and self._slots[0] <= now:
            slot = heapq.heappop(self._slots)
            for job in self._wheel.pop(slot):
                if job.slot != slot:
                    continue
                job.slot = _DUE
                self._waiting -= 1
                if is_short:
                    heapq.heappush(self._ranked, (job.rank(), next(self._ranks), job))
                else:
                    self._due[0 if job.awaited else 1].append(job)
        if self._slots:
            self._arm()
        self._call()

    def _call(self) -> None:
        """Have one more worker come, if there are due jobs for it and none is on its way."""
        if self._called or self._asking or self._lifecycle.closed or not self._has_due():
            return
        while self._parked and self._parked[-1].done():  # cancelled by a stranger
            self._parked.pop()
        if self._parked:
            self._parked.pop().set_result(None)
        elif len(self._workers) >= self._most_workers:
            return
        else:
            # Past any task factory of the user's: an eager one would run it within this call.
            worker = asyncio.Task(self._work(), loop=self._lifecycle.enter(), context=Context())
            self._workers.add(worker)
            worker.add_done_callback(self._gone)
        self._called = True

    def _gone(self, worker: asyncio.Task[None]) -> None:
        """Have another worker in place of one that a stranger has cancelled."""
        self._workers.discard(worker)
        if worker.cancelled() and not self._lifecycle.closed:
            self._called = False
            # Not at once: who cancels all tasks may be about to stop the loop.
            self._lifecycle.enter().call_later(_A_SLOT, self._call, context=Context())
        else:
            self._call()

    async def _work(self) -> None:
        """Run due jobs, and wait for more while any are known."""
        self._called = False
        while True:
            if self._asking or not self._has_due():
                if not (self._asking or self._waiting):
                    break
                await self._park()
                continue
            refused = None if self._rate_limiter.take_now() else await self._ask()
            if self._lifecycle.closed:
                return  # jobs are left where `aclose` finds them
            # Which job goes is decided when one may go, not when the waiting begins.
            job = self._next()
            if job is None:
                continue
            job.slot = _RUNNING
            again: float | None = None
            try:
                self._call()
                again = job.refuse(refused) if refused else await job.run()
            except asyncio.CancelledError:
                # By a stranger, as those are who cancel all tasks: another worker shall run it.
                again = self._lifecycle.time() + _A_SLOT
                raise
            finally:
                self._ran(job, again)
        self._dismiss()

    async def _ask(self) -> AltcraftError | None:
        """Wait for a place in the rate limiter; only one worker waits, so no slot is wasted."""
        self._asking = True
        try:
            await self._rate_limiter.take(for_poll=True)
        except AltcraftError as refused:
            return refused
        finally:
            self._asking = False
        return None

    def _ran(self, job: Job, again: float | None) -> None:
        job.slot = _IDLE
        if self._lifecycle.closed:
            job.close()
        elif again is not None:
            self.at(job, again)

    async def _park(self) -> None:
        """Wait to be called, or dismissed."""
        turn: asyncio.Future[None] = self._lifecycle.enter().create_future()
        self._parked.append(turn)
        try:
            await turn
        finally:
            if turn.cancelled() and turn in self._parked:
                self._parked.remove(turn)
        self._called = False

    def _dismiss(self) -> None:
        """Let the workers end that wait to be called."""
        parked, self._parked = self._parked, []
        for turn in parked:
            if not turn.done():
                turn.set_result(None)

    def _has_due(self) -> bool:
        return bool(self._due[0] or self._due[1] or self._ranked)

    def _next(self) -> Job | None:
        """Take a job out by its rank, or every other time one from before there were ranks.

        So that neither starves: the few that come back with a rank could fill a short rate_limiter.
        """
        while self._has_due():
            first, second = self._due
            self._by_rank = bool(self._ranked) and not (self._by_rank and (first or second))
            ranked = self._by_rank
            job = heapq.heappop(self._ranked)[2] if ranked else (first or second).popleft()
            if job.slot == _DUE:
                return job
        return None


def _emptied(wheel: dict[int, list[Job]]) -> Iterator[Job]:
    """Take the jobs of a wheel out one by one: freeing all at once would stop the loop for long."""
    while wheel:
        slot, jobs = wheel.popitem()
        while jobs:
            job = jobs.pop()
            if job.slot in (slot, _IDLE):  # else it was moved, and comes with another slot
                yield job
