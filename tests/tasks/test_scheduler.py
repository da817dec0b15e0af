"""When the scheduler runs a job, and in which order."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.tasks.scheduler import SLOTS_PER_SECOND, SPREAD_SECONDS, Scheduler
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter
from tests.support.loop_time import jumping_loop, now
from tests.support.recorded_job import RecordedJob, scheduler_of

RESOLUTION = 1 / SLOTS_PER_SECOND

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]


async def test_job_runs_once_and_never_early() -> None:
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob()
    scheduler.at(job, 3.333)
    await asyncio.sleep(10)
    assert job.ran == [pytest.approx(3.34, abs=1e-3)]
    assert job.ran[0] >= 3.333


async def test_moved_job_runs_at_the_new_time_only() -> None:
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob()
    for when in (5.0, 3.0, 8.0, 3.0, 4.0):
        scheduler.at(job, when)
    await asyncio.sleep(10)
    assert job.ran == [pytest.approx(4.0, abs=2 * RESOLUTION)]


async def test_at_latest_moves_a_job_only_to_an_earlier_time() -> None:
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob()
    scheduler.at_latest(job, 5.0)
    scheduler.at_latest(job, 7.0)
    scheduler.at_latest(job, 2.0)
    await asyncio.sleep(10)
    assert job.ran == [pytest.approx(2.0, abs=2 * RESOLUTION)]


async def test_dropped_job_does_not_run_and_the_last_one_leaves_no_timer() -> None:
    loop = asyncio.get_running_loop()
    scheduler, one, two = scheduler_of(Lifecycle()), RecordedJob(), RecordedJob()
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
    scheduler, job, other = scheduler_of(Lifecycle()), RecordedJob(), RecordedJob()
    scheduler.at(other, 1.0)
    for _ in range(3):
        scheduler.at(job, 1.0)
        scheduler.drop(job)
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    assert len(job.ran) == 1


async def test_job_with_a_time_in_the_past_runs_at_once() -> None:
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob()
    await asyncio.sleep(5)
    scheduler.at(job, 1.0)
    await asyncio.sleep(0.02)
    assert len(job.ran) == 1


async def test_job_runs_again_at_the_time_that_it_returned() -> None:
    times = iter([2.0, 3.0])
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob(again=lambda: next(times, None))
    scheduler.at(job, 1.0)
    await asyncio.sleep(10)
    assert job.ran == [pytest.approx(t, abs=2 * RESOLUTION) for t in (1.0, 2.0, 3.0)]


async def test_running_job_is_not_started_twice() -> None:
    scheduler, job = scheduler_of(Lifecycle()), RecordedJob(seconds=5)
    scheduler.at(job, 1.0)
    await asyncio.sleep(2)
    scheduler.at(job, 2.5)
    scheduler.drop(job)
    await asyncio.sleep(10)
    assert len(job.ran) == 1


async def test_jobs_run_by_priority_when_all_workers_are_busy() -> None:
    scheduler = scheduler_of(Lifecycle(), workers=2)
    busy = [RecordedJob(seconds=1) for _ in range(2)]
    waiting = [RecordedJob(priority=rank, seconds=1) for rank in (5.0, 1.0, 4.0, 2.0)]
    for job in busy:
        scheduler.at(job, 0.5)
    for job in waiting:
        scheduler.at(job, 1.0)
    await asyncio.sleep(10)
    ran = [round(job.ran[0], 1) for job in sorted(waiting, key=RecordedJob.priority)]
    assert ran == [1.5, 1.5, 2.5, 2.5]


async def test_jobs_that_need_not_wait_are_not_asked_for_a_priority() -> None:
    asked: list[object] = []

    class Asked(RecordedJob):
        def priority(self) -> float:
            asked.append(self)
            return 0.0

    scheduler = scheduler_of(Lifecycle(), workers=5)
    jobs = [Asked(seconds=1) for _ in range(5)]
    for job in jobs:
        scheduler.at(job, 0.5)
    await asyncio.sleep(5)
    assert [len(job.ran) for job in jobs] == [1] * 5
    assert not asked


async def test_jobs_run_by_priority_when_the_rate_limiter_is_saturated() -> None:
    lifecycle = Lifecycle()
    lifecycle.enter()
    rate_limiter = RateLimiter(lifecycle, Rate(2))
    scheduler = Scheduler(lifecycle, rate_limiter)
    await rate_limiter.acquire()
    jobs = [RecordedJob(priority=rank) for rank in (5.0, 1.0, 4.0, 2.0, 3.0)]
    for job in jobs:
        scheduler.at(job, 0.1)
    await asyncio.sleep(10)
    by_rank = sorted(jobs, key=lambda job: job._priority)
    assert [job.ran[0] for job in by_rank] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5], abs=0.02)


async def test_due_job_can_be_dropped_and_moved() -> None:
    scheduler = scheduler_of(Lifecycle(), workers=1)
    first, dropped, moved = RecordedJob(seconds=2), RecordedJob(), RecordedJob()
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
    slow, queued, waiting = RecordedJob(seconds=5), RecordedJob(), RecordedJob()
    scheduler.at(slow, 1.0)
    scheduler.at(queued, 1.0)
    scheduler.at(waiting, 60.0)
    await asyncio.sleep(2)
    scheduler.drop(waiting)
    await asyncio.sleep(10)
    assert queued.ran == [pytest.approx(6.01, abs=RESOLUTION)]


async def test_jobs_queued_without_priority_do_not_starve() -> None:
    lifecycle = Lifecycle()
    scheduler = Scheduler(lifecycle, RateLimiter(lifecycle, Rate(10)))
    jobs = [RecordedJob(again=lambda: now() + 0.3) for _ in range(50)]
    for job in jobs:
        scheduler.at(job, 1.0)
    await asyncio.sleep(12)
    assert min(len(job.ran) for job in jobs) >= 1
    lifecycle.close()
    await scheduler.aclose()


@pytest.mark.parametrize("slots", [1, 700])
async def test_jobs_are_spread_evenly_after_an_outage_however_few_slots_they_had(
    slots: int,
) -> None:
    scheduler, jobs = scheduler_of(Lifecycle()), [RecordedJob() for _ in range(1400)]
    for number, job in enumerate(jobs):
        scheduler.at(job, 600 + (number % slots) * RESOLUTION)
    scheduler.suspend()
    await asyncio.sleep(10)
    scheduler.resume(is_back=True)
    await asyncio.sleep(SPREAD_SECONDS + 0.1)
    ran = sorted(job.ran[0] for job in jobs)
    tenths = [sum(10 + n / 10 <= when < 10 + (n + 1) / 10 for when in ran) for n in range(20)]
    assert max(tenths) <= 2 * len(jobs) / 20
    assert sum(tenths) >= 0.99 * len(jobs)
    await asyncio.sleep(700)
    assert all(len(job.ran) == 1 for job in jobs)


async def test_jobs_that_wait_in_vain_run_again_and_newer_ones_go_on() -> None:
    scheduler = scheduler_of(Lifecycle())
    hung, young = RecordedJob(seconds=100), RecordedJob(seconds=100)
    scheduler.at(hung, 1.0)
    scheduler.at(young, 4.0)
    await asyncio.sleep(5)
    scheduler.rerun(3.0)
    await asyncio.sleep(1)
    assert hung.ran == [pytest.approx(1, abs=0.02), pytest.approx(5, abs=0.04)]
    assert young.ran == [pytest.approx(4, abs=0.02)]
    await asyncio.sleep(200)


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
        jobs = [RecordedJob() for _ in range(5)]
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

    with asyncio.Runner(loop_factory=jumping_loop) as runner:
        runner.run(play())
