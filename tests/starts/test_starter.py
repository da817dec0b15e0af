"""Starting tasks: a second start of the same target joins the first."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import msgspec
import pytest

from altcraft_async import (
    ClientClosedError,
    ConfigurationError,
    CountersReport,
    Feedback,
    NotFoundError,
    ServerError,
)
from altcraft_async.protocol.endpoints import REFRESH_RESOURCE
from altcraft_async.simulator import Fault
from altcraft_async.starts.registry import MOST_RUNNING, Start, TaskRegistry

if TYPE_CHECKING:
    from altcraft_async.starts.starter import Join
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


async def test_second_start_joins_the_running_task(platform: OpenPlatform) -> None:
    """While a refresh of the target runs, another call gets its handle without a request."""
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        two = await client.resources.refresh_counters(24, database_id=1)
        other = await client.resources.refresh_counters(24, database_id=2)
        assert one is two
        assert other is not one
        assert server.count(START) == 2
        assert server.count(STATUS) == 0


async def test_starts_at_the_same_time_share_one_request(platform: OpenPlatform) -> None:
    """Calls for one target that come together send one request."""
    async with platform() as (server, client):
        handles = await asyncio.gather(
            *(client.resources.refresh_counters(24, database_id=1) for _ in range(50))
        )
        assert len(set(handles)) == 1
        assert server.count(START) == 1


async def test_never_joining_always_starts(platform: OpenPlatform) -> None:
    """join="never" starts a task of its own each time."""
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        two = await client.resources.refresh_counters(24, database_id=1, join="never")
        assert one.ref.task_id != two.ref.task_id
        assert server.count(START) == 2


async def test_own_feedback_is_not_shared(platform: OpenPlatform) -> None:
    """A call that wants its own report does not join a start that asked for none."""
    feedback = Feedback(url="http://127.0.0.1/receiver")
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        two = await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
        three = await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
        assert one is not two
        assert two is three
        sent = server.requests[-1].params["feedback"]
        assert sent == {"url": "http://127.0.0.1/receiver", "type": "JSON"}


async def test_finished_task_is_not_joined(platform: OpenPlatform) -> None:
    """Once a task is known to be over, the next call starts another."""
    async with platform() as (server, client):
        await client.resources.refresh(24, database_id=1)
        await client.resources.refresh(24, database_id=1)
        assert server.count(START) == 2


async def test_task_without_recent_news_is_polled_at_before_it_is_joined(
    platform: OpenPlatform,
) -> None:
    """A task that nobody watched for long is joined only if a poll says that it still runs."""
    async with platform(duration=30) as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        await asyncio.sleep(20)
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(STATUS) == 1
        await asyncio.sleep(20)
        two = await client.resources.refresh_counters(24, database_id=1)
        assert two is not one
        assert one.done()
        assert (server.count(START), server.count(STATUS)) == (2, 2)


async def test_watched_task_is_joined_without_a_poll(platform: OpenPlatform) -> None:
    """A task that somebody awaits is known to run."""
    async with platform(duration=100) as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        waiting = asyncio.create_task(one.wait())
        await asyncio.sleep(50.5)
        polls = server.count(STATUS)
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(STATUS) == polls
        await waiting


async def test_poll_that_fails_is_no_reason_to_start_twice(platform: OpenPlatform) -> None:
    """Where nobody can say whether the task still runs, it is joined."""
    async with platform(duration=100) as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        await asyncio.sleep(20)
        server.misbehave(STATUS, Fault.html(502))
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(START) == 1


async def test_task_whose_handle_is_gone_is_joined_all_the_same(platform: OpenPlatform) -> None:
    """Giving up a wait and asking again starts nothing twice, though nobody held the handle."""
    async with platform(duration=30) as (server, client):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await client.resources.refresh(24, database_id=1)
        gc.collect()
        assert isinstance(await client.resources.refresh(24, database_id=1), CountersReport)
        assert server.count(START) == 1


async def test_task_that_was_started_alone_is_joined_later(platform: OpenPlatform) -> None:
    """A start that joined nothing can be joined itself."""
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1, join="never")
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(START) == 1


async def test_call_without_feedback_joins_one_that_has_it(platform: OpenPlatform) -> None:
    """Who wants no report of its own can share a task that sends one."""
    feedback = Feedback(url="http://127.0.0.1/receiver")
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(START) == 1


async def test_memory_of_running_tasks_is_bounded(platform: OpenPlatform) -> None:
    """Of very many running tasks the newest can be joined."""
    async with platform(duration=1000) as (server, client):
        handle = await client.resources.refresh_counters(1, database_id=1)
        running = TaskRegistry()
        start = Start(endpoint=REFRESH_RESOURCE, kind="resource", target=(0, 1), values={})
        for number in range(MOST_RUNNING + 1):
            running.add("resource", (number, 1), handle)
        assert running.find(start) is None
        assert running.find(msgspec.structs.replace(start, target=(5, 1))) is handle
        assert server.count(START) == 1


async def test_failed_start_fails_for_all_who_share_it(platform: OpenPlatform) -> None:
    """An error of a shared start reaches everybody, and the next call tries again."""
    async with platform() as (server, client):
        server.misbehave(START, Fault.refuse(404, "No such resource"))
        calls = [client.resources.refresh_counters(24, database_id=1) for _ in range(3)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in errors] == [NotFoundError] * 3
        assert server.count(START) == 1
        assert not (await client.resources.refresh_counters(24, database_id=1)).done()


async def test_cancelling_one_caller_leaves_the_start_to_the_others(
    platform: OpenPlatform,
) -> None:
    """A shared start under way belongs to all who wait for it."""
    async with platform() as (server, client):
        server.misbehave(START, Fault.slow_body(5))
        calls = [
            asyncio.create_task(client.resources.refresh_counters(24, database_id=1))
            for _ in range(3)
        ]
        await asyncio.sleep(1)
        calls[0].cancel()
        await asyncio.sleep(1)
        handles = await asyncio.gather(*calls[1:])
        assert handles[0] is handles[1]
        assert calls[0].cancelled()
        assert server.count(START) == 1


async def test_last_caller_takes_the_start_along(platform: OpenPlatform) -> None:
    """When everybody who wanted a start is cancelled, so is it, and a new call sends its own."""
    async with platform() as (server, client):
        server.misbehave(START, Fault.stall())
        calls = [
            asyncio.create_task(client.resources.refresh_counters(24, database_id=1))
            for _ in range(3)
        ]
        await asyncio.sleep(1)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert not (await client.resources.refresh_counters(24, database_id=1)).done()
        assert server.count(START) == 2


async def test_closing_ends_a_start_under_way(platform: OpenPlatform) -> None:
    """A start that waits for its answer ends with ClientClosedError when the client is closed."""
    async with platform() as (server, client):
        server.misbehave(START, Fault.stall(), times=2)
        calls = [
            asyncio.create_task(client.resources.refresh_counters(24, database_id=1, join=join))
            for join in _JOINS
        ]
        await asyncio.sleep(1)
        await client.aclose()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ClientClosedError] * 2
        assert asyncio.get_running_loop().time() < 3


_JOINS: tuple[Join, Join] = ("client", "never")


async def test_start_that_may_have_run_is_not_sent_again(platform: OpenPlatform) -> None:
    """A lost answer is an error that says so, after one request and one start."""
    async with platform() as (server, client):
        server.misbehave(START, Fault.status(503))
        with pytest.raises(ServerError) as caught:
            await client.resources.refresh_counters(24, database_id=1)
        assert caught.value.maybe_delivered
        assert server.count(START) == 1


async def test_unknown_way_of_joining_is_refused(platform: OpenPlatform) -> None:
    """There are two ways, "client" and "never"."""
    async with platform() as (server, client):
        with pytest.raises(ConfigurationError, match=r"^join:"):
            await client.resources.refresh_counters(24, database_id=1, join="always")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert not server.requests
