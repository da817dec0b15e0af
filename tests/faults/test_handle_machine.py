"""`TaskHandle` against a model: whatever people do with it, in whatever order.

The loop's time is moved by hand, and the platform changes its mind as the
machine likes: the task runs on, ends, fails, is unknown; answers are slow,
refused or never come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import looptime
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from altcraft_async import (
    AuthenticationError,
    ClientClosedError,
    Constant,
    CountersReport,
    NotFoundError,
    Patience,
    PollingError,
    TaskFailedError,
    TaskHandle,
    TaskLostError,
    TaskRef,
    TaskStalledError,
    TaskStatus,
    TransportError,
    WaitTimeoutError,
)
from tests.faults.table import envelope
from tests.faults.tasks import DONE, poll
from tests.support.api_calls import client_of
from tests.support.leftovers import left_behind, let_go
from tests.support.scripted_server import Received, ScriptedServer, Step, answer

T = TypeVar("T")

Mood = Literal["running", "moving", "completed", "failed", "unknown", "refusing", "broken"]
Kind = Literal["wait", "updates", "poll"]

TASK = TaskRef(task_id="t1", kind="resource", target=(24, 1))
PERIOD = 1.0
SLOW = 0.4
LAST_POLL = 1.0
"""Seconds that the poll a deadline may take."""
SLACK = 0.05

MOODS: tuple[Mood, ...] = (
    "running",
    "moving",
    "completed",
    "failed",
    "unknown",
    "refusing",
    "broken",
)
NEEDS: Mapping[type[BaseException], Mood] = {
    TaskFailedError: "failed",
    TaskLostError: "unknown",
    NotFoundError: "unknown",
    AuthenticationError: "refusing",
    TransportError: "broken",
    PollingError: "broken",
}
"""What the platform has to have done before an error may come."""


@dataclass(eq=False)
class Wait:
    """Somebody who waits."""

    kind: Kind
    task: asyncio.Task[object]
    deadline: float | None = None
    stall: float | None = None
    is_cancelled: bool = False


@dataclass(eq=False)
class Call:
    """A callback, and how often it was called."""

    times: int = 0
    is_removed: bool = False
    fn: Callable[[TaskHandle[CountersReport]], None] = field(init=False)

    def __post_init__(self) -> None:
        """Make the function."""

        def called(handle: TaskHandle[CountersReport]) -> None:
            assert handle.done()
            self.times += 1

        self.fn = called


class HandleMachine(RuleBasedStateMachine):
    """What may be done with a handle, and what has to hold after each step."""

    def __init__(self) -> None:
        """Attach a task that runs, and watch it by nobody."""
        super().__init__()
        self.loop = looptime.new_event_loop(start=0.0)
        self.server = ScriptedServer()
        self.server.otherwise = self.respond
        self.mood: Mood = "running"
        self.moods: set[Mood] = {"running"}
        self.is_slow = False
        self.is_closed = False
        self.progress = 0
        self.flying = 0
        self.most_at_once = 0
        self.timers: set[asyncio.TimerHandle] = set()
        self.waits: list[Wait] = []
        self.calls: list[Call] = []
        self.ended: BaseException | CountersReport | None = None
        self.nothing_left = self.run(self.open())

    async def open(self) -> Callable[[], None]:
        """Open everything; return what checks that nothing is left of it."""
        check = left_behind()
        await self.server.__aenter__()
        self.client = client_of(
            self.server.url,
            poll=Constant(PERIOD),
            polling_patience=Patience(failures=3, seconds=0.0, unknown=0.0),
        )
        self.handle = self.client.tasks.attach(TASK)
        return check

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the loop work until this is done."""
        return self.loop.run_until_complete(work)

    def respond(self, _request: Received) -> Step:
        """Do what the platform is in the mood for."""
        step = self.step()
        self.most_at_once = max(self.most_at_once, self.flying + 1)
        if not self.is_slow:
            return step
        self.flying += 1
        answered = asyncio.Event()

        def land() -> None:
            self.flying -= 1
            answered.set()

        self.timers.add(self.loop.call_later(SLOW, land))
        return step._replace(after=answered)

    def step(self) -> Step:
        """Return what the mood is."""
        match self.mood:
            case "running" | "moving":
                self.progress += self.mood == "moving"
                return poll(progress=self.progress)
            case "completed":
                return DONE
            case "failed":
                return poll("failed")
            case "unknown":
                return answer(envelope(404))
            case "refusing":
                return answer(envelope(401))
            case "broken":
                return Step(then="reset")

    @property
    def pending(self) -> list[Wait]:
        """Return those who still wait."""
        return [wait for wait in self.waits if not wait.task.done()]

    @property
    def is_watched(self) -> bool:
        """Say whether anybody wants to know how the task goes."""
        called = any(not call.is_removed for call in self.calls)
        return not self.handle.done() and not self.is_closed and bool(self.pending or called)

    def begin(self, kind: Kind, work: Coroutine[Any, Any, object]) -> Wait:
        """Let somebody wait."""
        wait = Wait(kind, self.loop.create_task(work))
        self.waits.append(wait)
        self.run(asyncio.sleep(0))
        return wait

    # What people do.

    @rule(
        timeout=st.sampled_from([None, None, 0.0, 0.3, 2.0, 5.0]),
        stall=st.sampled_from([None, None, 0.5, 3.0]),
    )
    def wait(self, timeout: float | None, stall: float | None) -> None:
        """Await the handle, perhaps for so long only."""
        now = self.loop.time()
        wait = self.begin("wait", self.handle.wait(timeout=timeout, stall=stall))
        wait.deadline = None if timeout is None else now + timeout
        wait.stall = stall

    @rule(kind=st.sampled_from(["updates", "poll"]))
    def watch(self, kind: Literal["updates", "poll"]) -> None:
        """Iterate over the updates, or poll once."""

        async def statuses() -> list[TaskStatus]:
            return [status async for status in self.handle.updates()]

        self.begin(kind, self.handle.poll() if kind == "poll" else statuses())

    @rule()
    def nudge(self) -> None:
        """Say that something happened."""

        async def nudge() -> None:
            self.handle.nudge()

        self.run(nudge())

    @rule()
    def add_callback(self) -> None:
        """Want to be called."""
        call = Call()

        async def add() -> None:
            try:
                self.handle.add_done_callback(call.fn)
            except ClientClosedError:
                assert self.is_closed
            else:
                self.calls.append(call)
            await let_go()

        self.run(add())

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def remove_callback(self, data: st.DataObject) -> None:
        """Want it no more."""
        call = data.draw(st.sampled_from(self.calls))
        removed = self.handle.remove_done_callback(call.fn)
        watched = not (call.is_removed or self.handle.done() or self.is_closed)
        assert removed == watched
        call.is_removed = call.is_removed or bool(removed)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Give up one wait."""
        wait = data.draw(st.sampled_from(self.pending))
        wait.is_cancelled = wait.task.cancel()
        self.run(let_go())
        assert wait.task.cancelled()

    @rule(
        mood=st.sampled_from(MOODS),
        is_slow=st.booleans(),
        seconds=st.sampled_from([0.1, 0.5, 1.0, 1.5, 4.0, 20.0]),
    )
    def live_on(self, mood: Mood, seconds: float, *, is_slow: bool) -> None:
        """Let time pass, in whatever mood; poll only as often as somebody wants to know."""
        self.mood, self.is_slow = mood, is_slow
        self.moods.add(mood)
        self.run(asyncio.sleep(SLACK))  # what is under way gets to the server
        was_watched, before = self.is_watched, len(self.server.received)
        # A last poll each deadline, and one when a task that moved would begin to stall.
        extra = 1.0 * sum(wait.deadline is not None for wait in self.pending)
        extra += sum(1 + seconds / wait.stall for wait in self.pending if wait.stall)
        self.run(asyncio.sleep(seconds))
        made = len(self.server.received) - before
        if not was_watched:
            assert made == 0
        elif self.mood in ("running", "moving"):
            assert made <= seconds / PERIOD + 2 + extra
        elif self.mood in ("completed", "failed") and seconds >= 2 * PERIOD + SLOW:
            # Unless the poll under way ended every wait in another way.
            assert self.handle.done() or not self.is_watched

    @precondition(lambda self: self.handle.done() and not self.is_closed)
    @rule()
    def attach(self) -> None:
        """Go on with another task, that of which nobody knows how it is."""
        self.handle = self.client.tasks.attach(TASK)
        self.mood, self.moods = "running", {"running"}
        self.waits, self.calls, self.ended = [], [], None

    @precondition(lambda self: not self.is_closed and len(self.server.received) > 9)
    @rule()
    def close(self) -> None:
        """Close the client."""
        self.is_closed = True
        began = self.loop.time()
        waiting = self.pending
        self.run(self.client.aclose())
        self.run(let_go())
        assert self.loop.time() - began < SLACK
        assert not self.pending
        assert self.handle.done() or all(
            isinstance(wait.task.exception(), ClientClosedError) for wait in waiting
        )

    # What has to hold.

    @invariant()
    def each_wait_ends_in_its_one_way(self) -> None:
        """A result, an error that has a reason, or the cancellation that was asked for."""
        for wait in self.waits:
            if not wait.task.done():
                continue
            assert wait.task.cancelled() is wait.is_cancelled
            if wait.is_cancelled:
                continue
            error = wait.task.exception()
            if error is None:
                self.check_result(wait, wait.task.result())
            else:
                self.check_error(wait, error)

    def check_result(self, wait: Wait, result: object) -> None:
        """A result is of its kind, and comes only after the platform has given it."""
        match wait.kind:
            case "wait":
                assert isinstance(result, CountersReport)
                assert "completed" in self.moods
            case "updates":
                assert self.handle.done()
            case "poll":
                assert isinstance(result, TaskStatus | None)

    def check_error(self, wait: Wait, error: BaseException) -> None:
        """An error is one of ours, and has its reason."""
        match error:
            case ClientClosedError():
                assert self.is_closed
            case WaitTimeoutError():
                assert wait.deadline is not None
                assert self.loop.time() >= wait.deadline - SLACK
            case TaskStalledError():
                assert wait.stall is not None
            case _:
                assert NEEDS[type(error)] in self.moods

    @invariant()
    def polls_come_one_by_one(self) -> None:
        """However many watch, one poll a time is under way."""
        assert self.most_at_once <= 1

    @invariant()
    def no_wait_is_forgotten(self) -> None:
        """Who has a deadline is woken at it, and all are when the task or the client is over."""
        self.run(let_go())
        assert not (self.pending and (self.handle.done() or self.is_closed))
        for wait in self.pending:
            if wait.deadline is not None:
                assert self.loop.time() <= wait.deadline + LAST_POLL + SLACK

    @invariant()
    def end_is_the_end(self) -> None:
        """Once a task is over it is so for ever, in the same way, and callbacks are called once."""
        if not self.handle.done():
            assert self.ended is None
            assert not any(call.times for call in self.calls)
            return
        self.run(let_go())
        ended = self.handle.exception() or self.handle.result()
        if self.ended is not None:
            assert type(ended) is type(self.ended)
        self.ended = ended
        for call in self.calls:
            assert call.times <= 1
            assert call.times == 1 or call.is_removed or self.is_closed

    def teardown(self) -> None:
        """Close everything; every wait has ended in one way, and nothing is left."""
        self.run(self.client.aclose())
        self.run(let_go())
        self.is_closed = True
        self.each_wait_ends_in_its_one_way()
        assert not self.pending
        for timer in self.timers:
            timer.cancel()
        self.run(self.server.__aexit__(None, None, None))
        self.run(self.check_left())
        self.loop.close()

    async def check_left(self) -> None:
        """Assert that nothing is left."""
        await let_go()
        self.nothing_left()


@pytest.mark.parametrize("examples", [25, pytest.param(300, marks=pytest.mark.slow)])
def test_handle_behaves_whatever_is_done_with_it_in_whatever_order(examples: int) -> None:
    """Every wait ends once, in its way; nobody is polled for nobody; nothing is left."""
    run_state_machine_as_test(
        HandleMachine,
        settings=settings(max_examples=examples, stateful_step_count=40, deadline=None),
    )
