"""When the scheduler runs a job, and in which order."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.errors import AltcraftError
from altcraft_async.tasks.scheduler import SLOTS_PER_SECOND, Scheduler
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter
from tests.support.loop_time import now

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

RESOLUTION = 1 / SLOTS_PER_SECOND

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]


def this_task() -> asyncio.Task[Any]:
    """Return the task of the test."""
    task = asyncio.current_task()
    assert task is not None
    return task


def scheduler_of(lifecycle: Lifecycle, *, workers: int = 32) -> Scheduler:
    """Return a scheduler without a rate limit."""
    return Scheduler(lifecycle, RateLimiter(lifecycle, Rate()), workers=workers)


class Recorded:
    """A job that notes when it ran."""

    def __init__(
        self,
        *,
        awaited: bool = True,
        again: Callable[[], float | None] = lambda: None,
        seconds: float = 0.0,
        priority: float = 0.0,
    ) -> None:
        """Run again when ``again`` says; one run takes so many seconds."""
        self.slot = Scheduler.IDLE
        self.awaited = awaited
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


async def test_job_runs_once_and_never_early() -> None:
    scheduler, job = scheduler_of(Lifecycle()), Recorded()
    scheduler.at(job, 3.333)
    await asyncio.sleep(10)
    assert job.ran == [pytest.approx(3.34, abs=1e-3)]
    assert job.ran[0] >= 3.333


async def test_moved_job_runs_at_the_new_time_only() -> None:
    scheduler, job = scheduler_of(Lifecycle()), Recorded()
    for when in (5.0, 3.0, 8.0, 3.0, 4.0):
        scheduler.at(job, when)
    await asyncio.sleep(10)
    assert job.ran == [pytest.approx(4.0, abs=2 * RESOLUTION)]


async def test_at_latest_moves_a_job_only_to_an_earlier_time() -> None:
    scheduler, job = scheduler_of(Lifecycle()), Recorded()
    scheduler.at_latest(job, 5.0)
    scheduler.at_latest(job, 7.0)
    scheduler.at_latest(job, 2.0)
    await asyncio.sleep(10)
    assert job.ran == [pytest.approx(2.0, abs=2 * RESOLUTION)]


async def test_dropped_job_does_not_run_and_the_last_one_leaves_no_timer() -> None:
    loop = asyncio.get_running_loop()
    scheduler, one, two = scheduler_of(Lifecycle()), Recorded(), Recorded()
    scheduler.at(one, 1.0)
    scheduler.at(two, 2.0)
    scheduler.drop(one)
    await asyncio.sleep(5)
    assert not one.ran
    assert len(two.ran) == 1
    scheduler.at(one, 60.0)
    scheduler.drop(one)
    scheduler.drop(one)
    began = loop.time()
    await asyncio.sleep(1)
    assert loop.time() - began == pytest.approx(1)
    assert one.slot == Scheduler.IDLE


async def test_dropped_job_can_be_scheduled_again() -> None:
    scheduler, job, other = scheduler_of(Lifecycle()), Recorded(), Recorded()
    scheduler.at(other, 1.0)
    for _ in range(3):
        scheduler.at(job, 1.0)
        scheduler.drop(job)
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    assert len(job.ran) == 1


async def test_job_with_a_time_in_the_past_runs_at_once() -> None:
    scheduler, job = scheduler_of(Lifecycle()), Recorded()
    await asyncio.sleep(5)
    scheduler.at(job, 1.0)
    await asyncio.sleep(0.02)
    assert len(job.ran) == 1


async def test_job_runs_again_at_the_time_that_it_returned() -> None:
    times = iter([2.0, 3.0])
    scheduler, job = scheduler_of(Lifecycle()), Recorded(again=lambda: next(times, None))
    scheduler.at(job, 1.0)
    await asyncio.sleep(10)
    assert job.ran == [pytest.approx(t, abs=2 * RESOLUTION) for t in (1.0, 2.0, 3.0)]


async def test_running_job_is_not_started_twice() -> None:
    scheduler, job = scheduler_of(Lifecycle()), Recorded(seconds=5)
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    scheduler.at(job, 2.5)
    scheduler.drop(job)
    await asyncio.sleep(10)
    assert len(job.ran) == 1


async def test_no_more_jobs_run_at_once_than_there_are_workers() -> None:
    """Ten jobs of a second each, due together, take five seconds with two workers."""
    scheduler = scheduler_of(Lifecycle(), workers=2)
    jobs = [Recorded(seconds=1) for _ in range(10)]
    for job in jobs:
        scheduler.at(job, 1.0)
    await asyncio.sleep(10)
    starts = sorted(round(job.ran[0]) for job in jobs)
    assert starts == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


async def test_awaited_jobs_run_before_those_of_callbacks() -> None:
    scheduler = scheduler_of(Lifecycle(), workers=1)
    callbacks = [Recorded(awaited=False, seconds=1) for _ in range(3)]
    awaited = [Recorded(awaited=True, seconds=1) for _ in range(3)]
    for job in (*callbacks, *awaited):
        scheduler.at(job, 1.0)
    await asyncio.sleep(10)
    assert max(job.ran[0] for job in awaited) < min(job.ran[0] for job in callbacks)


async def test_jobs_run_by_priority_when_the_rate_limiter_is_saturated() -> None:
    lifecycle = Lifecycle()
    lifecycle.enter()
    rate_limiter = RateLimiter(lifecycle, Rate(2))
    scheduler = Scheduler(lifecycle, rate_limiter)
    await rate_limiter.acquire()
    jobs = [Recorded(priority=rank) for rank in (5.0, 1.0, 4.0, 2.0, 3.0)]
    for job in jobs:
        scheduler.at(job, 0.1)
    await asyncio.sleep(10)
    by_rank = sorted(jobs, key=lambda job: job._priority)
    assert [job.ran[0] for job in by_rank] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5], abs=0.02)


async def test_due_job_can_be_dropped_and_moved() -> None:
    scheduler = scheduler_of(Lifecycle(), workers=1)
    first, dropped, moved = Recorded(seconds=2), Recorded(), Recorded()
    for job in (first, dropped, moved):
        scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    scheduler.drop(dropped)
    scheduler.drop(moved)
    scheduler.at(moved, 6.0)
    await asyncio.sleep(10)
    assert not dropped.ran
    assert moved.ran == [pytest.approx(6.0, abs=2 * RESOLUTION)]


async def test_due_job_runs_after_the_last_scheduled_one_was_dropped() -> None:
    scheduler = scheduler_of(Lifecycle(), workers=1)
    slow, queued, waiting = Recorded(seconds=5), Recorded(), Recorded()
    scheduler.at(slow, 1.0)
    scheduler.at(queued, 1.0)
    scheduler.at(waiting, 60.0)
    await asyncio.sleep(2)
    scheduler.drop(waiting)
    await asyncio.sleep(10)
    assert queued.ran == [pytest.approx(6.01, abs=RESOLUTION)]


async def test_workers_live_while_jobs_are_known() -> None:
    scheduler = scheduler_of(Lifecycle())
    jobs = [Recorded(again=lambda: now() + 1 if now() < 10 else None, seconds=0.1) for _ in "abc"]
    for job in jobs:
        scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    workers = asyncio.all_tasks()
    await asyncio.sleep(5)
    assert asyncio.all_tasks() == workers
    assert len(workers) == len(jobs) + 1
    await asyncio.sleep(10)
    assert len(asyncio.all_tasks()) == 1


async def test_job_of_a_cancelled_worker_runs_again() -> None:
    """So does the rest, after a call that cancels all tasks."""
    scheduler = scheduler_of(Lifecycle(), workers=2)
    running, waiting = Recorded(seconds=5), Recorded()
    scheduler.at(running, 1.0)
    scheduler.at(waiting, 10.0)
    await asyncio.sleep(2)
    assert len(asyncio.all_tasks()) == 2
    for moment in (2, 8):  # while one runs, and while one is idle
        await asyncio.sleep(moment - now())
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    await asyncio.sleep(10)
    assert running.ran == [pytest.approx(1, abs=0.02), pytest.approx(2, abs=0.02)]
    assert waiting.ran == [pytest.approx(10, abs=0.02)]


class ActsWhenDue(Recorded):
    """A job that does something when it becomes due."""

    def __init__(self, act: Callable[[], object]) -> None:
        """Remember what to do."""
        super().__init__()
        self._act = act

    @property
    def awaited(self) -> bool:
        """Do it; the scheduler asks this when the job is due, before it wakes a worker."""
        self._act()
        return True

    @awaited.setter
    def awaited(self, value: bool) -> None:
        """Ignore the value."""


def cancel_workers() -> None:
    """Cancel all tasks but that of the test, in the next iteration of the loop."""
    loop, me = asyncio.get_running_loop(), "test"

    def cancel() -> None:
        for task in asyncio.all_tasks(loop):
            if task.get_name() != me:
                task.cancel()

    loop.call_soon(cancel)


async def test_worker_cancelled_before_it_begins_is_replaced() -> None:
    this_task().set_name("test")
    acts = [cancel_workers]
    scheduler, job = scheduler_of(Lifecycle()), ActsWhenDue(lambda: acts and acts.pop()())
    scheduler.at(job, 1.0)
    await asyncio.sleep(5)
    assert job.ran == [pytest.approx(1.02, abs=0.02)]


async def test_job_of_an_idle_worker_cancelled_as_it_is_due_runs() -> None:
    this_task().set_name("test")
    scheduler = scheduler_of(Lifecycle())
    early = [Recorded(seconds=0.5), Recorded(seconds=0.5)]
    this_test = this_task()
    acts = [lambda: [task.cancel() for task in asyncio.all_tasks() if task is not this_test]]
    late = [ActsWhenDue(lambda: acts and acts.pop()()), Recorded(), Recorded()]
    for job in early:
        scheduler.at(job, 1.0)
    for job in late:
        scheduler.at(job, 3.0)
    await asyncio.sleep(5)
    assert [len(job.ran) for job in (*early, *late)] == [1] * 5


async def test_workers_ignore_the_loops_task_factory() -> None:
    """An eager factory would run a worker within the call that creates it."""
    made: list[object] = []
    loop = asyncio.get_running_loop()

    def factory(
        _loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **_options: Any,  # noqa: ANN401 -- asyncio's own
    ) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine)

    loop.set_task_factory(factory)
    scheduler, job = scheduler_of(Lifecycle()), Recorded()
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    loop.set_task_factory(None)
    assert len(job.ran) == 1
    assert made == []


async def test_jobs_queued_without_priority_do_not_starve() -> None:
    lifecycle = Lifecycle()
    scheduler = Scheduler(lifecycle, RateLimiter(lifecycle, Rate(10)))
    jobs = [Recorded(again=lambda: now() + 0.3) for _ in range(50)]
    for job in jobs:
        scheduler.at(job, 1.0)
    await asyncio.sleep(12)
    assert min(len(job.ran) for job in jobs) >= 1
    lifecycle.close()
    await scheduler.aclose()


async def test_no_request_slot_is_taken_without_a_job() -> None:
    lifecycle = Lifecycle()
    rate_limiter = RateLimiter(lifecycle, Rate(10))
    scheduler = Scheduler(lifecycle, rate_limiter)
    jobs = [Recorded(seconds=0.05) for _ in range(40)]
    for job in jobs:
        scheduler.at(job, 1.0)
    await asyncio.sleep(5.5)
    assert sum(len(job.ran) for job in jobs) == 40
    began = now()
    for _ in range(5):
        await rate_limiter.acquire()
    assert now() - began <= 0.51


async def test_idle_scheduler_has_no_task_and_no_timer() -> None:
    scheduler, job = scheduler_of(Lifecycle()), Recorded()
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_jobs_do_not_run_in_the_context_of_a_caller() -> None:
    variable = contextvars.ContextVar("variable", default="none")
    found: list[str] = []

    def poll() -> None:
        found.append(variable.get())

    variable.set("of a handler")
    scheduler, job = scheduler_of(Lifecycle()), Recorded(again=poll)
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    assert found == ["none"]


async def test_close_ends_every_job_once() -> None:
    lifecycle = Lifecycle()
    scheduler = scheduler_of(lifecycle, workers=1)
    jobs = [Recorded(seconds=60) for _ in range(1200)]
    for index, job in enumerate(jobs):
        scheduler.at(job, 1.0 if index < 600 else 100.0)
    idle = Recorded()
    scheduler.at(idle, 1.0)
    scheduler.drop(idle)
    await asyncio.sleep(2)
    lifecycle.close()
    await scheduler.aclose()
    assert [job.closed for job in jobs] == [1] * 1200
    assert not idle.closed
    assert now() < 3
    assert sum(len(job.ran) for job in jobs) == 1


async def test_client_closed_between_two_jobs_runs_no_second_one() -> None:
    lifecycle = Lifecycle()
    scheduler = scheduler_of(lifecycle, workers=1)
    closing, queued = Recorded(again=lifecycle.close), Recorded()
    for job in (closing, queued):
        scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    await scheduler.aclose()
    assert (closing.closed, queued.closed, queued.ran) == (1, 1, [])


async def test_timer_that_fires_after_the_client_closed_runs_nothing() -> None:
    lifecycle = Lifecycle()
    scheduler, job = scheduler_of(lifecycle), Recorded()
    scheduler.at(job, 1.0)
    lifecycle.close()
    await asyncio.sleep(2)
    await scheduler.aclose()
    assert not job.ran
    assert job.closed == 1


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(["at", "at_latest", "drop"]),
            st.floats(0, 5, allow_nan=False),
        ),
        max_size=40,
    )
)
def test_every_order_of_calls_runs_each_job_at_its_last_time(
    calls: list[tuple[int, str, float]],
) -> None:
    async def play() -> None:
        scheduler = scheduler_of(Lifecycle())
        jobs = [Recorded() for _ in range(5)]
        expected: dict[int, float] = {}
        for index, call, when in calls:
            if call == "drop":
                scheduler.drop(jobs[index])
                expected.pop(index, None)
            elif call == "at":
                scheduler.at(jobs[index], when)
                expected[index] = when
            else:
                scheduler.at_latest(jobs[index], when)
                expected[index] = min(expected.get(index, when), when)
        await asyncio.sleep(6)
        for index, job in enumerate(jobs):
            wanted = [expected[index]] if index in expected else []
            assert job.ran == [pytest.approx(when, abs=2 * RESOLUTION) for when in wanted]

    import looptime  # noqa: PLC0415 -- only hypothesis needs a loop of its own

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(play())
