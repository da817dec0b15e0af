"""`TaskHandle`: waits, limits and results."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING

import pytest

from altcraft_async import (
    AltcraftError,
    ClientClosedError,
    ConfigurationError,
    CountersReport,
    TaskFailedError,
    TaskHandle,
    TaskRef,
    TaskStalledError,
    WaitTimeoutError,
)
from altcraft_async.simulator import Fault
from tests.support.loop_time import now

if TYPE_CHECKING:
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

STATUS = "tasks/status"
Handle = TaskHandle[CountersReport]


async def test_awaited_handle_returns_the_report(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        report = await handle
        assert report["email"] == server.world.counters(24, 1)["email"]
        assert handle.done()
        assert handle.result() == report
        assert handle.exception() is None


@pytest.mark.parametrize("awaiters", [1, 1000])
async def test_any_number_of_awaiters_costs_the_same_requests(
    platform: OpenPlatform, awaiters: int
) -> None:
    """A task of ten seconds takes ten polls."""
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        reports = await asyncio.gather(*(handle.wait() for _ in range(awaiters)))
        assert len({id(report) for report in reports}) == 1
        assert server.count(STATUS) == handle.polls == 10


async def test_cancelled_awaiters_do_not_affect_the_others(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        awaiters = [asyncio.create_task(handle.wait()) for _ in range(100)]
        for index, awaiter in enumerate(awaiters[:99]):
            await asyncio.sleep(0.05 if index % 2 else 0)
            awaiter.cancel()
        assert isinstance(await awaiters[99], CountersReport)
        assert all(awaiter.cancelled() for awaiter in awaiters[:99])
        assert server.count(STATUS) == 10


async def test_handle_awaited_again_costs_no_request(platform: OpenPlatform) -> None:
    """Not even after the client was closed."""
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        first = await handle
        polls = server.count(STATUS)
        assert await handle is first
        assert server.count(STATUS) == polls
    assert await handle is first


async def test_handle_works_with_gather_ensure_future_timeout_and_task_group(
    platform: OpenPlatform,
) -> None:
    async with platform() as (_, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        two = await client.resources.refresh_counters(25, database_id=1)
        assert len({one, two, one}) == 2
        future = asyncio.ensure_future(one)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            waited = group.create_task(one.wait())
        gathered = await asyncio.gather(one, two)
        assert list(gathered) == [await future, await two]
        assert waited.result() is gathered[0]


async def test_outer_timeout_leaves_the_handle_usable(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(2):
                await handle
        assert not isinstance(caught.value, AltcraftError)
        assert isinstance(await handle, CountersReport)


async def test_timeout_makes_a_last_poll_at_the_deadline(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        began = now()
        with pytest.raises(WaitTimeoutError) as caught:
            await handle.wait(timeout=2.5)
        assert now() - began == pytest.approx(2.5, abs=0.05)
        assert server.count(STATUS) == 3
        assert caught.value.ref == handle.ref
        assert caught.value.status == handle.status
        assert not handle.done()
        assert isinstance(await handle.wait(timeout=60), CountersReport)


async def test_result_at_the_deadline_is_returned(platform: OpenPlatform) -> None:
    async with platform(duration=2.5) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert isinstance(await handle.wait(timeout=2.5), CountersReport)


async def test_timeout_zero_polls_once(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=0)
        assert server.count(STATUS) == 1
        await asyncio.sleep(10)
        assert isinstance(await handle.wait(timeout=0), CountersReport)


async def test_hung_last_poll_ends_the_wait_a_second_late(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.stall())
        began = now()
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=0.5)
        assert now() - began == pytest.approx(1.5, abs=0.05)
        assert not server.pending_faults


@pytest.mark.parametrize("name", ["timeout", "stall"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "5"])
async def test_limit_that_is_no_positive_number_is_refused_by_name(
    platform: OpenPlatform, name: str, value: float
) -> None:
    async with platform() as (_, client):
        handle = client.tasks.attach("a")
        with pytest.raises(ConfigurationError, match=f"^{name}:"):
            await handle.wait(**{name: value})


async def test_stalled_task_ends_the_wait(platform: OpenPlatform) -> None:
    async with platform(duration=1000, curve="stall") as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(TaskStalledError) as caught:
            await handle.wait(stall=30)
        assert 120 < now() < 150
        assert caught.value.status == handle.status


async def test_task_that_never_shows_progress_does_not_stall(platform: OpenPlatform) -> None:
    """Otherwise `stall` would be a hidden timeout."""
    async with platform(duration=100, curve="stuck") as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert isinstance(await handle.wait(stall=5), CountersReport)


async def test_result_and_exception_before_the_end_raise_invalid_state(
    platform: OpenPlatform,
) -> None:
    async with platform() as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert not handle.done()
        for call in (handle.result, handle.exception):
            with pytest.raises(asyncio.InvalidStateError, match=handle.ref.task_id):
                call()


async def test_failed_task_raises_a_fresh_error_each_time(platform: OpenPlatform) -> None:
    """The traceback of one error would grow from await to await."""
    async with platform() as (server, client):
        server.misbehave(STATUS, Fault.failed_task("Failed"))
        handle = await client.resources.refresh_counters(24, database_id=1)
        raised: list[TaskFailedError] = []
        for _ in range(3):
            with pytest.raises(TaskFailedError, match="'Failed'") as caught:
                await handle
            raised.append(caught.value)
        assert len(set(map(id, raised))) == 3
        depths = {len(traceback.extract_tb(error.__traceback__)) for error in raised[1:]}
        assert len(depths) == 1
        assert handle.done()
        assert raised[0].ref == handle.ref
        assert raised[0].status == handle.status
        assert server.count(STATUS) == 1


async def test_closing_the_client_ends_every_wait(platform: OpenPlatform) -> None:
    async def iterate(handle: Handle) -> None:
        async for _ in handle.updates():
            pass

    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.stall())
        waits = [handle.wait(), handle.wait(timeout=5), iterate(handle), handle.poll()]
        waiting = [asyncio.create_task(wait) for wait in waits]
        await asyncio.sleep(0.1)
        await client.aclose()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ClientClosedError] * 4
        assert len({id(outcome) for outcome in outcomes}) == 4
        for call in (handle.wait(), handle.poll()):
            with pytest.raises(ClientClosedError):
                await call
        with pytest.raises(ClientClosedError):
            handle.add_done_callback(print)


async def test_ref_of_another_client_gives_the_same_report_at_once(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        stored = handle.ref.to_json()
        await asyncio.sleep(30)
        began = now()
        attached = client.tasks.attach(TaskRef.from_json(stored))
        assert server.count(STATUS) == 0
        report = await attached
        assert now() - began < 0.05
        assert report == await handle
        assert attached.ref == handle.ref


async def test_repr_shows_task_target_and_status(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert repr(handle) == (
            f"<TaskHandle task {handle.ref.task_id} of resource 24, database 1: not polled yet,"
            " polls=0>"
        )
        assert handle.status is None
        assert handle.eta is None
        await handle
        assert repr(handle).endswith(f"completed, polls={handle.polls}>")
        assert handle.eta == 0
        assert server.token not in repr(handle)
