"""`observer=`: which events it gets, when and in which context, and what its errors do."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

import pytest

from altcraft_async import (
    AltcraftClient,
    ClientClosedError,
    ConfigurationError,
    Constant,
    Observer,
    PollingError,
    RateLimitedError,
    ServerError,
    TaskFailedError,
    TaskStalledError,
    WaitTimeoutError,
    as_completed,
)
from altcraft_async.simulator import Fault
from tests.support.recording_observer import Raising, Recorder, caller

if TYPE_CHECKING:
    from altcraft_async import PollState
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


async def test_refresh_is_reported_from_start_to_end(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (server, client):
        report = await client.resources.refresh(24, database_id=1)
        assert recorder.names == ["started", "watched", "polled", "ended"]
        ended = recorder.only("ended")
        assert ended.about == (None,)
        assert (task := ended.task) is not None
        assert task.ref.target == (24, 1)
        assert (task.polls, task.faults) == (server.count(STATUS), 0)
        assert task.polls == len(recorder.polls)
        assert (task.status, task.progress, task.waiters) == ("completed", 100, 0)
        assert task.result == report


async def test_seconds_and_lateness_of_a_task_are_those_of_its_polls(
    platform: OpenPlatform,
) -> None:
    recorder = Recorder()
    async with platform(duration=10.0, options={"observer": recorder}) as (_, client):
        await client.resources.refresh(24, database_id=1)
    task = recorder.only("ended").task
    assert task is not None
    assert task.seconds == pytest.approx(10.0, abs=1.1)
    assert task.lateness == pytest.approx(1.0, abs=0.05)
    progresses = [poll.progress for poll in recorder.polls]
    assert progresses == sorted(progresses, key=lambda percent: percent or 0)
    assert progresses[-1] == 100


async def test_lateness_of_a_task_found_over_at_the_first_poll_is_unknown(
    platform: OpenPlatform,
) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await asyncio.sleep(60)
        await client.tasks.attach(handle.ref)
    assert recorder.names == ["started", "attached", "watched", "polled", "ended"]
    task = recorder.only("ended").task
    assert task is not None
    assert (task.polls, task.lateness) == (1, None)


async def test_start_join_and_wait_are_reported_in_the_context_of_their_caller(
    platform: OpenPlatform,
) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (_, client):
        caller.set("starter")
        handle = await client.resources.refresh_counters(24, database_id=1)
        caller.set("joiner")
        await client.resources.refresh_counters(24, database_id=1)
        caller.set("waiter")
        await handle
    callers = {event.name: event.caller for event in recorder.events}
    assert callers == {
        "started": "starter",
        "joined": "joiner",
        "watched": "waiter",
        "polled": "nobody",
        "ended": "nobody",
    }


async def test_simultaneous_starts_are_reported_as_one_start_and_joins(
    platform: OpenPlatform,
) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (_, client):
        await asyncio.gather(
            *(client.resources.refresh_counters(24, database_id=1) for _ in range(3))
        )
    assert recorder.names == ["started", "joined", "joined"]


async def test_failed_start_is_reported_with_its_error(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (server, client):
        server.misbehave(START, Fault.status(503))
        with pytest.raises(ServerError) as caught:
            await client.resources.refresh_counters(24, database_id=1)
    kind, target, error = recorder.only("start_failed").about
    assert (kind, target, type(error)) == ("resource", (24, 1), ServerError)
    assert str(error) == str(caught.value)
    assert recorder.names == ["start_failed"]


async def test_retry_is_reported_with_method_and_error(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (server, client):
        server.misbehave(START, Fault.status(429))
        caller.set("starter")
        await client.resources.refresh_counters(24, database_id=1)
    retried = recorder.only("retried")
    method, error = retried.about
    assert (method, type(error)) == (START, RateLimitedError)
    assert retried.caller == "starter"
    assert recorder.names == ["retried", "started"]


async def test_failed_polls_are_reported_and_counted(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (server, client):
        server.misbehave(STATUS, Fault.status(503), times=2)
        await client.resources.refresh(24, database_id=1)
    failed = [poll for poll in recorder.polls if poll.error]
    assert [type(poll.error) for poll in failed] == [ServerError, ServerError]
    assert [(poll.status, poll.progress) for poll in failed] == [(None, None)] * 2
    task = recorder.only("ended").task
    assert task is not None
    assert task.faults == 2
    assert task.polls == len(recorder.polls)


async def test_failed_task_ends_with_its_error(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (server, client):
        server.misbehave(START, Fault.failed_task())
        with pytest.raises(TaskFailedError):
            await client.resources.refresh(24, database_id=1)
    (error,) = recorder.only("ended").about
    assert isinstance(error, TaskFailedError)


async def test_timeout_is_reported_as_unwatched_with_its_error(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (_, client):
        with pytest.raises(WaitTimeoutError):
            await client.resources.refresh(24, database_id=1, timeout=3)
        assert recorder.names == ["started", "watched", "polled", "unwatched"]
        (error,) = recorder.only("unwatched").about
        assert isinstance(error, WaitTimeoutError)


async def test_stall_is_reported_as_unwatched_with_its_error(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(duration=100.0, curve="stall", options={"observer": recorder}) as (
        _,
        client,
    ):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(TaskStalledError):
            await handle.wait(stall=20)
    (error,) = recorder.only("unwatched").about
    assert isinstance(error, TaskStalledError)


async def test_cancelling_the_last_wait_is_reported_as_unwatched_without_an_error(
    platform: OpenPlatform,
) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        waits = [asyncio.ensure_future(handle.wait()) for _ in range(2)]
        await asyncio.sleep(2)
        waits[0].cancel()
        await asyncio.sleep(2)
        assert "unwatched" not in recorder.names
        waits[1].cancel()
        await asyncio.sleep(0)
        assert recorder.only("unwatched").about == (None,)
        await handle
    assert recorder.names == [
        "started",
        "watched",
        "polled",
        "unwatched",
        "watched",
        "polled",
        "ended",
    ]


async def test_single_poll_is_not_reported_as_watched(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle.poll()
        assert recorder.names == ["started", "polled"]
        await asyncio.sleep(20)
        await handle.poll()
    assert recorder.names == ["started", "polled", "ended"]


async def test_closing_the_client_is_reported_once_per_watched_task(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (_, client):
        handles = [await client.resources.refresh_counters(n, database_id=1) for n in (24, 25)]
        waits = [asyncio.ensure_future(handle.wait()) for handle in handles]
        await asyncio.sleep(2)
    for wait in waits:
        with pytest.raises(ClientClosedError):
            await wait
    unwatched = [event for event in recorder.events if event.name == "unwatched"]
    assert [type(event.about[0]) for event in unwatched] == [ClientClosedError] * 2


async def test_poll_that_waited_for_the_rate_limit_is_late(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder, "rate_limit": 2}) as (_, client):
        refs = [
            (await client.resources.refresh_counters(number, database_id=1)).ref
            for number in range(1, 9)
        ]
        async for handle in as_completed(client.tasks.attach(ref) for ref in refs):
            assert handle.done()
    # Eight polls are due at once, and two a second are made.
    assert [poll.late for poll in recorder.polls[:8]] == pytest.approx(
        [number / 2 for number in range(8)], abs=0.6
    )
    assert all(poll.late >= 0 for poll in recorder.polls)


async def test_poll_reports_its_seconds(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (server, client):
        server.misbehave(STATUS, Fault.stall(2))
        await client.resources.refresh(24, database_id=1)
    first, second, *_ = recorder.polls
    assert first.seconds == pytest.approx(2, abs=0.1)
    assert second.seconds == pytest.approx(0, abs=0.1)


async def test_poll_that_may_not_be_sent_takes_no_time_and_is_not_late(
    platform: OpenPlatform,
) -> None:
    recorder = Recorder()
    asked = iter(range(100))

    async def shared_limit() -> None:
        if next(asked) == 2:  # after the start and one poll
            raise ZeroDivisionError

    options: Any = {"observer": recorder, "shared_limit": shared_limit, "poll": Constant(5.0)}
    async with platform(duration=20.0, options=options) as (_, client):
        await client.resources.refresh(24, database_id=1)
    failed = [number for number, poll in enumerate(recorder.polls) if poll.error is not None]
    assert failed == [1]
    assert recorder.polls[1].seconds == 0.0
    assert all(poll.late <= 0.02 for poll in recorder.polls)


async def test_poll_planned_again_after_a_pause_is_not_late(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(duration=100, options={"observer": recorder}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await handle
            await asyncio.sleep(30)
    assert len(recorder.polls) > 1
    assert max(poll.late for poll in recorder.polls) < 0.02


async def test_poll_on_time_is_not_late(platform: OpenPlatform) -> None:
    """Polls begin within a slot of the scheduler."""
    recorder = Recorder()
    async with platform(options={"observer": recorder}) as (_, client):
        await client.resources.refresh(24, database_id=1)
    assert max(poll.late for poll in recorder.polls) < 0.02


async def test_failure_of_the_policy_is_reported_as_unwatched(platform: OpenPlatform) -> None:
    def broken(state: PollState) -> float:
        if state.polls:
            raise ZeroDivisionError
        return 1.0

    recorder = Recorder()
    async with platform(options={"observer": recorder, "poll": broken}) as (_, client):
        with pytest.raises(PollingError):
            await client.resources.refresh(24, database_id=1)
    (error,) = recorder.only("unwatched").about
    assert isinstance(error, PollingError)


async def test_error_of_an_observer_is_logged_once_and_changes_nothing(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    raising = Raising()
    async with platform(options={"observer": raising}) as (server, client):
        server.misbehave(START, Fault.status(429))
        server.misbehave(STATUS, Fault.status(503))
        with caplog.at_level(logging.ERROR, "altcraft_async"):
            report = await client.resources.refresh(24, database_id=1)
        assert report["email"] == server.world.counters(24, 1)["email"]
    assert raising.names == ["retried", "started", "watched", "polled", "ended"]
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info
    assert vars(caplog.records[0])["altcraft_event"] == "retried"


async def test_base_observer_ignores_every_event(platform: OpenPlatform) -> None:
    async with platform(options={"observer": Observer()}) as (server, client):
        server.misbehave(START, Fault.status(429))
        server.misbehave(START, Fault.status(500), after=1)
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert await client.resources.refresh_counters(24, database_id=1) is handle
        with pytest.raises(ServerError):
            await client.resources.refresh_counters(25, database_id=1)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=2)
        assert await client.tasks.attach(handle.ref) == await handle


def test_observer_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="observer"):
        AltcraftClient("https://example.com", "token", observer=cast("Any", print))
