"""What keeps a task polled: updates, single polls and callbacks."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING

import pytest

from altcraft_async import (
    AuthenticationError,
    Constant,
    CountersReport,
    ProtocolError,
    ServerError,
    TaskHandle,
    TaskStatus,
)
from altcraft_async.simulator import Fault
from tests.support.loop_time import now

if TYPE_CHECKING:
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

STATUS = "tasks/status"
Handle = TaskHandle[CountersReport]


async def test_updates_yield_each_status_once_and_end_with_the_task(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        seen = [(status.status, status.progress) async for status in handle.updates()]
        assert seen[-1] == ("completed", 100)
        assert len(seen) == len(set(seen)) == 10
        again = [status async for status in handle.updates()]
        assert again == [handle.status]


async def test_slow_reader_of_updates_gets_the_newest_status(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        waiting = asyncio.create_task(handle.wait())
        seen: list[TaskStatus] = []
        async for status in handle.updates():
            seen.append(status)
            await asyncio.sleep(3.7)
        assert [status.progress for status in seen] == pytest.approx([10, 40, 80, 100], abs=1)
        assert waiting.done()


async def test_break_out_of_updates_stops_polling(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        async for _ in handle.updates():
            break
        await asyncio.sleep(20)
        assert server.count(STATUS) == 1


async def test_updates_raise_when_polling_was_given_up(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.refuse(401), after=1)
        updates = handle.updates()
        assert (await anext(updates)).status == "running"
        with pytest.raises(AuthenticationError):
            await anext(updates)


async def test_poll_polls_once(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await asyncio.sleep(5)
        status = await handle.poll()
        assert status is not None
        assert (status.status, status.progress) == ("running", 50)
        assert handle.eta == pytest.approx(4.9, abs=0.2)
        await asyncio.sleep(20)
        assert server.count(STATUS) == 1
        over = await handle.poll()
        assert over is not None
        assert over.status == "completed"
        assert handle.done()
        assert await handle.poll() == over
        assert server.count(STATUS) == 2


async def test_simultaneous_polls_share_one_request(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        statuses = await asyncio.gather(*(handle.poll() for _ in range(10)))
        assert statuses == [handle.status] * 10
        assert server.count(STATUS) == 1


async def test_poll_does_not_end_a_wait(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        waiting = asyncio.create_task(handle.wait())
        await handle.poll()
        await asyncio.sleep(0)
        assert not waiting.done()
        assert isinstance(await waiting, CountersReport)


async def test_poll_during_a_poll_shares_it(platform: OpenPlatform) -> None:
    async with platform(options={"poll": Constant(60)}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.slow_body(3))
        first = asyncio.create_task(handle.poll())
        await asyncio.sleep(1)
        await handle.poll()
        await first
        await asyncio.sleep(5)
        assert server.count(STATUS) == 1


async def test_failed_poll_raises_and_leaves_the_handle_usable(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.html(502))
        with pytest.raises(ProtocolError, match="tasks/status"):
            await handle.poll()
        assert await handle.poll() is not None


async def test_done_callbacks_are_called_once_with_the_handle(platform: OpenPlatform) -> None:
    """They keep the task polled, run in their context, and are called even if added late."""
    variable = contextvars.ContextVar("variable", default="default")
    called: list[tuple[Handle, str]] = []

    def note(handle: Handle) -> None:
        called.append((handle, variable.get()))

    async with platform() as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        context = contextvars.copy_context()
        context.run(variable.set, "chosen")
        handle.add_done_callback(note)
        handle.add_done_callback(note, context=context)
        await asyncio.sleep(20)
        assert called == [(handle, "default"), (handle, "chosen")]
        handle.add_done_callback(note)
        assert len(called) == 2
        await asyncio.sleep(0)
        assert len(called) == 3


async def test_removed_callback_is_not_called(platform: OpenPlatform) -> None:
    called: list[Handle] = []
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        handle.add_done_callback(called.append)
        handle.add_done_callback(called.append)
        assert handle.remove_done_callback(called.append) == 2
        assert handle.remove_done_callback(called.append) == 0
        await asyncio.sleep(20)
        assert not called
        assert server.count(STATUS) == 0


async def test_callback_is_called_after_polls_that_ended_a_wait(platform: OpenPlatform) -> None:
    called: list[Handle] = []
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.refuse(401), times=3)
        handle.add_done_callback(called.append)
        with pytest.raises(AuthenticationError):
            await handle
        await asyncio.sleep(200)
        assert called == [handle]


async def test_closing_the_client_calls_no_callback(
    platform: OpenPlatform,
) -> None:
    called: list[Handle] = []
    async with platform() as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        handle.add_done_callback(called.append)
    await asyncio.sleep(1)
    assert not called
    assert not handle.done()


@pytest.mark.parametrize("asked", ["3600", "1e308"])
async def test_wait_during_a_long_delay_of_a_callback_polls_at_once(
    platform: OpenPlatform, asked: str
) -> None:
    """A server that asks for an hour ends the waits, but not the next one."""
    async with platform(duration=1.0) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        called: list[object] = []
        handle.add_done_callback(called.append)
        server.misbehave(STATUS, Fault.status(503, retry_after=asked))
        with pytest.raises(ServerError):
            await handle
        began = now()
        assert isinstance(await handle, CountersReport)
        assert now() - began < 5
        await asyncio.sleep(0)
        assert called == [handle]
