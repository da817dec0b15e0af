"""``shared_limit``: a limit of the user's, asked before everything that a client sends."""

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


class Gate:
    """A limit that lets one through each so many seconds, and can be broken."""

    def __init__(self, seconds: float = 1.0) -> None:
        """Be whole, and have let nobody through."""
        self.seconds = seconds
        self.passed: list[float] = []
        self.at_once = 0
        self.broken: Exception | None = None

    async def __call__(self) -> None:
        """Wait for the next place."""
        assert self.at_once == 0, "asked while it is being asked"
        self.at_once += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        if self.broken is not None:
            raise self.broken
        self.passed.append(now())


def rate_limiter_of(limit: Gate, rate: float = 1000.0) -> SharedRateLimiter:
    """Return a rate_limiter in the running loop."""
    lifecycle = Lifecycle()
    lifecycle.enter()
    return SharedRateLimiter(lifecycle, Rate(rate), limit)


async def test_every_request_has_a_place_of_its_own(platform: OpenPlatform) -> None:
    """Starts, polls and reads are asked for, as many as leave, and each leaves after its place."""
    gate = Gate(0.1)
    async with platform(duration=(1, 3), options={"shared_limit": gate}) as (server, client):
        targets = [(number, 1) for number in range(1, 11)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]
        await client.resources.get(1)
        assert all(isinstance(one, Completed) for one in outcomes)
        assert len(gate.passed) == len(server.requests)
        for place, seen in zip(gate.passed, server.requests, strict=True):
            assert place <= seen.at <= place + 0.05


async def test_own_rate_comes_before_the_shared_one(platform: OpenPlatform) -> None:
    """Who waits for the client's own rate has not yet taken a place from the others."""
    gate = Gate(0.0)
    options: Any = {"shared_limit": gate, "rate_limit": 1}
    async with platform(options=options) as (_, client):
        await asyncio.gather(*(client.resources.get(1) for _ in range(4)))
    assert gate.passed == pytest.approx([0, 1, 2, 3], abs=0.05)


async def test_failed_limit_fails_the_call_and_sends_nothing(platform: OpenPlatform) -> None:
    """Where the limit fails, the start fails with a typed error that says it was not delivered."""
    gate = Gate()
    gate.broken = OSError("the store of places is gone")
    options: Any = {"shared_limit": gate, "retry": Retry(attempts=1)}
    async with platform(options=options) as (server, client):
        with pytest.raises(TransportError, match=r"^shared_limit: .*places is gone") as refused:
            await client.resources.refresh_counters(24, database_id=1)
        assert not refused.value.maybe_delivered
        gate.broken = LedgerError("ours")
        with pytest.raises(LedgerError, match="ours"):
            await client.resources.get(1)
        assert not server.requests


async def test_failed_limit_is_a_failed_poll(platform: OpenPlatform) -> None:
    """A wait outlives a broken limit as it does failed polls, and then ends; the task does not."""
    gate = Gate(0.1)
    async with platform(options={"shared_limit": gate}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        gate.broken = OSError("gone")
        asked = len(server.requests)
        with pytest.raises(PollingError, match="shared_limit"):
            await handle
        assert len(server.requests) == asked
        gate.broken = None
        assert (await handle)["email"].all is not None


async def test_closing_the_client_ends_the_wait_for_a_place(platform: OpenPlatform) -> None:
    """Calls and waits end at once with the client, however long the limit takes."""
    async with platform(options={"shared_limit": (gate := Gate(0.0))}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        gate.seconds = 3600.0
        waits = asyncio.gather(handle.wait(), client.tasks.status("x"), return_exceptions=True)
        await asyncio.sleep(5)
        await client.aclose()
        wait, call = await waits
        assert type(wait) is type(call) is ClientClosedError
        assert gate.at_once == 0
    assert now() < 60


async def test_who_gives_up_leaves_the_place_to_the_next() -> None:
    """A place that was asked for before its asker gave up goes to whoever waits."""
    rate_limiter = rate_limiter_of(Gate(1.0))
    first, second = (asyncio.create_task(rate_limiter.acquire()) for _ in range(2))
    await asyncio.sleep(0.5)
    first.cancel()
    await second
    assert now() == pytest.approx(1, abs=0.01)


async def test_nobody_is_asked_when_nobody_waits() -> None:
    """Once everybody has given up, one last place is let go, and the asking ends."""
    gate = Gate(1.0)
    rate_limiter = rate_limiter_of(gate)
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0.5)
    waiting.cancel()
    assert rate_limiter.is_saturated
    await asyncio.sleep(10)
    assert gate.passed == [1.0]
    assert not rate_limiter.is_saturated


async def test_place_that_comes_after_an_objection_is_not_used() -> None:
    """A Retry-After that comes during the wait for a place holds, whoever gives places."""
    gate = Gate(1.0)
    lifecycle, rate = Lifecycle(), Rate()
    lifecycle.enter()
    rate_limiter = SharedRateLimiter(lifecycle, rate, gate)
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0.5)
    for _ in range(PERSISTS_AFTER):
        rate.refused(now(), 5.0)
    await waiting
    assert now() == pytest.approx(6.5, abs=0.01)


async def test_asking_that_a_stranger_cancels_begins_anew() -> None:
    """Who cancels tasks that are not theirs ends nobody's wait for ever."""
    rate_limiter = rate_limiter_of(Gate(1.0))
    mine = asyncio.current_task()
    waiting = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0.5)
    for task in asyncio.all_tasks() - {waiting, mine}:
        task.cancel()
    await waiting
    assert now() == pytest.approx(1.51, abs=0.01)


async def test_who_asks_again_at_once_is_served_again() -> None:
    """A place asked for in the instant in which the asking ends is asked for as well."""
    rate_limiter = rate_limiter_of(Gate(1.0))
    async with asyncio.timeout(10):
        for _ in range(3):
            await rate_limiter.acquire()
    assert now() == pytest.approx(3, abs=0.01)


async def test_calls_go_before_polls_when_the_place_is_there() -> None:
    """Which of those who wait goes is decided when one may go: a call that came last goes first."""
    order: list[str] = []
    rate_limiter = rate_limiter_of(Gate(1.0))

    async def take(name: str, *, for_poll: bool) -> None:
        await rate_limiter.acquire(for_poll=for_poll)
        order.append(name)

    polls = [asyncio.create_task(take("poll", for_poll=True)) for _ in range(2)]
    await asyncio.sleep(0.5)
    await take("call", for_poll=False)
    await asyncio.gather(*polls)
    assert order == ["call", "poll", "poll"]


def test_limit_that_cannot_be_called_is_refused() -> None:
    """A number is no limit that others share."""
    wrong: Any = 5
    with pytest.raises(ConfigurationError, match=r"^shared_limit: "):
        AltcraftClient("https://example.com", TOKEN, shared_limit=wrong)
