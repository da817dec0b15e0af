"""One timer for the time limits of all requests."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.transport.timeouts import Timeouts
from tests.support.loop_time import jumping_loop, now

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

LIMIT = 10.0


async def limited(timeouts: Timeouts, seconds: float) -> float:
    """Sleep within a limit; return the loop time at its end."""
    try:
        with timeouts.limit():
            await asyncio.sleep(seconds)
    except TimeoutError:
        return -now()
    return now()


async def test_body_that_takes_too_long_ends_with_a_timeout() -> None:
    assert await limited(Timeouts(LIMIT), 11) == -LIMIT
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_body_that_ends_in_time_is_left_alone() -> None:
    timeouts = Timeouts(LIMIT)
    assert await limited(timeouts, 9) == 9
    timeouts.close()


async def test_many_limits_need_one_timer() -> None:
    timeouts = Timeouts(LIMIT)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        ends: list[asyncio.Task[float]] = []
        for _ in range(5):
            ends.append(group.create_task(limited(timeouts, 20)))
            await asyncio.sleep(1)
        timers = [one for one in vars(loop)["_scheduled"] if "_fire" in repr(one)]
        assert len(timers) == 1
    assert [end.result() for end in ends] == [-10, -11, -12, -13, -14]


async def test_timer_of_an_ended_body_does_not_end_a_later_one_early() -> None:
    timeouts = Timeouts(LIMIT)
    assert await limited(timeouts, 1) == 1
    await asyncio.sleep(7)
    assert await limited(timeouts, 20) == -18


async def test_cancellation_by_other_code_is_raised() -> None:
    timeouts = Timeouts(LIMIT)
    task = asyncio.create_task(limited(timeouts, 20))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    timeouts.close()


async def test_cancellation_at_the_limit_wins_over_the_timeout() -> None:
    timeouts = Timeouts(LIMIT)
    task = asyncio.create_task(limited(timeouts, 20))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_at(LIMIT, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_error_of_the_body_at_the_limit_is_not_replaced() -> None:
    async def stubborn() -> None:
        with Timeouts(LIMIT).limit():
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                raise KeyError from None

    with pytest.raises(KeyError):
        await stubborn()


async def test_shortened_limits_end_the_bodies_that_began_before_and_no_later_ones() -> None:
    timeouts = Timeouts(LIMIT)
    async with asyncio.TaskGroup() as group:
        old = [group.create_task(limited(timeouts, 20)) for _ in range(3)]
        await asyncio.sleep(4)
        young = group.create_task(limited(timeouts, 20))
        await asyncio.sleep(1)
        timeouts.shorten(2.0, age=3.0)
    assert [one.result() for one in old] == [-7] * 3
    assert young.result() == -14
    timeouts.shorten(0.0, age=0.0)


async def test_shortening_makes_no_limit_longer() -> None:
    timeouts = Timeouts(LIMIT)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(limited(timeouts, 20))
        await asyncio.sleep(9)
        timeouts.shorten(5.0, age=0.0)
    assert running.result() == -10


async def test_closed_timeouts_leave_no_timer() -> None:
    timeouts = Timeouts(LIMIT)
    task = asyncio.create_task(limited(timeouts, 20))
    await asyncio.sleep(1)
    timeouts.close()
    assert await task == 20


def test_limit_outside_a_task_is_refused() -> None:
    async def enter_in_a_callback() -> BaseException:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[BaseException] = loop.create_future()

        def call() -> None:
            try:
                with Timeouts(LIMIT).limit():
                    done.set_result(KeyError())
            except RuntimeError as error:
                done.set_result(error)

        loop.call_soon(call)
        return await done

    assert isinstance(asyncio.run(enter_in_a_callback()), RuntimeError)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=10))
def test_every_body_ends_as_with_a_timeout_of_its_own(bodies: list[tuple[int, int]]) -> None:
    async def run(start: float, seconds: float, timeouts: Timeouts) -> None:
        await asyncio.sleep(start)
        began = now()
        end = await limited(timeouts, seconds)
        if seconds < LIMIT:
            assert end == pytest.approx(began + seconds)
        elif seconds > LIMIT:
            assert end == pytest.approx(-(began + LIMIT), abs=1e-6)

    async def together() -> None:
        timeouts = Timeouts(LIMIT)
        async with asyncio.TaskGroup() as group:
            for start, seconds in bodies:
                group.create_task(run(start, seconds, timeouts))
        assert not timeouts.running

    with asyncio.Runner(loop_factory=jumping_loop) as runner:
        runner.run(together())
