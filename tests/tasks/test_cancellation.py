"""Cancelling a call, or closing the client, at any moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from altcraft_async import ClientClosedError, NotFoundError
from altcraft_async.simulator import Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from altcraft_async import AltcraftClient
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


async def start(client: AltcraftClient) -> object:
    """Start a refresh."""
    return await client.resources.refresh_counters(24, database_id=1)


async def start_alone(client: AltcraftClient) -> object:
    """Start a refresh that joins no other."""
    return await client.resources.refresh_counters(24, database_id=1, join="never")


async def refresh(client: AltcraftClient) -> object:
    """Start and wait."""
    return await client.resources.refresh(24, database_id=1, timeout=60)


async def status(client: AltcraftClient) -> object:
    """Get a status."""
    return await client.tasks.status("x")


async def poll(client: AltcraftClient) -> object:
    """Poll through a handle once."""
    return await client.tasks.attach("x").poll()


async def iterate(client: AltcraftClient) -> object:
    """Follow the updates of a handle."""
    return [update async for update in client.tasks.attach("x").updates()]


async def refresh_many(client: AltcraftClient) -> object:
    """Refresh two targets."""
    return [one async for one in client.resources.refresh_many([(24, 1), (25, 1)])]


CALLS = [start, start_alone, refresh, status, poll, iterate, refresh_many]
ITERATIONS = range(0, 42, 6)


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        *((call, fault) for call in CALLS for fault in (Fault.stall(), Fault.slow_body())),
        # A single poll is not retried, so it has no delay.
        *((call, Fault.status(429, retry_after=60)) for call in CALLS if call is not poll),
    ],
)
async def test_cancelled_call_ends_at_once(
    platform: OpenPlatform, call: Callable[[AltcraftClient], Awaitable[object]], fault: Fault
) -> None:
    async with platform() as (server, client):
        server.misbehave(START, fault, times=2)
        server.misbehave(STATUS, fault, times=2)
        calling = asyncio.ensure_future(call(client))
        await asyncio.sleep(1.5)
        assert server.fired[fault]
        began = asyncio.get_running_loop().time()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert asyncio.get_running_loop().time() - began < 0.05


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("iterations", ITERATIONS)
async def test_call_cancelled_after_any_number_of_iterations_leaves_nothing(
    platform: OpenPlatform, call: Callable[[AltcraftClient], Awaitable[object]], iterations: int
) -> None:
    async with platform(duration=0.1) as (_, client):
        calling = asyncio.ensure_future(call(client))
        for _ in range(iterations):
            await asyncio.sleep(0)
        calling.cancel()
        await asyncio.wait([calling])
        if not calling.cancelled() and calling.exception():
            assert isinstance(calling.exception(), NotFoundError)  # it was answered before


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("iterations", ITERATIONS)
async def test_client_closed_after_any_number_of_iterations_ends_the_call(
    platform: OpenPlatform, call: Callable[[AltcraftClient], Awaitable[object]], iterations: int
) -> None:
    async with platform(duration=100) as (server, client):
        server.misbehave(STATUS, Fault.slow_body(), after=1, times=10)
        calling = asyncio.ensure_future(call(client))
        for _ in range(iterations):
            await asyncio.sleep(0)
        await client.aclose()
        began = asyncio.get_running_loop().time()
        (outcome,) = await asyncio.gather(calling, return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < 0.05
        if isinstance(outcome, Exception):
            assert isinstance(outcome, (ClientClosedError, NotFoundError))


async def test_cancelled_close_goes_on(platform: OpenPlatform) -> None:
    async with platform(duration=100) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.stall())
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(1.5)
        closing = asyncio.create_task(client.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        with pytest.raises(ClientClosedError):
            await waiting
        await client.aclose()


async def test_cancelling_a_third_of_many_refreshes_mixes_up_no_reports(
    platform: OpenPlatform,
) -> None:
    async with platform(duration=(0.5, 3)) as (server, client):
        calls = [
            asyncio.create_task(client.resources.refresh(number, database_id=1))
            for number in range(1, 121)
        ]
        for index, call in enumerate(calls[::3]):
            if index % 5 == 0:
                await asyncio.sleep(0.05)
            call.cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        for number, outcome in enumerate(outcomes, start=1):
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, asyncio.CancelledError)
                assert (number - 1) % 3 == 0
            else:
                assert outcome["push"] == server.world.counters(number, 1)["push"]
