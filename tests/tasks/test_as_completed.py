"""as_completed: handles in the order in which their tasks end."""

from __future__ import annotations

import asyncio
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
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

STATUS = "tasks/status"


def ignore(waiter: HandleWaiter[CountersReport], error: Exception | None) -> None:
    """Hear of the end of a task and do nothing."""


async def test_handles_come_in_order_of_completion(platform: OpenPlatform) -> None:
    """Each handle comes once, itself, when its task has ended; no task is made for it."""
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


async def test_done_handles_come_at_once(platform: OpenPlatform) -> None:
    """A handle that is done already costs no poll."""
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle
        polls = server.count(STATUS)
        assert [one async for one in as_completed([handle])] == [handle]
        assert server.count(STATUS) == polls


async def test_no_handles_end_at_once() -> None:
    """Of nothing, nothing comes."""
    handles: list[TaskHandle[CountersReport]] = []
    assert [one async for one in as_completed(handles)] == []


async def test_leaving_early_stops_the_polling(platform: OpenPlatform) -> None:
    """A break leaves nothing behind: nobody polls any more."""
    async with platform(duration=3) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        handles = [client.tasks.attach(handle.ref) for _ in range(1100)]
        async for _ in as_completed(handles):
            break
        await asyncio.sleep(1)
        polls = server.count(STATUS)
        await asyncio.sleep(60)
        assert server.count(STATUS) == polls


async def test_handle_whose_wait_ended_comes_too(platform: OpenPlatform) -> None:
    """A handle that cannot be polled comes undone, and awaiting it tries again."""
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.refuse(401), times=2)
        async for one in as_completed([handle]):
            assert not one.done()
            with pytest.raises(AuthenticationError):
                await one
            assert isinstance(await one, CountersReport)


async def test_closed_client_ends_the_iteration(platform: OpenPlatform) -> None:
    """When the client is closed, its handles come undone; a closed one takes no more."""
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


async def test_letting_go_of_many_is_finished_when_it_is_cancelled(platform: OpenPlatform) -> None:
    """Who is in a hurry leaves no handle watched either, however many there are."""
    async with platform() as (server, client):
        ref = (await client.resources.refresh_counters(24, database_id=1)).ref
        handles = [client.tasks.attach(ref) for _ in range(3 * HANDLES_PER_ITERATION)]
        waiters = [HandleWaiter(handle, ignore) for handle in handles]
        for waiter in waiters:
            waiter.handle.poller.add_waiter(waiter)
        leaving = asyncio.create_task(remove_waiters(waiters))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert not any(handle.poller.waiters for handle in handles)
        await asyncio.sleep(30)
        assert server.count(STATUS) == 0
