"""One timer for the time limits of all requests."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from looptime import new_event_loop

from altcraft_async.transport.timeouts import Timeouts
from tests.support.loop_time import now

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

LIMIT = 10.0


async def limited(deadlines: Timeouts, seconds: float) -> float:
    """Sleep within a limit; return the loop time at its end."""
    try:
        with deadlines.limit():
            await asyncio.sleep(seconds)
    except TimeoutError:
        return -now()
    return now()


async def test_what_takes_too_long_ends_with_a_timeout() -> None:
    """A body that outlives the limit is cancelled at it, and nothing of that stays behind."""
    assert await limited(Timeouts(LIMIT), 11) == -LIMIT
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_is_in_time_is_left_alone() -> None:
    """A body that ends in time ends as it would without a limit."""
    deadlines = Timeouts(LIMIT)
    assert await limited(deadlines, 9) == 9
    deadlines.close()


async def test_many_limits_need_one_timer() -> None:
    """However many bodies run, there is one timer, for the oldest."""
    deadlines = Timeouts(LIMIT)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        ends: list[asyncio.Task[float]] = []
        for _ in range(5):
            ends.append(group.create_task(limited(deadlines, 20)))
            await asyncio.sleep(1)
        timers = [one for one in vars(loop)["_scheduled"] if "_fire" in repr(one)]
        assert len(timers) == 1
    assert [end.result() for end in ends] == [-10, -11, -12, -13, -14]


async def test_the_next_limit_is_found_after_idle_time() -> None:
    """The timer of a body that ended in time does not end a later one early."""
    deadlines = Timeouts(LIMIT)
    assert await limited(deadlines, 1) == 1
    await asyncio.sleep(7)
    assert await limited(deadlines, 20) == -18


async def test_cancellation_by_somebody_else_stays_one() -> None:
    """Who cancels the task gets a cancelled task, not a timeout."""
    deadlines = Timeouts(LIMIT)
    task = asyncio.create_task(limited(deadlines, 20))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadlines.close()


async def test_cancellation_together_with_the_limit_wins() -> None:
    """A task that is cancelled when its limit runs out ends as cancelled."""
    deadlines = Timeouts(LIMIT)
    task = asyncio.create_task(limited(deadlines, 20))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_at(LIMIT, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_error_of_the_body_at_the_limit_is_not_replaced() -> None:
    """A body that turns its cancellation into an error of its own raises that error."""

    async def stubborn() -> None:
        with Timeouts(LIMIT).limit():
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                raise KeyError from None

    with pytest.raises(KeyError):
        await stubborn()


async def test_closed_deadlines_leave_no_timer() -> None:
    """Closing takes the timer along, however many bodies run."""
    deadlines = Timeouts(LIMIT)
    task = asyncio.create_task(limited(deadlines, 20))
    await asyncio.sleep(1)
    deadlines.close()
    assert await task == 20


def test_outside_a_task_there_is_no_limit() -> None:
    """A limit cancels the running task, so there has to be one."""

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
    """One timer for all ends each body when ``asyncio.timeout`` would have ended it."""

    async def run(start: float, seconds: float, deadlines: Timeouts) -> None:
        await asyncio.sleep(start)
        began = now()
        end = await limited(deadlines, seconds)
        if seconds < LIMIT:
            assert end == pytest.approx(began + seconds)
        elif seconds > LIMIT:
            assert end == pytest.approx(-(began + LIMIT), abs=1e-6)

    async def together() -> None:
        deadlines = Timeouts(LIMIT)
        async with asyncio.TaskGroup() as group:
            for start, seconds in bodies:
                group.create_task(run(start, seconds, deadlines))
        assert not deadlines.running

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(together())
