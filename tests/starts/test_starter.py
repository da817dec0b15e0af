"""Starts of one client: a second start of the same target joins the first."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from altcraft_async import (
    ClientClosedError,
    ConfigurationError,
    CountersReport,
    Feedback,
    NotFoundError,
    ServerError,
)
from altcraft_async.simulator import Fault

if TYPE_CHECKING:
    from altcraft_async.starts.starter import JoinMode
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


async def test_second_start_joins_the_running_task(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        two = await client.resources.refresh_counters(24, database_id=1)
        other = await client.resources.refresh_counters(24, database_id=2)
        assert one is two
        assert other is not one
        assert server.count(START) == 2
        assert server.count(STATUS) == 0


async def test_starts_at_the_same_time_share_one_request(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handles = await asyncio.gather(
            *(client.resources.refresh_counters(24, database_id=1) for _ in range(50))
        )
        assert len(set(handles)) == 1
        assert server.count(START) == 1


async def test_join_never_always_starts(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        two = await client.resources.refresh_counters(24, database_id=1, join="never")
        assert one.ref.task_id != two.ref.task_id
        assert server.count(START) == 2


async def test_start_with_feedback_joins_only_one_with_the_same_feedback(
    platform: OpenPlatform,
) -> None:
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
    async with platform() as (server, client):
        await client.resources.refresh(24, database_id=1)
        await client.resources.refresh(24, database_id=1)
        assert server.count(START) == 2


async def test_task_without_recent_news_is_polled_before_it_is_joined(
    platform: OpenPlatform,
) -> None:
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


async def test_awaited_task_is_joined_without_a_poll(platform: OpenPlatform) -> None:
    async with platform(duration=100) as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        waiting = asyncio.create_task(one.wait())
        await asyncio.sleep(50.5)
        polls = server.count(STATUS)
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(STATUS) == polls
        await waiting


async def test_task_whose_poll_fails_is_joined(platform: OpenPlatform) -> None:
    """It may be running, so another start could be a duplicate."""
    async with platform(duration=100) as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1)
        await asyncio.sleep(20)
        server.misbehave(STATUS, Fault.html(502))
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(START) == 1


async def test_task_whose_handle_was_dropped_is_joined(platform: OpenPlatform) -> None:
    """A caller that gives up its wait and starts again gets the same task."""
    async with platform(duration=30) as (server, client):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await client.resources.refresh(24, database_id=1)
        gc.collect()
        assert isinstance(await client.resources.refresh(24, database_id=1), CountersReport)
        assert server.count(START) == 1


async def test_task_started_with_join_never_is_joined_later(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1, join="never")
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(START) == 1


async def test_start_without_feedback_joins_one_with_feedback(platform: OpenPlatform) -> None:
    feedback = Feedback(url="http://127.0.0.1/receiver")
    async with platform() as (server, client):
        one = await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
        assert await client.resources.refresh_counters(24, database_id=1) is one
        assert server.count(START) == 1


async def test_failed_start_fails_for_all_its_callers(platform: OpenPlatform) -> None:
    """The next call sends another request."""
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


async def test_cancelling_the_last_caller_cancels_the_start(platform: OpenPlatform) -> None:
    """The next call sends its own request."""
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


async def test_closing_ends_a_start_under_way_with_client_closed_error(
    platform: OpenPlatform,
) -> None:
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


_JOINS: tuple[JoinMode, JoinMode] = ("client", "never")


async def test_start_that_may_have_been_delivered_is_not_sent_again(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        server.misbehave(START, Fault.status(503))
        with pytest.raises(ServerError) as caught:
            await client.resources.refresh_counters(24, database_id=1)
        assert caught.value.maybe_delivered
        assert server.count(START) == 1


async def test_unknown_join_mode_is_refused(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        with pytest.raises(ConfigurationError, match=r"^join:"):
            await client.resources.refresh_counters(24, database_id=1, join="always")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert not server.requests
