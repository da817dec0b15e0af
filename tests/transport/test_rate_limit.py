"""Requests a second over everything that a client sends."""

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

STATUS = "tasks/status"


def rate_limiter_of(rate: float) -> RateLimiter:
    """Return a rate_limiter in the running loop."""
    lifecycle = Lifecycle()
    lifecycle.enter()
    return RateLimiter(lifecycle, Rate(rate))


async def test_everything_that_is_sent_shares_the_limit(platform: OpenPlatform) -> None:
    """Starts and polls together stay below the rate, and everything completes."""
    async with platform(duration=(1, 3), options={"rate_limit": 10}) as (server, client):
        targets = [(number, 1) for number in range(1, 31)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]
        assert all(isinstance(one, Completed) for one in outcomes)
        times = [seen.at for seen in server.requests]
        assert all(later - sooner > 0.09 for sooner, later in pairwise(times))


async def test_throttled_client_slows_down_as_a_whole_and_loses_nothing(
    platform: OpenPlatform,
) -> None:
    """Several 429 in a row hold back every request, and every refresh completes all the same."""
    async with platform(duration=(1, 3)) as (server, client):
        server.misbehave(STATUS, Fault.status(429, retry_after=5), after=3, times=4)
        targets = [(number, 1) for number in range(1, 21)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]
        assert all(isinstance(one, Completed) for one in outcomes)
        *_, refused = [seen.at for seen in server.requests if isinstance(seen.outcome, Fault)]
        after = [seen.at for seen in server.requests if seen.at > refused + 0.05]
        assert min(after) > refused + 4.9


async def test_calls_go_before_polls_but_not_for_ever() -> None:
    """Of those who wait, three calls go, then a poll, so that nobody starves."""
    rate_limiter = rate_limiter_of(10)
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
    assert order == ["call", "call", "call", "poll"] * 2 + ["poll"]


async def test_one_who_gives_up_takes_no_turn() -> None:
    """A cancelled waiter costs the others no time."""
    rate_limiter = rate_limiter_of(1)
    await rate_limiter.acquire()
    waiting = [asyncio.create_task(rate_limiter.acquire()) for _ in range(5)]
    await asyncio.sleep(0)
    for one in waiting[:4]:
        one.cancel()
    await waiting[4]
    assert asyncio.get_running_loop().time() == pytest.approx(1, abs=0.01)


async def test_timer_without_anybody_waiting_ends() -> None:
    """When everybody who waited has given up, nothing is left to wait for."""
    rate_limiter = rate_limiter_of(1)
    await rate_limiter.acquire()
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0)
    assert rate_limiter.is_saturated
    waiting.cancel()
    await asyncio.sleep(5)
    assert not rate_limiter.is_saturated
    await rate_limiter.aclose()


async def test_closed_budget_keeps_no_timer() -> None:
    """Closing ends the timer; who waits is ended by whoever it belongs to."""
    rate_limiter = rate_limiter_of(1)
    await rate_limiter.acquire()
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0)
    await rate_limiter.aclose()
    await asyncio.sleep(5)
    assert not waiting.done()
    waiting.cancel()
