"""Runs the polls of one client when they are due, from one timer and a few workers.

Jobs wait in a timer wheel: a dict of slots, each a hundredth of a second with a
list of jobs, and one loop timer for the earliest slot. When a slot is due, its
jobs are queued in `DueJobs`, and workers run them, as many at once as `Concurrency`
allows. Jobs that have to wait for a worker, for the rate limiter or for the end of an
outage are queued by `Job.priority`.

A worker is created when a job is due and all others are busy. It lives while jobs are
known, so an idle client has no task. Workers are woken one after the other: each wakes
the next before it runs its job, if more jobs are due. Only one worker at a time waits
for the rate limiter. It picks a job once a request may be sent, so no request is wasted
on a job that was dropped meanwhile. One that other code cancels is replaced, and its job
runs again.

Moving or dropping a job only changes its `Job.slot`. Its old entry is skipped when due.

Nothing here sleeps or creates a task per job, and nothing knows what a job does.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator
from contextvars import Context
from itertools import chain, count, islice

from altcraft_async.errors import AltcraftError
from altcraft_async.tasks.due_jobs import AT_ONCE, DUE, DueJobs, Job
from altcraft_async.transport.clock import Timer
from altcraft_async.transport.concurrency import Concurrency
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate_limit import RateLimiter

__all__ = ["Scheduler"]

SLOTS_PER_SECOND = 100
"""A slot is far shorter than one request, so that it makes no poll late."""

JOBS_PER_ITERATION = 250
"""Jobs ended or freed in one iteration of the event loop: some milliseconds with 100,000 jobs."""

SPREAD_SECONDS = 2.0
"""Seconds over which all jobs are spread after an outage."""

_SLOT_SECONDS = 1 / SLOTS_PER_SECOND
_TIMER_SLACK = 1e-3  # slots

_IDLE, _RUNNING = -1, -3  # values of `Job.slot` beside slots and `DUE`


class Scheduler:
    """Runs jobs when they are due, a few at once.

    Attributes:
        concurrency: How many jobs run at once; to be told which of them have failed.
        on_held: Called when jobs are due that wait for `resume`, or are refused.
    """

    IDLE = _IDLE

    def __init__(
        self, lifecycle: Lifecycle, rate_limiter: RateLimiter, *, workers: int = 256
    ) -> None:
        """Run up to ``workers`` jobs at once, fewer where that is enough; open nothing yet."""
        self._lifecycle = lifecycle
        self._rate_limiter = rate_limiter
        self.concurrency = Concurrency(workers)
        self._wheel: dict[int, list[Job]] = {}
        self._slots: list[int] = []
        self._timer: Timer | None = None
        self._scheduled = 0
        self._due = DueJobs()
        self._acquiring = False  # whether a worker waits for the rate limiter
        self._waking = False  # whether a worker was woken or created and has not begun
        self._workers: set[asyncio.Task[None]] = set()
        self._began: dict[asyncio.Task[None], float] = {}  # when each began its job
        self._is_suspended = False
        self._refusal: AltcraftError | None = None
        self.on_held: Callable[[], None] | None = None
        self._wake_ups: list[asyncio.Future[None]] = []  # of workers without a job

    def at(self, job: Job, when: float) -> None:
        """Run the job at this loop time instead of the one that was planned.

        A running job is left alone; its `Job.run` returns when to run again.
        """
        if job.slot in (DUE, _RUNNING):
            return
        # The next slot, so that no job runs too early.
        slot = int(when * SLOTS_PER_SECOND) + 1
        if slot == job.slot:
            return
        if job.slot == _IDLE:
            self._scheduled += 1
        job.slot = slot
        jobs = self._wheel.get(slot)
        if jobs is not None:
            if jobs[-1].slot == slot:
                job.slot = jobs[-1].slot  # the same object, which saves 32 bytes
            jobs.append(job)
            return
        self._wheel[slot] = [job]
        heapq.heappush(self._slots, slot)
        if self._slots[0] == slot:
            self._arm()

    def at_latest(self, job: Job, when: float) -> None:
        """Run the job at this loop time, unless an earlier one is planned."""
        if job.slot < 0 or job.slot > when * SLOTS_PER_SECOND:
            self.at(job, when)

    def drop(self, job: Job) -> None:
        """Forget the job unless it is running."""
        if job.slot >= 0:
            self._scheduled -= 1
            job.slot = _IDLE
            if not self._scheduled:
                self._free(_drained(self._clear()))
        elif job.slot == DUE:
            job.slot = _IDLE

    def is_running(self, job: Job) -> bool:
        """Return whether the job is running."""
        return job.slot == _RUNNING

    @property
    def jobs(self) -> int:
        """How many jobs are scheduled, due or running; may count dropped ones that are queued."""
        return self._scheduled + len(self._due) + len(self._began)

    @property
    def has_jobs(self) -> bool:
        """Whether any job is scheduled, due or running."""
        return bool(self._scheduled or self._began or self._due.has_jobs)

    def suspend(self) -> None:
        """Run no job until `resume`; running jobs go on."""
        self._is_suspended = True

    def resume(self, *, is_back: bool, refusal: AltcraftError | None = None) -> None:
        """Run jobs again, or refuse them; if the platform is back, all within `SPREAD_SECONDS`."""
        self._is_suspended = False
        self._refusal = refusal
        if is_back:
            now = self._lifecycle.time()
            later = sorted(slot for slot in self._wheel if slot > now * SLOTS_PER_SECOND)
            each = SPREAD_SECONDS / (self._scheduled + 1)
            self._hasten(zip(self._in_slots(later), count(now, each), strict=False))
        self._wake_worker()

    def rerun(self, before: float) -> None:
        """Run again the jobs that began before this time, as they wait for an answer in vain."""
        noticed = asyncio.current_task()  # may be a worker, whose job got an answer
        for worker, began in self._began.items():
            if began < before and worker is not noticed:
                worker.cancel()

    def _in_slots(self, slots: list[int]) -> Iterator[Job]:
        """Iterate over the scheduled jobs of these slots, which may be moved meanwhile."""
        for slot in slots:
            for job in tuple(self._wheel.get(slot, ())):
                if job.slot == slot:
                    yield job

    def _hasten(self, plan: Iterator[tuple[Job, float]]) -> None:
        """Bring jobs forward to these times, some in each iteration of the event loop."""
        moved = 0
        for job, when in islice(plan, JOBS_PER_ITERATION):
            self.at_latest(job, when)
            moved += 1
        if moved == JOBS_PER_ITERATION and not self._lifecycle.closed:
            self._lifecycle.enter().call_soon(self._hasten, plan, context=Context())

    async def aclose(self) -> None:
        """Stop the workers and end every job that is scheduled, due or running."""
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        left = chain(self._due.drain(), _drained(self._clear()))
        for number, job in enumerate(left, start=1):
            if job.slot != _IDLE:
                job.slot = _IDLE
                job.close()
            if number % JOBS_PER_ITERATION == 0:
                await asyncio.sleep(0)
        await asyncio.gather(*workers, return_exceptions=True)

    def _clear(self) -> dict[int, list[Job]]:
        """Schedule nothing any more; return what was scheduled."""
        wheel, self._wheel = self._wheel, {}
        self._slots.clear()
        self._scheduled = 0
        self._release_workers()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return wheel

    def _free(self, left: Iterator[Job]) -> None:
        """Free dropped jobs, some in each iteration of the event loop."""
        if sum(1 for _ in islice(left, JOBS_PER_ITERATION)) == JOBS_PER_ITERATION:
            asyncio.get_running_loop().call_soon(self._free, left)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        when = self._slots[0] / SLOTS_PER_SECOND
        # In an empty context, not in that of the caller that happened to come first.
        self._timer = self._lifecycle.call_at(when, self._fire, context=Context())

    def _fire(self) -> None:
        self._timer = None
        if self._lifecycle.closed:
            return
        # asyncio runs a timer up to the clock's resolution early.
        now = int(self._lifecycle.time() * SLOTS_PER_SECOND + _TIMER_SLACK)
        room = 0.0 if self._is_suspended else min(self._room, self._rate_limiter.free)
        while self._slots and self._slots[0] <= now:
            slot = heapq.heappop(self._slots)
            for job in self._wheel.pop(slot):
                if job.slot != slot:
                    continue
                self._scheduled -= 1
                self._due.add(job, AT_ONCE if len(self._due) < room else job.priority())
        if self._slots:
            self._arm()
        if (self._is_suspended or self._refusal) and self.on_held is not None:
            self.on_held()
        self._wake_worker()

    def _wake_worker(self) -> None:
        """Wake or create one more worker, if jobs are due and none is on its way."""
        if self._waking or self._acquiring or self._lifecycle.closed or not self._can_run():
            return
        while self._wake_ups and self._wake_ups[-1].done():  # cancelled by other code
            self._wake_ups.pop()
        if self._wake_ups:
            self._wake_ups.pop().set_result(None)
        else:
            # Not by a task factory of the user's: an eager one would run it within this call.
            worker = asyncio.Task(self._work(), loop=self._lifecycle.enter(), context=Context())
            self._workers.add(worker)
            worker.add_done_callback(self._worker_ended)
        self._waking = True

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        """Replace a worker that other code has cancelled."""
        self._workers.discard(worker)
        if worker.cancelled() and not self._lifecycle.closed:
            self._waking = False
            # A little later: code that cancels all tasks may be about to stop the loop.
            loop = self._lifecycle.enter()
            loop.call_later(_SLOT_SECONDS, self._wake_worker, context=Context())
        else:
            self._wake_worker()

    async def _work(self) -> None:
        """Run due jobs, and wait for more while any are known."""
        self._waking = False
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 -- narrows: a coroutine of a task
        while True:
            if self._acquiring or not self._can_run():
                if not (self._acquiring or self._scheduled):
                    break
                await self._wait_for_job()
                continue
            refused = self._refusal and self._refusal.fresh()
            if refused is not None:
                await asyncio.sleep(0)
            elif not self._rate_limiter.try_acquire():
                refused = await self._acquire()
            if self._lifecycle.closed:
                return  # jobs are left where `aclose` finds them
            # The job is picked once a request may be sent, not when the waiting begins.
            job = None if self._is_suspended else self._due.take()
            if job is not None:
                await self._run(worker, job, refused)
        self._release_workers()

    async def _run(
        self, worker: asyncio.Task[None], job: Job, refused: AltcraftError | None
    ) -> None:
        job.slot = _RUNNING
        again: float | None = None
        self._began[worker] = began = self._lifecycle.time()
        try:
            self._wake_worker()
            if refused is not None:
                again = job.refuse(refused)
            else:
                again = await job.run()
                is_reached = self._room <= 0 < len(self._due)
                self.concurrency.ended(began, self._lifecycle.time(), is_reached=is_reached)
        except asyncio.CancelledError:
            # By other code, such as that which cancels all tasks: another worker runs the job.
            again = self._lifecycle.time() + _SLOT_SECONDS
            raise
        finally:
            del self._began[worker]
            self._reschedule(job, again)

    async def _acquire(self) -> AltcraftError | None:
        """Wait for the rate limiter; only one worker waits, so no slot is wasted."""
        self._acquiring = True
        try:
            await self._rate_limiter.acquire(for_poll=True)
        except AltcraftError as refused:
            return refused
        finally:
            self._acquiring = False
        return None

    def _reschedule(self, job: Job, again: float | None) -> None:
        job.slot = _IDLE
        if self._lifecycle.closed:
            job.close()
        elif again is not None:
            self.at(job, again)

    async def _wait_for_job(self) -> None:
        """Wait until woken or released."""
        wake_up: asyncio.Future[None] = self._lifecycle.enter().create_future()
        self._wake_ups.append(wake_up)
        try:
            await wake_up
        finally:
            if wake_up.cancelled() and wake_up in self._wake_ups:
                self._wake_ups.remove(wake_up)
        self._waking = False

    def _release_workers(self) -> None:
        """Let the workers without a job end."""
        while self._wake_ups:
            wake_up = self._wake_ups.pop()
            if not wake_up.done():
                wake_up.set_result(None)

    @property
    def _room(self) -> int:
        """How many more jobs may run."""
        return self.concurrency.limit - len(self._began)

    def _can_run(self) -> bool:
        has_room = len(self._began) < self.concurrency.limit  # asked twice for each job
        return has_room and bool(self._due) and not self._is_suspended


def _drained(wheel: dict[int, list[Job]]) -> Iterator[Job]:
    """Take jobs out one by one: freeing the wheel at once would block the event loop for long."""
    while wheel:
        slot, jobs = wheel.popitem()
        while jobs:
            job = jobs.pop()
            if job.slot in (slot, _IDLE):  # else it was moved, and has another entry
                yield job
