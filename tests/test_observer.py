"""`observer=`: what it is told, when, in whose context, and what it cannot break."""

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


async def test_refresh_is_told_from_start_to_end(platform: OpenPlatform) -> None:
    """A refresh that goes well is started, watched, polled, and ended."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (server, client):
        await client.resources.refresh(24, database_id=1)
        assert heard.names == ["started", "watched", "polled", "ended"]
        ended = heard.only("ended")
        assert ended.about == (None,)
        assert (task := ended.task) is not None
        assert task.ref.target == (24, 1)
        assert (task.polls, task.faults) == (server.count(STATUS), 0)
        assert task.polls == len(heard.polls)
        assert task.status == "completed"


async def test_times_of_a_task_are_those_of_its_polls(platform: OpenPlatform) -> None:
    """A task is as old as its last poll, and its end was noticed within one pause."""
    heard = Recorder()
    async with platform(duration=10.0, options={"observer": heard}) as (_, client):
        await client.resources.refresh(24, database_id=1)
    task = heard.only("ended").task
    assert task is not None
    assert task.seconds == pytest.approx(10.0, abs=1.1)
    assert task.lateness == pytest.approx(1.0, abs=0.05)
    progresses = [poll.progress for poll in heard.polls]
    assert progresses == sorted(progresses, key=lambda percent: percent or 0)
    assert progresses[-1] == 100


async def test_task_found_over_at_once_says_no_lateness(platform: OpenPlatform) -> None:
    """Of a task that was started elsewhere, nobody knows since when it is over."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await asyncio.sleep(60)
        await client.tasks.attach(handle.ref)
    assert heard.names == ["started", "attached", "watched", "polled", "ended"]
    task = heard.only("ended").task
    assert task is not None
    assert (task.polls, task.lateness) == (1, None)


async def test_what_people_ask_for_is_told_in_their_context(platform: OpenPlatform) -> None:
    """Context variables of who starts, joins, attaches and waits are theirs when it is told."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (_, client):
        caller.set("the one who starts")
        handle = await client.resources.refresh_counters(24, database_id=1)
        caller.set("the one who joins")
        await client.resources.refresh_counters(24, database_id=1)
        caller.set("the one who waits")
        await handle
    told = {event.name: event.caller for event in heard.events}
    assert told == {
        "started": "the one who starts",
        "joined": "the one who joins",
        "watched": "the one who waits",
        "polled": "nobody",
        "ended": "nobody",
    }


async def test_starts_at_the_same_time_are_one_start_and_joins(platform: OpenPlatform) -> None:
    """Of calls that share a request, one has started and the others have joined."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (_, client):
        await asyncio.gather(
            *(client.resources.refresh_counters(24, database_id=1) for _ in range(3))
        )
    assert heard.names == ["started", "joined", "joined"]


async def test_failed_start_is_told_with_its_error(platform: OpenPlatform) -> None:
    """A start that fails in the end has no task, and says what was to be counted."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (server, client):
        server.misbehave(START, Fault.status(503))
        with pytest.raises(ServerError) as caught:
            await client.resources.refresh_counters(24, database_id=1)
    kind, target, error = heard.only("start_failed").about
    assert (kind, target, type(error)) == ("resource", (24, 1), ServerError)
    assert str(error) == str(caught.value)
    assert heard.names == ["start_failed"]


async def test_repeat_is_told_with_what_it_survived(platform: OpenPlatform) -> None:
    """A request that is sent again says of which method it is, and why."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (server, client):
        server.misbehave(START, Fault.status(429))
        caller.set("the one who starts")
        await client.resources.refresh_counters(24, database_id=1)
    repeated = heard.only("retried")
    method, error = repeated.about
    assert (method, type(error)) == (START, RateLimitedError)
    assert repeated.caller == "the one who starts"
    assert heard.names == ["retried", "started"]


async def test_failed_polls_are_told_and_counted(platform: OpenPlatform) -> None:
    """A poll that fails says why, and the task says how many did."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (server, client):
        server.misbehave(STATUS, Fault.status(503), times=2)
        await client.resources.refresh(24, database_id=1)
    failed = [poll for poll in heard.polls if poll.error]
    assert [type(poll.error) for poll in failed] == [ServerError, ServerError]
    assert [(poll.status, poll.progress) for poll in failed] == [(None, None)] * 2
    task = heard.only("ended").task
    assert task is not None
    assert task.faults == 2
    assert task.polls == len(heard.polls)


async def test_failed_task_ends_with_its_error(platform: OpenPlatform) -> None:
    """A task that failed is over, with the error that its waiters get."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (server, client):
        server.misbehave(START, Fault.failed_task())
        with pytest.raises(TaskFailedError):
            await client.resources.refresh(24, database_id=1)
    (error,) = heard.only("ended").about
    assert isinstance(error, TaskFailedError)


async def test_wait_that_times_out_is_told_as_left(platform: OpenPlatform) -> None:
    """Nobody waits any more, and the observer hears why."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (_, client):
        with pytest.raises(WaitTimeoutError):
            await client.resources.refresh(24, database_id=1, timeout=3)
        assert heard.names == ["started", "watched", "polled", "unwatched"]
        (error,) = heard.only("unwatched").about
        assert isinstance(error, WaitTimeoutError)


async def test_stalled_wait_is_told_as_left(platform: OpenPlatform) -> None:
    """Giving up on a task that does not move is told with that error."""
    heard = Recorder()
    async with platform(duration=100.0, curve="stall", options={"observer": heard}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(TaskStalledError):
            await handle.wait(stall=20)
    (error,) = heard.only("unwatched").about
    assert isinstance(error, TaskStalledError)


async def test_cancelled_wait_is_left_without_an_error(platform: OpenPlatform) -> None:
    """Who is cancelled has no error of this library's; only the last one to go counts."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        waits = [asyncio.ensure_future(handle.wait()) for _ in range(2)]
        await asyncio.sleep(2)
        waits[0].cancel()
        await asyncio.sleep(2)
        assert "unwatched" not in heard.names
        waits[1].cancel()
        await asyncio.sleep(0)
        assert heard.only("unwatched").about == (None,)
        await handle
    assert heard.names == [
        "started",
        "watched",
        "polled",
        "unwatched",
        "watched",
        "polled",
        "ended",
    ]


async def test_single_poll_is_not_a_wait(platform: OpenPlatform) -> None:
    """`poll()` is a poll, and the end if it finds it; nobody begins or ends to wait."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle.poll()
        assert heard.names == ["started", "polled"]
        await asyncio.sleep(20)
        await handle.poll()
    assert heard.names == ["started", "polled", "ended"]


async def test_closed_client_leaves_those_who_wait(platform: OpenPlatform) -> None:
    """Closing ends the waits, and each is told once."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (_, client):
        handles = [await client.resources.refresh_counters(n, database_id=1) for n in (24, 25)]
        waits = [asyncio.ensure_future(handle.wait()) for handle in handles]
        await asyncio.sleep(2)
    for wait in waits:
        with pytest.raises(ClientClosedError):
            await wait
    left = [event for event in heard.events if event.name == "unwatched"]
    assert [type(event.about[0]) for event in left] == [ClientClosedError] * 2


async def test_poll_says_how_late_it_began(platform: OpenPlatform) -> None:
    """Polls that wait for a rate limit are late by that, the first ones too."""
    heard = Recorder()
    async with platform(options={"observer": heard, "rate_limit": 2}) as (_, client):
        refs = [
            (await client.resources.refresh_counters(number, database_id=1)).ref
            for number in range(1, 9)
        ]
        async for handle in as_completed(client.tasks.attach(ref) for ref in refs):
            assert handle.done()
    # Eight polls are wanted at once, and two a second are made.
    assert [poll.late for poll in heard.polls[:8]] == pytest.approx(
        [number / 2 for number in range(8)], abs=0.6
    )
    assert all(poll.late >= 0 for poll in heard.polls)


async def test_poll_says_how_long_it_took(platform: OpenPlatform) -> None:
    """From sending to reading."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (server, client):
        server.misbehave(STATUS, Fault.stall(2))
        await client.resources.refresh(24, database_id=1)
    first, second, *_ = heard.polls
    assert first.seconds == pytest.approx(2, abs=0.1)
    assert second.seconds == pytest.approx(0, abs=0.1)


async def test_poll_that_may_not_be_sent_took_no_time(platform: OpenPlatform) -> None:
    """And neither it nor the next one is late for what was waited before."""
    heard = Recorder()
    asked = iter(range(100))

    async def shared_limit() -> None:
        if next(asked) == 2:  # the start and a poll have passed
            raise ZeroDivisionError

    options: Any = {"observer": heard, "shared_limit": shared_limit, "poll": Constant(5.0)}
    async with platform(duration=20.0, options=options) as (_, client):
        await client.resources.refresh(24, database_id=1)
    failed = [number for number, poll in enumerate(heard.polls) if poll.error is not None]
    assert failed == [1]
    assert heard.polls[1].seconds == 0.0
    assert all(poll.late <= 0.02 for poll in heard.polls)


async def test_plan_that_was_dropped_makes_no_poll_late(platform: OpenPlatform) -> None:
    """Who comes back after a while has a poll that is planned anew."""
    heard = Recorder()
    async with platform(duration=100, options={"observer": heard}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await handle
            await asyncio.sleep(30)
    assert len(heard.polls) > 1
    assert max(poll.late for poll in heard.polls) < 0.02


async def test_poll_on_time_is_not_late(platform: OpenPlatform) -> None:
    """Without a limit, polls begin within a slot of the scheduler of when they were planned."""
    heard = Recorder()
    async with platform(options={"observer": heard}) as (_, client):
        await client.resources.refresh(24, database_id=1)
    assert max(poll.late for poll in heard.polls) < 0.02


async def test_broken_policy_is_told_as_left(platform: OpenPlatform) -> None:
    """A poll policy that raises ends the wait, and the observer hears of it."""

    def broken(seen: PollState) -> float:
        if seen.polls:
            raise ZeroDivisionError
        return 1.0

    heard = Recorder()
    async with platform(options={"observer": heard, "poll": broken}) as (_, client):
        with pytest.raises(PollingError):
            await client.resources.refresh(24, database_id=1)
    (error,) = heard.only("unwatched").about
    assert isinstance(error, PollingError)


async def test_observer_that_raises_changes_nothing(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises is logged once, and the refresh comes out."""
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


async def test_observer_hears_nothing_unless_it_wants_to(platform: OpenPlatform) -> None:
    """The base class has every method, so that one overrides only what one needs."""
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
    """What is no `Observer` is refused before anything is sent, by its name."""
    with pytest.raises(ConfigurationError, match="observer"):
        AltcraftClient("https://example.com", "token", observer=cast("Any", print))
