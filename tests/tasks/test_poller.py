"""When a task is polled, and how failed polls end a wait or the task."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest

from altcraft_async import (
    ClientClosedError,
    Constant,
    CountersReport,
    Patience,
    PollingError,
    ProtocolError,
    TaskFailedError,
    TaskHandle,
    TaskLostError,
    TaskRef,
)
from altcraft_async.simulator import Fault
from tests.support.loop_time import now

if TYPE_CHECKING:
    from altcraft_async.client import ClientOptions
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

STATUS = "tasks/status"
Handle = TaskHandle[CountersReport]


async def test_waits_shorter_than_the_first_delay_get_polls(platform: OpenPlatform) -> None:
    """The poll that the first wait was too short for is made at once for the next one."""
    async with platform(options={"poll": Constant(3)}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        for _ in range(20):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(handle.wait(), 1)
        assert handle.done()
        assert server.count(STATUS) <= 6


async def test_task_is_polled_only_while_it_has_a_waiter(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await asyncio.sleep(5)
        assert server.count(STATUS) == 0
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(2.5)
        waiting.cancel()
        await asyncio.sleep(0)
        polls = server.count(STATUS)
        assert polls == 2
        await asyncio.sleep(20)
        assert server.count(STATUS) == polls


async def test_ref_with_a_naive_start_time_can_be_awaited(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        naive = datetime(2026, 1, 1)  # noqa: DTZ001 -- naive on purpose
        ref = TaskRef(task_id=handle.ref.task_id, kind="resource", started_at=naive)
        await asyncio.sleep(1)
        assert isinstance(await client.tasks.attach(ref), CountersReport)


async def test_error_of_a_borrowed_sessions_hook_becomes_a_polling_error(
    platform: OpenPlatform,
) -> None:
    async def break_polls(_session: object, _context: object, params: object) -> None:
        if "tasks/status" in str(params):
            raise KeyError

    hooks = aiohttp.TraceConfig()
    hooks.on_request_start.append(break_polls)
    async with aiohttp.ClientSession(trace_configs=[hooks]) as borrowed:
        options: ClientOptions = {
            "session": borrowed,
            "polling_patience": Patience(failures=2, seconds=0),
        }
        async with platform(options=options) as (_, client):
            handle = await client.resources.refresh_counters(24, database_id=1)
            with pytest.raises(PollingError, match="KeyError"):
                await handle


async def test_nudge_polls_now(platform: OpenPlatform) -> None:
    async with platform(duration=3.2) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(3.3)
        polls = server.count(STATUS)
        handle.nudge()
        began = now()
        await waiting
        assert now() - began < 0.05
        assert server.count(STATUS) == polls + 1
        handle.nudge()


async def test_nudge_without_waiters_makes_the_next_wait_poll_at_once(
    platform: OpenPlatform,
) -> None:
    async with platform(duration=0.5) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await asyncio.sleep(0.6)
        handle.nudge()
        await asyncio.sleep(5)
        assert server.count(STATUS) == 0
        began = now()
        await handle
        assert now() - began < 0.05


async def test_nudge_while_the_client_closes_changes_nothing(platform: OpenPlatform) -> None:
    """Closing takes several iterations of the event loop, and a webhook may call in any of them."""
    async with platform() as (_, client):
        handles = [client.tasks.attach(TaskRef(task_id=f"{number}")) for number in range(1000)]
        waits = [asyncio.ensure_future(handle.wait()) for handle in handles]
        await asyncio.sleep(0)
        closing = asyncio.create_task(client.aclose())
        while not closing.done():
            await asyncio.sleep(0)
            for handle in handles:
                handle.nudge()
        for ended in await asyncio.gather(*waits, return_exceptions=True):
            assert isinstance(ended, ClientClosedError)


async def test_nudge_during_a_poll_causes_another_right_after_it(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.slow_body(3))
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(2)
        handle.nudge()
        await asyncio.sleep(2.2)
        assert server.count(STATUS) == 2
        await waiting


async def test_unknown_status_means_running(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        server.misbehave(STATUS, Fault.failed_task("vanished_into_thin_air"))
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle.poll()
        assert not handle.done()


async def test_failure_statuses_can_be_chosen(platform: OpenPlatform) -> None:
    async with platform(options={"failure_statuses": ["Vanished"]}) as (server, client):
        server.misbehave(STATUS, Fault.failed_task("VANISHED"))
        with pytest.raises(TaskFailedError):
            await client.resources.refresh(24, database_id=1)


async def test_unknown_task_is_lost_after_a_grace_period(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        began = now()
        handle = client.tasks.attach("no-such-task")
        with pytest.raises(TaskLostError, match="no-such-task"):
            await handle
        assert 5 <= now() - began < 60
        assert handle.done()
        assert isinstance(handle.exception(), TaskLostError)


async def test_task_unknown_for_a_moment_is_not_lost(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        server.misbehave(STATUS, Fault.unknown_task(), times=2)
        assert isinstance(await client.resources.refresh(24, database_id=1), CountersReport)


async def test_wait_survives_polls_that_fail_for_a_while(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        for fault in (Fault.html(502), Fault.reset(), Fault.cut_body(), Fault.status(503)):
            server.misbehave(STATUS, fault, times=2)
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert isinstance(await handle, CountersReport)
        assert not server.pending_faults
        assert handle.polls >= 9


async def test_polls_that_keep_failing_end_the_wait_but_not_the_handle(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.html(502), times=1000)
        with pytest.raises(PollingError) as caught:
            await handle
        assert now() > 60
        assert isinstance(caught.value.__cause__, ProtocolError)
        assert caught.value.ref == handle.ref
        assert not handle.done()
        failed = handle.polls
        server.misbehave_randomly(rate=0, faults=[])
        with pytest.raises(PollingError):
            await handle
        assert handle.polls >= failed + 10


async def test_retry_after_of_a_poll_is_obeyed(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        server.misbehave(STATUS, Fault.status(429, retry_after=7), after=1)
        handle = await client.resources.refresh_counters(24, database_id=1)
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(8.5)
        assert server.count(STATUS) == 2
        await waiting


async def test_completed_task_without_a_result_raises_with_the_answer(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        server.misbehave(STATUS, Fault.failed_task("completed"))
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(ProtocolError, match="tasks/status") as caught:
            await handle
        assert '"completed"' in caught.value.snippet
        assert handle.done()
