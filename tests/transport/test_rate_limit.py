"""The requests per second of a client."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from altcraft_async import Completed
from altcraft_async.simulator import Fault
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter

if TYPE_CHECKING:
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START, STATUS = "resources/refresh_counters", "tasks/status"


def rate_limiter_of(rate: float) -> RateLimiter:
    """Return a rate limiter in the running loop."""
    lifecycle = Lifecycle()
    lifecycle.enter()
    return RateLimiter(lifecycle, Rate(rate))


async def test_starts_and_polls_share_the_limit(platform: OpenPlatform) -> None:
    async with platform(duration=(1, 3), options={"rate_limit": 10}) as (server, client):
        targets = [(number, 1) for number in range(1, 31)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]
        assert all(isinstance(one, Completed) for one in outcomes)
        times = [request.at for request in server.requests]
        assert all(later - sooner > 0.09 for sooner, later in pairwise(times))


async def test_retry_after_holds_back_every_request_and_all_refreshes_complete(
    platform: OpenPlatform,
) -> None:
    async with platform(duration=(1, 3)) as (server, client):
        server.misbehave(STATUS, Fault.status(429, retry_after=5), after=3, times=4)
        targets = [(number, 1) for number in range(1, 21)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]
        assert all(isinstance(one, Completed) for one in outcomes)
        *_, refused = [
            request.at for request in server.requests if isinstance(request.outcome, Fault)
        ]
        after = [request.at for request in server.requests if request.at > refused + 0.05]
        assert min(after) > refused + 4.9


async def test_run_obeys_a_retry_after_of_minutes_and_says_so(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    async with platform(duration=(1, 3)) as (server, client):
        for method in (START, STATUS):
            server.misbehave(method, Fault.status(429, retry_after=300), after=3, times=4)
        targets = [(number, 1) for number in range(1, 21)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]
    assert all(isinstance(one, Completed) for one in outcomes)
    [warning, *_] = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert "nothing is sent for 120 s" in warning
    assert "429" in warning


async def order_of_three_polls_and_six_calls(rate_limiter: RateLimiter) -> list[str]:
    """Return which requests are let through, in turn."""
    order: list[str] = []

    async def take(name: str, *, for_poll: bool) -> None:
        await rate_limiter.acquire(for_poll=for_poll)
        order.append(name)

    await rate_limiter.acquire()
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(take("poll", for_poll=True))
        for _ in range(6):
            group.create_task(take("call", for_poll=False))
    return order


async def test_three_calls_go_before_one_poll() -> None:
    order = await order_of_three_polls_and_six_calls(rate_limiter_of(10))
    assert order == ["call", "call", "call", "poll"] * 2 + ["poll"]


async def test_polls_go_first_right_after_an_outage_only() -> None:
    rate_limiter = rate_limiter_of(10)
    rate_limiter.ramp()
    order = await order_of_three_polls_and_six_calls(rate_limiter)
    assert order == ["poll"] * 3 + ["call"] * 6
    await asyncio.sleep(2)
    order = await order_of_three_polls_and_six_calls(rate_limiter)
    assert order == ["poll", "call", "call", "call"] * 2 + ["poll"]


async def test_cancelled_calls_cost_the_others_no_time() -> None:
    rate_limiter = rate_limiter_of(1)
    await rate_limiter.acquire()
    waiting = [asyncio.create_task(rate_limiter.acquire()) for _ in range(5)]
    await asyncio.sleep(0)
    for one in waiting[:4]:
        one.cancel()
    await waiting[4]
    assert asyncio.get_running_loop().time() == pytest.approx(1, abs=0.01)


async def test_no_timer_is_left_when_every_waiting_call_is_cancelled() -> None:
    rate_limiter = rate_limiter_of(1)
    await rate_limiter.acquire()
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0)
    assert rate_limiter.free == 0
    waiting.cancel()
    await asyncio.sleep(5)
    assert rate_limiter.free == 1
    await rate_limiter.aclose()


async def test_closed_rate_limiter_keeps_no_timer() -> None:
    """The client's lifecycle ends the calls that wait."""
    rate_limiter = rate_limiter_of(1)
    await rate_limiter.acquire()
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0)
    await rate_limiter.aclose()
    await asyncio.sleep(5)
    assert not waiting.done()
    waiting.cancel()
