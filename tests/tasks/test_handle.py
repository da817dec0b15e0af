"""`TaskHandle`: waits, limits and results."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import traceback
from datetime import datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest

from altcraft_async import (
    AltcraftError,
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    Constant,
    CountersReport,
    Patience,
    PollingError,
    ProtocolError,
    ServerError,
    TaskFailedError,
    TaskHandle,
    TaskLostError,
    TaskRef,
    TaskStalledError,
    TaskStatus,
    WaitTimeoutError,
)
from altcraft_async.simulator import Fault
from tests.support.loop_time import now

if TYPE_CHECKING:
    from altcraft_async.client import ClientOptions
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


async def test_failed_poll_raises_and_leaves_the_handle_usable(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave(STATUS, Fault.html(502))
        with pytest.raises(ProtocolError, match="tasks/status"):
            await handle.poll()
        assert await handle.poll() is not None


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


async def test_result_and_exception_before_the_end_raise_invalid_state(
    platform: OpenPlatform,
) -> None:
    async with platform() as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert not handle.done()
        for call in (handle.result, handle.exception):
            with pytest.raises(asyncio.InvalidStateError, match=handle.ref.task_id):
                call()


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
            f"<TaskHandle task {handle.ref.task_id} of resource 24, 1: not polled yet, polls=0>"
        )
        assert handle.status is None
        assert handle.eta is None
        await handle
        assert repr(handle).endswith(f"completed, polls={handle.polls}>")
        assert handle.eta == 0
        assert server.token not in repr(handle)


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
