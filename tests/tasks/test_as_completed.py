"""`as_completed`."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from altcraft_async import (
    AuthenticationError,
    ClientClosedError,
    CountersReport,
    TaskHandle,
    as_completed,
)
from altcraft_async.simulator import Fault
from altcraft_async.tasks.as_completed import HANDLES_PER_ITERATION, HandleWaiter, remove_waiters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

STATUS = "tasks/status"


async def test_handles_come_in_order_of_completion(platform: OpenPlatform) -> None:
    async with platform(duration=lambda dice: dice.choice([2.0, 5.0, 9.0])) as (_, client):
        handles = [
            await client.resources.refresh_counters(number, database_id=1)
            for number in range(1, 31)
        ]
        began = asyncio.get_running_loop().time()
        ended: list[float] = []
        seen: set[object] = set()
        async for handle in as_completed([*handles, *handles]):
            assert handle.done()
            assert handle in handles
            seen.add(handle)
            ended.append(round(asyncio.get_running_loop().time() - began))
        assert len(seen) == len(ended) == 30
        assert ended == sorted(ended)
        assert set(ended) == {2, 5, 9}


async def test_done_handle_comes_at_once_without_a_poll(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle
        polls = server.count(STATUS)
        assert [one async for one in as_completed([handle])] == [handle]
        assert server.count(STATUS) == polls


async def test_loop_goes_on_while_very_many_handles_are_added(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        ref = (await client.resources.refresh_counters(24, database_id=1)).ref
        loop, iteration, is_over = asyncio.get_running_loop(), 0, False
        read: Counter[int] = Counter()

        def count() -> None:
            nonlocal iteration
            iteration += 1
            if not is_over:
                loop.call_soon(count)

        def handles() -> Iterator[TaskHandle[CountersReport]]:
            for _ in range(5 * HANDLES_PER_ITERATION):
                read[iteration] += 1
                yield client.tasks.attach(ref)

        async def iterate() -> None:
            async for _ in as_completed(handles()):
                pass

        count()
        iterating = asyncio.create_task(iterate())
        while read.total() < 5 * HANDLES_PER_ITERATION:  # noqa: ASYNC110 -- it signals nothing
            await asyncio.sleep(0)
        is_over = True
        iterating.cancel()
        await asyncio.wait([iterating])
    assert max(read.values()) <= HANDLES_PER_ITERATION


async def test_iteration_over_no_handles_ends_at_once() -> None:
    handles: list[TaskHandle[CountersReport]] = []
    assert [one async for one in as_completed(handles)] == []


@pytest.mark.parametrize("count", [50, pytest.param(1100, marks=pytest.mark.slow)])
async def test_break_stops_polling(platform: OpenPlatform, count: int) -> None:
    async with platform(duration=3) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        handles = [client.tasks.attach(handle.ref) for _ in range(count)]
        async for _ in as_completed(handles):
            break
        await asyncio.sleep(1)
        polls = server.count(STATUS)
        await asyncio.sleep(60)
        assert server.count(STATUS) == polls


async def test_handle_that_cannot_be_polled_comes_undone_and_can_be_awaited(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.refuse(401), times=2)
        async for one in as_completed([handle]):
            assert not one.done()
            with pytest.raises(AuthenticationError):
                await one
            assert isinstance(await one, CountersReport)


async def test_closed_client_ends_the_iteration(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        handles = [
            await client.resources.refresh_counters(number, database_id=1) for number in (1, 2)
        ]

        async def collect() -> list[bool]:
            return [one.done() async for one in as_completed(handles)]

        collecting = asyncio.create_task(collect())
        await asyncio.sleep(0.5)
        await client.aclose()
        assert await collecting == [False, False]
        with pytest.raises(ClientClosedError):
            await collect()


async def test_cancelled_removal_of_many_waiters_still_removes_all(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        ref = (await client.resources.refresh_counters(24, database_id=1)).ref
        handles = [client.tasks.attach(ref) for _ in range(3 * HANDLES_PER_ITERATION)]
        ended: list[object] = []
        waiters = [HandleWaiter(handle, lambda one, _: ended.append(one)) for handle in handles]
        for waiter in waiters:
            waiter.handle.poller.add_waiter(waiter)
        removing = asyncio.create_task(remove_waiters(waiters))
        await asyncio.sleep(0)
        removing.cancel()
        await asyncio.wait([removing])
        assert not any(handle.poller.waiters for handle in handles)
        assert not ended
        await asyncio.sleep(30)
        assert server.count(STATUS) == 0
