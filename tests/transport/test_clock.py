"""A client that goes by another clock: everything between its requests does."""

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
    """Run a simulator and a client of it by one clock."""
    options["clock"] = by
    async with (
        Simulator(duration=duration, clock=by.time) as server,
        AltcraftClient(server.url, server.token, **options) as client,
    ):
        yield Platform(server, client)


def polls(server: Simulator) -> list[int]:
    """Return when tasks were polled, to the second."""
    return [int(seen.at) for seen in server.requests if seen.method == "tasks/status"]


async def test_day_of_polling_takes_no_time(clock: PretendClock) -> None:
    """And has each poll its moment."""
    began = time.monotonic()
    async with opened(clock, duration=DAY, poll=Constant(HOUR)) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle
        gaps = [after - before for before, after in pairwise(polls(server))]
    assert handle.polls == pytest.approx(25, abs=1)
    assert set(gaps[1:]) <= {3600, 3601}  # the first pause is drawn
    assert time.monotonic() - began < 60


async def test_limits_of_a_wait_go_by_the_clock(clock: PretendClock) -> None:
    """Both the deadline and the patience with a task that does not move."""
    async with opened(clock, duration=DAY) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=HOUR)
        assert clock.time() == pytest.approx(HOUR, abs=1)
        with pytest.raises(TaskStalledError):
            await handle.wait(stall=60)
        assert HOUR < clock.time() < DAY


async def test_pauses_between_repeats_go_by_the_clock(clock: PretendClock) -> None:
    """A server that asks for a minute gets it, and the test does not wait for it."""
    async with opened(clock) as (server, client):
        server.misbehave("resources/refresh_counters", Fault.status(429, retry_after=60))
        await client.resources.refresh_counters(24, database_id=1)
    assert [int(seen.at) for seen in server.requests] == [0, 60]


async def test_rate_limit_goes_by_the_clock(clock: PretendClock) -> None:
    """So many a second of the clock's seconds."""
    async with opened(clock, rate_limit=0.1) as (server, client):
        for resource_id in (1, 2, 3):
            await client.resources.refresh_counters(resource_id, database_id=1)
    assert [round(seen.at) for seen in server.requests] == [0, 10, 20]


async def test_rate_limit_before_a_shared_one_goes_by_the_clock(clock: PretendClock) -> None:
    """The pause before a place is asked for passes with it, and is no real one."""

    async def shared_limit() -> None:
        """Let everybody pass."""

    async with asyncio.timeout(60), opened(clock, rate_limit=0.1, shared_limit=shared_limit) as it:
        server, client = it
        for resource_id in (1, 2, 3):
            await client.resources.refresh_counters(resource_id, database_id=1)
    assert [round(seen.at) for seen in server.requests] == [0, 10, 20]


@pytest.mark.looptime
async def test_pause_that_ends_as_it_is_cancelled_breaks_nothing() -> None:
    """Both may happen in one turn of the loop: the timer is due, and its waiter is gone."""
    loop = asyncio.get_running_loop()
    errors: list[object] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    pausing = asyncio.create_task(Lifecycle().sleep(1.0))
    loop.call_later(1.0, pausing.cancel)
    await asyncio.wait([pausing])
    assert pausing.cancelled()
    assert errors == []


async def test_patience_with_failing_polls_goes_by_the_clock(clock: PretendClock) -> None:
    """A wait that outlives a minute of them does so at once."""
    async with opened(clock) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave("tasks/status", Fault.status(503), times=10_000)
        with pytest.raises(PollingError):
            await handle
    assert clock.time() >= 60


async def test_seconds_that_are_told_are_those_of_the_clock(clock: PretendClock) -> None:
    """Of an outcome, and of the time that is left."""
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


async def test_task_of_another_client_is_as_old_as_the_clock_says(clock: PretendClock) -> None:
    """A program that comes back after an hour does not take the task for a new one."""
    async with opened(clock, duration=DAY, poll=Constant(60)) as (server, client):
        ref = (await client.resources.refresh_counters(24, database_id=1)).ref
        await clock.advance(HOUR)
        async with AltcraftClient(server.url, server.token, clock=clock) as later:
            handle = later.tasks.attach(ref)
            await handle.poll()
            assert handle.eta == pytest.approx(DAY - HOUR, rel=0.3)


async def test_closing_ends_a_pause_of_the_clock(clock: PretendClock) -> None:
    """Nobody is left waiting for a time that does not come."""
    with clock.hold():
        async with opened(clock, retry=Retry(attempts=3)) as (server, client):
            server.misbehave("resources/refresh_counters", Fault.status(429, retry_after=60))
            start = asyncio.create_task(client.resources.refresh_counters(24, database_id=1))
            await clock.advance(30)
        with pytest.raises(ClientClosedError):
            await start


def test_what_is_no_clock_is_refused() -> None:
    """With the argument's name, before anything is sent."""
    with pytest.raises(ConfigurationError, match="clock: "):
        AltcraftClient("https://example.com", token="t", clock=cast("Clock", time.monotonic))


async def test_held_clock_lets_a_client_do_what_is_to_be_done_now(clock: PretendClock) -> None:
    """A poll that is asked for is made, and no other."""
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
