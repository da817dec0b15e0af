"""``shared_limit``: a function of the caller's that is awaited before each request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from altcraft_async import (
    AltcraftClient,
    Completed,
    ConfigurationError,
    LedgerError,
    PollingError,
    Retry,
    TransportError,
)
from altcraft_async.errors import ClientClosedError
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import PERSISTS_AFTER, Rate
from altcraft_async.transport.rate_limit import SharedRateLimiter
from tests.support.api_calls import TOKEN
from tests.support.loop_time import now

if TYPE_CHECKING:
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]


class Limit:
    """A limit that grants a slot every so many seconds, and can be broken."""

    def __init__(self, seconds: float = 1.0) -> None:
        """Start intact."""
        self.seconds = seconds
        self.passed: list[float] = []
        self.at_once = 0
        self.broken: Exception | None = None

    async def __call__(self) -> None:
        """Wait for the next slot."""
        assert self.at_once == 0, "asked while it is being asked"
        self.at_once += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        if self.broken is not None:
            raise self.broken
        self.passed.append(now())


def rate_limiter_of(limit: Limit, rate: float = 1000.0) -> SharedRateLimiter:
    """Return a rate limiter in the running loop."""
    lifecycle = Lifecycle()
    lifecycle.enter()
    return SharedRateLimiter(lifecycle, Rate(rate), limit)


async def test_every_request_takes_one_slot_of_the_shared_limit(platform: OpenPlatform) -> None:
    limit = Limit(0.1)
    async with platform(duration=(1, 3), options={"shared_limit": limit}) as (server, client):
        targets = [(number, 1) for number in range(1, 11)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]
        await client.resources.get(1)
        assert all(isinstance(one, Completed) for one in outcomes)
        assert len(limit.passed) == len(server.requests)
        for slot, request in zip(limit.passed, server.requests, strict=True):
            assert slot <= request.at <= slot + 0.05


async def test_own_rate_limit_comes_before_the_shared_one(platform: OpenPlatform) -> None:
    limit = Limit(0.0)
    options: Any = {"shared_limit": limit, "rate_limit": 1}
    async with platform(options=options) as (_, client):
        await asyncio.gather(*(client.resources.get(1) for _ in range(4)))
    assert limit.passed == pytest.approx([0, 1, 2, 3], abs=0.05)


async def test_failed_limit_fails_the_call_and_sends_nothing(platform: OpenPlatform) -> None:
    limit = Limit()
    limit.broken = OSError("the store of slots is gone")
    options: Any = {"shared_limit": limit, "retry": Retry(attempts=1)}
    async with platform(options=options) as (server, client):
        with pytest.raises(TransportError, match=r"^shared_limit: .*slots is gone") as refused:
            await client.resources.refresh_counters(24, database_id=1)
        assert not refused.value.maybe_delivered
        limit.broken = LedgerError("ours")
        with pytest.raises(LedgerError, match="ours"):
            await client.resources.get(1)
        assert not server.requests


async def test_failed_limit_counts_as_a_failed_poll(platform: OpenPlatform) -> None:
    limit = Limit(0.1)
    async with platform(options={"shared_limit": limit}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        limit.broken = OSError("gone")
        asked = len(server.requests)
        with pytest.raises(PollingError, match="shared_limit"):
            await handle
        assert len(server.requests) == asked
        limit.broken = None
        assert (await handle)["email"].all is not None


async def test_closing_the_client_ends_the_wait_for_a_slot(platform: OpenPlatform) -> None:
    async with platform(options={"shared_limit": (limit := Limit(0.0))}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        limit.seconds = 3600.0
        waits = asyncio.gather(handle.wait(), client.tasks.status("x"), return_exceptions=True)
        await asyncio.sleep(5)
        await client.aclose()
        wait, call = await waits
        assert type(wait) is type(call) is ClientClosedError
        assert limit.at_once == 0
    assert now() < 60


async def test_slot_asked_for_a_cancelled_call_goes_to_the_next() -> None:
    rate_limiter = rate_limiter_of(Limit(1.0))
    first, second = (asyncio.create_task(rate_limiter.acquire()) for _ in range(2))
    await asyncio.sleep(0.5)
    first.cancel()
    await second
    assert now() == pytest.approx(1, abs=0.01)


async def test_limit_is_asked_only_while_a_request_waits() -> None:
    limit = Limit(1.0)
    rate_limiter = rate_limiter_of(limit)
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0.5)
    waiting.cancel()
    assert rate_limiter.free == 0
    await asyncio.sleep(10)
    assert limit.passed == [1.0]
    assert rate_limiter.free == 1


async def test_slot_granted_after_a_refusal_is_not_used() -> None:
    limit = Limit(1.0)
    lifecycle, rate = Lifecycle(), Rate()
    lifecycle.enter()
    rate_limiter = SharedRateLimiter(lifecycle, rate, limit)
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0.5)
    for _ in range(PERSISTS_AFTER):
        rate.refused(now(), "request", 5.0)
    await waiting
    assert now() == pytest.approx(6.5, abs=0.01)


async def test_asking_that_other_code_cancels_begins_again() -> None:
    rate_limiter = rate_limiter_of(Limit(1.0))
    mine = asyncio.current_task()
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0.5)
    for task in asyncio.all_tasks() - {waiting, mine}:
        task.cancel()
    await waiting
    assert now() == pytest.approx(1.51, abs=0.01)


async def test_request_queued_as_the_asking_ends_gets_a_slot() -> None:
    rate_limiter = rate_limiter_of(Limit(1.0))
    async with asyncio.timeout(10):
        for _ in range(3):
            await rate_limiter.acquire()
    assert now() == pytest.approx(3, abs=0.01)


async def test_call_queued_last_goes_before_waiting_polls() -> None:
    order: list[str] = []
    rate_limiter = rate_limiter_of(Limit(1.0))

    async def take(name: str, *, for_poll: bool) -> None:
        await rate_limiter.acquire(for_poll=for_poll)
        order.append(name)

    polls = [asyncio.create_task(take("poll", for_poll=True)) for _ in range(2)]
    await asyncio.sleep(0.5)
    await take("call", for_poll=False)
    await asyncio.gather(*polls)
    assert order == ["call", "poll", "poll"]


def test_limit_that_cannot_be_called_is_refused() -> None:
    wrong: Any = 5
    with pytest.raises(ConfigurationError, match=r"^shared_limit: "):
        AltcraftClient("https://example.com", TOKEN, shared_limit=wrong)
