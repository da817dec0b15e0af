"""`PretendClock`: when it jumps and how far, with one and with several event loops."""

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
    """Wait for a time and return what the clock shows then."""
    reached = asyncio.get_running_loop().create_future()
    clock.call_at(when, reached.set_result, None)
    await reached
    return clock.time()


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=8))
def test_calls_happen_in_order_and_at_their_times(times: list[float]) -> None:
    async def main() -> list[float]:
        clock, shown = PretendClock(), list[float]()
        for when in times:
            clock.call_at(when, lambda: shown.append(clock.time()))
        await wait_until(clock, max(times))
        return shown

    assert asyncio.run(main()) == sorted(times)


async def test_call_for_a_past_time_happens_at_once() -> None:
    clock = PretendClock()
    await clock.advance(10)
    assert await wait_until(clock, 3) == 10


async def test_chained_coroutines_run_before_time_passes() -> None:
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


async def test_clock_stands_still_while_a_request_is_under_way() -> None:
    clock = PretendClock()
    later = asyncio.create_task(wait_until(clock, 5))
    with clock.busy, clock.busy:
        await asyncio.sleep(0.05)
    with clock.busy:
        await asyncio.sleep(0.05)
        assert clock.time() == 0
    assert await later == 5


async def test_held_clock_moves_only_by_advance() -> None:
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


async def test_cancelled_advance_of_a_held_clock_moves_nothing() -> None:
    clock = PretendClock()
    with clock.hold():
        later = asyncio.create_task(wait_until(clock, 50))
        with clock.busy, pytest.raises(TimeoutError):
            await asyncio.wait_for(clock.advance(100), 0.01)
        await asyncio.sleep(0.05)
        assert (clock.time(), later.done()) == (0, False)
    await later


@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan])
async def test_impossible_advance_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        await PretendClock().advance(seconds)


async def test_cancelled_call_is_not_made() -> None:
    clock, made = PretendClock(), list[str]()
    second = clock.call_at(2, made.append, "second")
    clock.call_at(1, second.cancel)
    clock.call_at(3, made.append, "third")
    await wait_until(clock, 4)
    second.run()
    assert made == ["third"]


def test_closed_loop_does_not_keep_others_waiting() -> None:
    clock = PretendClock()

    async def end_early() -> None:
        clock.call_at(1, pytest.fail, "the loop is closed")

    asyncio.run(end_early())
    assert asyncio.run(wait_until(clock, 10)) == 10


def test_loops_of_several_threads_share_one_order() -> None:
    clock, shown, ready = PretendClock(), list[float](), threading.Barrier(3)

    async def main(first: float) -> None:
        with clock.busy:
            ready.wait()
        for when in (first, first + 2, first + 4):
            shown.append(await wait_until(clock, when))

    threads = [threading.Thread(target=asyncio.run, args=(main(n),)) for n in (1.0, 2.0)]
    with clock.hold():
        for thread in threads:
            thread.start()
        ready.wait()
        asyncio.run(clock.advance(6))
    for thread in threads:
        thread.join()
    assert shown == [1, 2, 3, 4, 5, 6]


def test_end_of_a_hold_reaches_loops_in_other_threads() -> None:
    clock, shown = PretendClock(), list[float]()

    async def main() -> None:
        shown.append(await wait_until(clock, 7))

    with clock.hold():
        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        thread.join(0.05)
        assert not shown
    thread.join()
    assert shown == [7]


class RecheckedLoop(asyncio.SelectorEventLoop):
    """Records the largest number of timers at once."""

    timers = most = 0

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Count the timer until it fires."""

        def called() -> None:
            self.timers -= 1
            callback(*args)

        self.timers += 1
        self.most = max(self.most, self.timers)
        return super().call_later(delay, called, context=context)


def test_loop_that_waits_for_another_has_one_timer() -> None:
    """Otherwise the number of timers would grow with every change."""
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


async def test_now_is_the_date_of_the_pretend_platform() -> None:
    clock = PretendClock()
    await clock.advance(90)
    assert clock.now().isoformat() == "2030-01-01T00:01:30+00:00"
