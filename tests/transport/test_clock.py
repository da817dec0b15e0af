"""A client with a clock of its own: everything between its requests follows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Unpack, cast

import pytest

from altcraft_async import (
    AltcraftClient,
    ClientClosedError,
    Clock,
    Completed,
    ConfigurationError,
    Constant,
    PollingError,
    Retry,
    TaskStalledError,
    WaitTimeoutError,
)
from altcraft_async.client import ClientOptions
from altcraft_async.simulator import Fault, PretendClock, Simulator
from altcraft_async.transport.lifecycle import Lifecycle
from tests.conftest import Platform

HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def clock() -> PretendClock:
    """A clock that jumps."""
    return PretendClock()


@asynccontextmanager
async def opened(
    by: PretendClock, *, duration: float = HOUR, **options: Unpack[ClientOptions]
) -> AsyncGenerator[Platform, None]:
    """Run a simulator and a client of it on one clock."""
    options["clock"] = by
    async with (
        Simulator(duration=duration, clock=by.time) as server,
        AltcraftClient(server.url, server.token, **options) as client,
    ):
        yield Platform(server, client)


def polls(server: Simulator) -> list[int]:
    """Return when tasks were polled, to the second."""
    return [int(request.at) for request in server.requests if request.method == "tasks/status"]


async def test_day_of_polling_passes_at_once_with_each_poll_at_its_time(
    clock: PretendClock,
) -> None:
    began = time.monotonic()
    async with opened(clock, duration=DAY, poll=Constant(HOUR)) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle
        gaps = [after - before for before, after in pairwise(polls(server))]
    assert handle.polls == pytest.approx(25, abs=1)
    assert set(gaps[1:]) <= {3600, 3601}  # the first interval has jitter
    assert time.monotonic() - began < 60


async def test_timeout_and_stall_of_a_wait_follow_the_clock(clock: PretendClock) -> None:
    async with opened(clock, duration=DAY) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=HOUR)
        assert clock.time() == pytest.approx(HOUR, abs=1)
        with pytest.raises(TaskStalledError):
            await handle.wait(stall=60)
        assert HOUR < clock.time() < DAY


async def test_delay_before_a_retry_follows_the_clock(clock: PretendClock) -> None:
    async with opened(clock) as (server, client):
        server.misbehave("resources/refresh_counters", Fault.status(429, retry_after=60))
        await client.resources.refresh_counters(24, database_id=1)
    assert [int(request.at) for request in server.requests] == [0, 60]


async def test_rate_limit_follows_the_clock(clock: PretendClock) -> None:
    async with opened(clock, rate_limit=0.1) as (server, client):
        for resource_id in (1, 2, 3):
            await client.resources.refresh_counters(resource_id, database_id=1)
    assert [round(request.at) for request in server.requests] == [0, 10, 20]


async def test_rate_limit_before_a_shared_one_follows_the_clock(clock: PretendClock) -> None:
    async def shared_limit() -> None:
        """Let every request pass."""

    async with asyncio.timeout(60), opened(clock, rate_limit=0.1, shared_limit=shared_limit) as it:
        server, client = it
        for resource_id in (1, 2, 3):
            await client.resources.refresh_counters(resource_id, database_id=1)
    assert [round(request.at) for request in server.requests] == [0, 10, 20]


@pytest.mark.looptime
async def test_sleep_cancelled_in_the_iteration_in_which_it_ends_raises_nothing_else() -> None:
    loop = asyncio.get_running_loop()
    errors: list[object] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    sleeping = asyncio.create_task(Lifecycle().sleep(1.0))
    loop.call_later(1.0, sleeping.cancel)
    await asyncio.wait([sleeping])
    assert sleeping.cancelled()
    assert errors == []


async def test_patience_with_failing_polls_follows_the_clock(clock: PretendClock) -> None:
    async with opened(clock) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave("tasks/status", Fault.status(503), times=10_000)
        with pytest.raises(PollingError):
            await handle
    assert clock.time() >= 60


async def test_seconds_of_an_outcome_and_eta_are_those_of_the_clock(clock: PretendClock) -> None:
    async with opened(clock, poll=Constant(60)) as (_, client):
        outcomes = client.resources.refresh_many([(24, 1)])
        (outcome,) = [outcome async for outcome in outcomes]
        assert isinstance(outcome, Completed)
        assert outcome.seconds == pytest.approx(HOUR, abs=60)
        handle = await client.resources.refresh_counters(24, database_id=1)
        with clock.hold():
            handle.add_done_callback(lambda _: None)
            await clock.advance(HOUR / 2)
            assert handle.eta == pytest.approx(HOUR / 2, abs=90)


async def test_age_of_an_attached_task_follows_the_clock(clock: PretendClock) -> None:
    async with opened(clock, duration=DAY, poll=Constant(60)) as (server, client):
        ref = (await client.resources.refresh_counters(24, database_id=1)).ref
        await clock.advance(HOUR)
        async with AltcraftClient(server.url, server.token, clock=clock) as later:
            handle = later.tasks.attach(ref)
            await handle.poll()
            assert handle.eta == pytest.approx(DAY - HOUR, rel=0.3)


async def test_closing_ends_a_delay_on_a_held_clock(clock: PretendClock) -> None:
    with clock.hold():
        async with opened(clock, retry=Retry(attempts=3)) as (server, client):
            server.misbehave("resources/refresh_counters", Fault.status(429, retry_after=60))
            start = asyncio.create_task(client.resources.refresh_counters(24, database_id=1))
            await clock.advance(30)
        with pytest.raises(ClientClosedError):
            await start


def test_object_that_is_no_clock_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="clock: "):
        AltcraftClient("https://example.com", token="t", clock=cast("Clock", time.monotonic))


async def test_held_clock_allows_the_poll_that_is_asked_for_and_no_other(
    clock: PretendClock,
) -> None:
    async with opened(clock) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        handle.add_done_callback(lambda _: None)
        with clock.hold():
            await clock.advance(HOUR / 2)
            before = len(polls(server))
            status = await handle.poll()
            await asyncio.sleep(0.05)
        assert status is not None
        assert status.progress == 50
        assert len(polls(server)) == before + 1
