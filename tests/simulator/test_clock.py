"""The clock that jumps: when it does, how far, and for whom."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from contextvars import Context
from typing import TypeVarTuple, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.simulator import PretendClock

Ts = TypeVarTuple("Ts")


async def wait_until(clock: PretendClock, when: float) -> float:
    """Wait for a time; return what the clock shows then."""
    come = asyncio.get_running_loop().create_future()
    clock.call_at(when, come.set_result, None)
    await come
    return clock.time()


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=8))
def test_what_is_due_happens_in_order_at_its_time(times: list[float]) -> None:
    """Whatever order they were asked for in, and however far apart they are."""

    async def main() -> list[float]:
        clock, seen = PretendClock(), list[float]()
        for when in times:
            clock.call_at(when, lambda: seen.append(clock.time()))
        await wait_until(clock, max(times))
        return seen

    assert asyncio.run(main()) == sorted(times)


async def test_what_is_late_already_happens_now() -> None:
    """The clock never goes back."""
    clock = PretendClock()
    await clock.advance(10)
    assert await wait_until(clock, 3) == 10


async def test_news_reach_everybody_before_time_passes() -> None:
    """A chain of coroutines gets its turns first, and may want something sooner."""
    clock = PretendClock()
    far = asyncio.create_task(wait_until(clock, 1000))

    async def relayed(depth: int) -> float:
        if depth:
            return await asyncio.create_task(relayed(depth - 1))
        return await wait_until(clock, clock.time() + 1)

    assert await relayed(20) == 1
    assert await relayed(20) == 2
    assert not far.done()
    assert await far == 1000


async def test_it_stands_still_while_a_request_is_under_way() -> None:
    """Requests take real time, and none of the clock's."""
    clock = PretendClock()
    later = asyncio.create_task(wait_until(clock, 5))
    with clock.busy, clock.busy:
        await asyncio.sleep(0.05)
    with clock.busy:
        await asyncio.sleep(0.05)
        assert clock.time() == 0
    assert await later == 5


async def test_held_it_passes_only_as_told() -> None:
    """So that what is so far can be polled for as long as one likes."""
    clock = PretendClock()
    with clock.hold():
        first, second = (asyncio.create_task(wait_until(clock, when)) for when in (10, 20))
        await asyncio.sleep(0.05)
        assert clock.time() == 0
        await clock.advance(15)
        assert (first.done(), second.done(), clock.time()) == (True, False, 15)
        await asyncio.sleep(0.05)
        assert clock.time() == 15
    assert await second == 20


async def test_advance_that_is_given_up_moves_nothing_any_more() -> None:
    """Held again, the clock stands where it stood."""
    clock = PretendClock()
    with clock.hold():
        later = asyncio.create_task(wait_until(clock, 50))
        with clock.busy, pytest.raises(TimeoutError):
            await asyncio.wait_for(clock.advance(100), 0.01)
        await asyncio.sleep(0.05)
        assert (clock.time(), later.done()) == (0, False)
    await later


@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan])
async def test_time_that_cannot_pass_is_refused(seconds: float) -> None:
    """It would wait for ever, or never."""
    with pytest.raises(ValueError, match="seconds"):
        await PretendClock().advance(seconds)


async def test_cancelled_call_is_not_made() -> None:
    """Neither where its time is still to come, nor where it has just come and the loop is slow."""
    clock, made = PretendClock(), list[str]()
    second = clock.call_at(2, made.append, "second")
    clock.call_at(1, second.cancel)
    clock.call_at(3, made.append, "third")
    await wait_until(clock, 4)
    second.ring()
    assert made == ["third"]


def test_loop_that_is_gone_keeps_nobody_waiting() -> None:
    """What it had waited for is forgotten, and so is that it was busy."""
    clock = PretendClock()

    async def leave() -> None:
        clock.call_at(1, pytest.fail, "nobody is there any more")

    asyncio.run(leave())
    assert asyncio.run(wait_until(clock, 10)) == 10


def test_loops_of_several_threads_share_the_order() -> None:
    """What is due in one comes after what is due before it in another."""
    clock, seen, ready = PretendClock(), list[float](), threading.Barrier(3)

    async def main(first: float) -> None:
        with clock.busy:
            ready.wait()
        for when in (first, first + 2, first + 4):
            seen.append(await wait_until(clock, when))

    threads = [threading.Thread(target=asyncio.run, args=(main(n),)) for n in (1.0, 2.0)]
    with clock.hold():
        for thread in threads:
            thread.start()
        ready.wait()
        asyncio.run(clock.advance(6))
    for thread in threads:
        thread.join()
    assert seen == [1, 2, 3, 4, 5, 6]


def test_end_of_a_hold_reaches_loops_in_other_threads() -> None:
    """It may come from code without any event loop."""
    clock, seen = PretendClock(), list[float]()

    async def main() -> None:
        seen.append(await wait_until(clock, 7))

    with clock.hold():
        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        thread.join(0.05)
        assert not seen
    thread.join()
    assert seen == [7]


class RecheckedLoop(asyncio.SelectorEventLoop):
    """Counts the timers that it has at once."""

    timers = most = 0

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Count it until it is called."""

        def called() -> None:
            self.timers -= 1
            callback(*args)

        self.timers += 1
        self.most = max(self.most, self.timers)
        return super().call_later(delay, called, context=context)


def test_loop_that_waits_for_another_asks_in_one_place() -> None:
    """However much news there is meanwhile, or two loops would spend ever more on asking."""
    clock, loop = PretendClock(), RecheckedLoop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    far = asyncio.run_coroutine_threadsafe(clock.advance(1000), loop)

    async def be_busy() -> None:
        with clock.busy:
            for _ in range(20):
                clock.call_at(500, lambda: None)
                await asyncio.sleep(0.01)

    with clock.hold():
        asyncio.run(be_busy())
    far.result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert loop.most == 1


async def test_it_shows_the_time_of_day_of_the_pretend_platform() -> None:
    """Which begins in 2030, so that nobody takes it for the real one."""
    clock = PretendClock()
    await clock.advance(90)
    assert clock.now().isoformat() == "2030-01-01T00:01:30+00:00"
