"""The workers of the scheduler: how many live, what ends them, and what closing does."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import pytest

from altcraft_async.tasks.due_jobs import DUE
from altcraft_async.tasks.scheduler import SLOTS_PER_SECOND, Scheduler
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter
from tests.support.loop_time import now
from tests.support.recorded_job import RecordedJob, scheduler_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

RESOLUTION = 1 / SLOTS_PER_SECOND

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]


def this_task() -> asyncio.Task[Any]:
    """Return the task of the test."""
    task = asyncio.current_task()
    assert task is not None
    return task


async def test_no_more_jobs_run_at_once_than_there_are_workers() -> None:
    """Ten jobs of a second each, due together, take five seconds with two workers."""
    scheduler = scheduler_of(Lifecycle(), workers=2)
    jobs = [RecordedJob(seconds=1) for _ in range(10)]
    for job in jobs:
        scheduler.at(job, 1.0)
    await asyncio.sleep(10)
    starts = sorted(round(job.ran[0]) for job in jobs)
    assert starts == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


async def test_workers_live_while_jobs_are_known() -> None:
    scheduler = scheduler_of(Lifecycle())
    jobs = [
        RecordedJob(again=lambda: now() + 1 if now() < 10 else None, seconds=0.1) for _ in "abc"
    ]
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
    running, waiting = RecordedJob(seconds=5), RecordedJob()
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


class ActsWhenDue(RecordedJob):
    """A job that does something when it becomes due."""

    def __init__(self, act: Callable[[], object]) -> None:
        """Remember what to do."""
        super().__init__()
        self._act = act

    def __setattr__(self, name: str, value: object) -> None:
        """Do it when the scheduler notes that the job is due, before it wakes a worker."""
        super().__setattr__(name, value)
        if (name, value) == ("slot", DUE):
            self._act()


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
    early = [RecordedJob(seconds=0.5), RecordedJob(seconds=0.5)]
    this_test = this_task()
    acts = [lambda: [task.cancel() for task in asyncio.all_tasks() if task is not this_test]]
    late = [ActsWhenDue(lambda: acts and acts.pop()()), RecordedJob(), RecordedJob()]
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
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob()
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    loop.set_task_factory(None)
    assert len(job.ran) == 1
    assert made == []


async def test_no_request_slot_is_taken_without_a_job() -> None:
    lifecycle = Lifecycle()
    rate_limiter = RateLimiter(lifecycle, Rate(10))
    scheduler = Scheduler(lifecycle, rate_limiter)
    jobs = [RecordedJob(seconds=0.05) for _ in range(40)]
    for job in jobs:
        scheduler.at(job, 1.0)
    await asyncio.sleep(5.5)
    assert sum(len(job.ran) for job in jobs) == 40
    began = now()
    for _ in range(5):
        await rate_limiter.acquire()
    assert now() - began <= 0.51


async def test_idle_scheduler_has_no_task_and_no_timer() -> None:
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob()
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_jobs_do_not_run_in_the_context_of_a_caller() -> None:
    variable = contextvars.ContextVar("variable", default="none")
    found: list[str] = []

    def poll() -> None:
        found.append(variable.get())

    variable.set("of a handler")
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob(again=poll)
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    assert found == ["none"]


async def test_close_ends_every_job_once() -> None:
    lifecycle = Lifecycle()
    scheduler = scheduler_of(lifecycle, workers=1)
    jobs = [RecordedJob(seconds=60) for _ in range(1200)]
    for index, job in enumerate(jobs):
        scheduler.at(job, 1.0 if index < 600 else 100.0)
    idle = RecordedJob()
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
    closing, queued = RecordedJob(again=lifecycle.close), RecordedJob()
    for job in (closing, queued):
        scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    await scheduler.aclose()
    assert (closing.closed, queued.closed, queued.ran) == (1, 1, [])


async def test_timer_that_fires_after_the_client_closed_runs_nothing() -> None:
    lifecycle = Lifecycle()
    scheduler, job = scheduler_of(lifecycle), RecordedJob()
    scheduler.at(job, 1.0)
    lifecycle.close()
    await asyncio.sleep(2)
    await scheduler.aclose()
    assert not job.ran
    assert job.closed == 1
