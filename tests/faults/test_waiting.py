"""Waits for a task whose polls fail or return unexpected answers."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from altcraft_async import (
    AltcraftError,
    AuthenticationError,
    Constant,
    CountersReport,
    Failed,
    NotFoundError,
    Patience,
    PollingError,
    PollState,
    ProtocolError,
    RateLimitedError,
    RequestTimeoutError,
    Retry,
    TaskLostError,
    TaskRef,
    WaitError,
    WaitTimeoutError,
)
from altcraft_async.transport.retry import is_passing
from tests.faults.table import FAULTS, Fault, envelope
from tests.faults.tasks import COURSES, DONE, SUBSCRIBED, Course, patient, poll, started
from tests.support.api_calls import (
    RUNNING,
    STARTED,
    TOKEN,
    Way,
    client_of,
    told,
)
from tests.support.loop_time import now
from tests.support.scripted_server import ScriptedServer, Step, answer

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("both_ways")]

HANG = Step(then="hang")
STUCK = poll(progress=99)
UNKNOWN = answer(envelope(404), status="404 Not Found")
GONE = answer(status="500 Internal Server Error")  # 502 would be an outage


def methods(server: ScriptedServer) -> list[str]:
    """Return the last part of each API method called."""
    return [request.target.rpartition("/")[2] for request in server.received]


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
async def test_wait_ends_with_the_outcome_of_the_last_poll(
    server: ScriptedServer, course: Course
) -> None:
    server.script(STARTED, *course.polls)
    async with patient(server.url) as client:
        handle = await started(client)
        (outcome,) = await asyncio.gather(handle.wait(), return_exceptions=True)
        assert handle.done()
        assert handle.polls == len(course.polls)
    assert len(server.received) == 1 + len(course.polls)
    if isinstance(outcome, AltcraftError):
        assert type(outcome) is course.error
        assert course.says in str(outcome)
        assert "7777" not in str(outcome)  # the text names the place, not the value
        assert TOKEN not in told(outcome)
        if isinstance(outcome, ProtocolError):
            assert outcome.snippet
    else:
        assert course.error is None
        assert isinstance(outcome, CountersReport)
        assert outcome["email"].subscribed == SUBSCRIBED


async def test_missing_counter_is_none(server: ScriptedServer) -> None:
    server.script(STARTED, DONE)
    async with client_of(server.url) as client:
        report = await (await started(client))
    assert report["email"].unsubscribed is None


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_wait_survives_transient_failures_of_a_poll_only(
    server: ScriptedServer, fault: Fault
) -> None:
    server.script(STARTED, fault.step, DONE)
    async with patient(server.url, **fault.options) as client:
        handle = await started(client)
        (outcome,) = await asyncio.gather(handle.wait(), return_exceptions=True)
        if isinstance(outcome, AltcraftError):
            assert type(outcome) is fault.error
            assert not is_passing(outcome)
            assert vars(outcome)["maybe_delivered"] is False
            assert TOKEN not in told(outcome)
            assert not handle.done()
            outcome = await handle
        else:
            # A wait has more patience than a single call.
            assert fault.polls > 1 or fault.error in (NotFoundError, RateLimitedError)
        assert isinstance(outcome, CountersReport)
        assert handle.polls == 2
    # On the fast path the poll takes the connection of the start, which is accepted already.
    is_unread = fault.step.on_accept and not Way.fast_path
    assert len(server.received) == (2 if is_unread else 3)


async def test_stuck_task_ends_a_limited_wait_and_can_be_attached_later(
    server: ScriptedServer,
) -> None:
    server.script(STARTED, *[STUCK] * 4, DONE)
    async with patient(server.url) as client:
        with pytest.raises(WaitTimeoutError) as caught:
            await client.resources.refresh(24, database_id=1, timeout=3.5)
        assert now() == pytest.approx(3.5, abs=0.05)
    assert caught.value.ref.task_id == "t1"
    assert caught.value.status is not None
    assert caught.value.status.progress == 99
    async with client_of(server.url) as another:
        assert isinstance(await another.tasks.attach(caught.value.ref), CountersReport)


async def test_unknown_task_is_lost_after_a_grace_period_and_never_started_again(
    server: ScriptedServer,
) -> None:
    """A replica of the platform may learn of the task a little later."""
    server.script(STARTED)
    server.otherwise = lambda _: UNKNOWN
    async with patient(server.url, retry=Retry(first=1.0, ceiling=1.0)) as client:
        handle = await started(client)
        with pytest.raises(TaskLostError):
            await handle
        assert 5 <= now() < 8
        assert handle.done()
    assert methods(server).count("refresh_counters") == 1


async def test_deadline_during_a_retry_delay_is_kept(
    server: ScriptedServer,
) -> None:
    """A delay of twenty seconds does not extend a wait of three."""
    server.script(STARTED, GONE, GONE)
    slow = Retry(first=20.0, ceiling=20.0)
    async with patient(server.url, retry=slow) as client:
        handle = await started(client)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=3)
    assert now() == pytest.approx(3, abs=0.05)


async def test_wait_gives_up_after_both_enough_failures_and_enough_time(
    server: ScriptedServer,
) -> None:
    server.script(STARTED)
    server.otherwise = lambda _: GONE
    retry = Retry(first=1.0, ceiling=1.0)
    patience = Patience(failures=4, seconds=10)
    async with patient(server.url, retry=retry, polling_patience=patience) as client:
        handle = await started(client)
        with pytest.raises(PollingError) as caught:
            await handle
        assert handle.polls >= 4
        assert 10 <= now() < 13
        assert not handle.done()
        server.script(DONE)
        assert isinstance(await handle, CountersReport)
    assert isinstance(caught.value, WaitError)
    assert "HTTP 500" in str(caught.value)


async def test_revoked_token_ends_all_waits_and_handles_stay_usable(
    server: ScriptedServer,
) -> None:
    server.script(STARTED, answer(envelope(401), status="401 Unauthorized"), DONE)
    async with patient(server.url) as client:
        handle = await started(client)
        waits = [asyncio.ensure_future(handle.wait()) for _ in range(3)]
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [AuthenticationError] * 3
        assert isinstance(await handle, CountersReport)


async def test_callers_timeout_leaves_the_handle_usable(server: ScriptedServer) -> None:
    """The caller's ``asyncio.timeout`` raises a plain TimeoutError."""
    server.script(STARTED, HANG, DONE)
    async with patient(server.url, request_timeout=5.0) as client:
        handle = await started(client)
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(3):
                await handle
        assert type(caught.value) is TimeoutError
        assert isinstance(await handle, CountersReport)
    assert methods(server) == ["refresh_counters", "status", "status"]


async def test_hanging_poll_ends_no_wait(server: ScriptedServer) -> None:
    server.script(STARTED, HANG, DONE)
    async with patient(server.url, request_timeout=2.0) as client:
        assert isinstance(await (await started(client)), CountersReport)
    assert now() == pytest.approx(3, abs=0.1)


class JumpingClock:
    """The time of day, shifted by each of these hours in turn."""

    def __init__(self, *hours: int) -> None:
        """Set the shifts, in hours."""
        self.asked = 0
        self._hours = itertools.cycle(hours)

    def __call__(self) -> datetime:
        """Return the time of day."""
        self.asked += 1
        return datetime.now(UTC) + timedelta(hours=next(self._hours))


@pytest.mark.parametrize("hours", [(1, -1), (-1, 1)], ids=["forward", "back"])
async def test_jumping_wall_clock_changes_nothing(
    server: ScriptedServer, hours: tuple[int, int]
) -> None:
    """The clock is read once, for the age of a task started elsewhere."""
    began = datetime.now(UTC)
    soon = format_datetime(began + timedelta(seconds=60), usegmt=True)
    busy = answer(envelope(503), status="503 Service Unavailable", headers=[f"Retry-After: {soon}"])
    server.script(busy, *[RUNNING] * 3, DONE)
    ages: list[float] = []

    def every_second(state: PollState) -> float:
        ages.append(state.waited)
        return 1.0

    clock = JumpingClock(*hours)
    async with patient(server.url, poll=every_second) as client:
        client._parts.lifecycle.now = clock
        handle = client.tasks.attach(
            TaskRef(task_id="t1", kind="resource", target=(24, 1), started_at=began)
        )
        await handle.wait(timeout=120, stall=30)
    assert clock.asked == 1
    delays = [later.at - sooner.at for sooner, later in pairwise(server.received)]
    # The date has whole seconds, and some real time passes before it is read.
    assert 50 < delays[0] <= 60.1
    assert delays[1:] == pytest.approx([1, 1, 1], abs=0.05)
    begun = max(0, hours[0]) * 3600 + delays[0]
    assert ages == pytest.approx([begun, begun + 1, begun + 2], abs=5)


async def test_failure_of_one_target_is_one_failed(server: ScriptedServer) -> None:
    server.script(STARTED, DONE, HANG, STARTED, answer("[]"), DONE)
    async with client_of(
        server.url, request_timeout=0.2, poll=Constant(0.05), outage_patience=0
    ) as client:
        targets = [(24, 1), (25, 1), (26, 1)]
        outcomes = [one async for one in client.resources.refresh_many(targets, in_flight=1)]
    failures = [one for one in outcomes if isinstance(one, Failed)]
    assert [(one.target, type(one.error)) for one in failures] == [((25, 1), RequestTimeoutError)]
    assert [one.target for one in outcomes] == targets
    assert vars(failures[0].error)["maybe_delivered"] is True


async def test_too_large_result_ends_the_wait_and_another_client_can_read_it(
    server: ScriptedServer,
) -> None:
    server.script(STARTED, DONE, DONE)
    async with client_of(server.url, max_answer_bytes=100) as client:
        handle = await started(client)
        with pytest.raises(ProtocolError, match="larger than 100 bytes"):
            await handle
    async with client_of(server.url) as another:
        assert isinstance(await another.tasks.attach(handle.ref), CountersReport)
