"""`TaskHandle` holds its invariants in any order of steps.

The loop's time is moved by hand, and the machine changes the platform's behaviour between steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

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
    ClientClosedError,
    Constant,
    CountersReport,
    Patience,
    TaskHandle,
    TaskRef,
    TaskStalledError,
    TaskStatus,
    WaitTimeoutError,
)
from tests.faults.changing_platform import (
    BEHAVIOURS,
    CAUSES,
    SLOW_SECONDS,
    Behaviour,
    ChangingPlatform,
)
from tests.support.api_calls import client_of
from tests.support.leftovers import left_behind, let_go
from tests.support.loop_time import jumping_loop
from tests.support.scripted_server import ScriptedServer

T = TypeVar("T")

Kind = Literal["wait", "updates", "poll"]

TASK = TaskRef(task_id="t1", kind="resource", target=(24, 1))
PERIOD = 1.0
LAST_POLL = 1.0
"""Seconds that the last poll of a deadline may take."""
SLACK = 0.05


@dataclass(eq=False)
class Wait:
    """A task of this test that waits for the handle."""

    kind: Kind
    task: asyncio.Task[object]
    deadline: float | None = None
    stall: float | None = None
    is_cancelled: bool = False


@dataclass(eq=False)
class Callback:
    """A callback and the number of its calls."""

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
    """Steps with a handle, and the invariants after each step."""

    def __init__(self) -> None:
        """Attach a running task without a waiter."""
        super().__init__()
        self.loop = jumping_loop()
        self.server = ScriptedServer()
        self.platform = ChangingPlatform(self.loop)
        self.server.otherwise = self.platform.respond
        self.is_closed = False
        self.waits: list[Wait] = []
        self.callbacks: list[Callback] = []
        self.ended: BaseException | CountersReport | None = None
        self.nothing_left = self.run(self.open())

    async def open(self) -> Callable[[], None]:
        """Open everything; return a check that nothing is left."""
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
        """Run the loop until this work is done."""
        return self.loop.run_until_complete(work)

    @property
    def pending(self) -> list[Wait]:
        """Return the unfinished waits."""
        return [wait for wait in self.waits if not wait.task.done()]

    @property
    def has_waiter(self) -> bool:
        """Return whether the task has a wait or a callback."""
        called = any(not one.is_removed for one in self.callbacks)
        return not self.handle.done() and not self.is_closed and bool(self.pending or called)

    def begin(self, kind: Kind, work: Coroutine[Any, Any, object]) -> Wait:
        """Begin a wait."""
        wait = Wait(kind, self.loop.create_task(work))
        self.waits.append(wait)
        self.run(asyncio.sleep(0))
        return wait

    # Steps.

    @rule(
        timeout=st.sampled_from([None, None, 0.0, 0.3, 2.0, 5.0]),
        stall=st.sampled_from([None, None, 0.5, 3.0]),
    )
    def wait(self, timeout: float | None, stall: float | None) -> None:
        """Await the handle, perhaps with limits."""
        now = self.loop.time()
        wait = self.begin("wait", self.handle.wait(timeout=timeout, stall=stall))
        wait.deadline = None if timeout is None else now + timeout
        wait.stall = stall

    @rule(kind=st.sampled_from(["updates", "poll"]))
    def iterate_or_poll(self, kind: Literal["updates", "poll"]) -> None:
        """Iterate over the updates, or poll once."""

        async def statuses() -> list[TaskStatus]:
            return [status async for status in self.handle.updates()]

        self.begin(kind, self.handle.poll() if kind == "poll" else statuses())

    @rule()
    def nudge(self) -> None:
        """Nudge the handle."""

        async def nudge() -> None:
            self.handle.nudge()

        self.run(nudge())

    @rule()
    def add_callback(self) -> None:
        """Add a callback."""
        callback = Callback()

        async def add() -> None:
            try:
                self.handle.add_done_callback(callback.fn)
            except ClientClosedError:
                assert self.is_closed
            else:
                self.callbacks.append(callback)
            await let_go()

        self.run(add())

    @precondition(lambda self: self.callbacks)
    @rule(data=st.data())
    def remove_callback(self, data: st.DataObject) -> None:
        """Remove a callback."""
        callback = data.draw(st.sampled_from(self.callbacks))

        async def remove() -> int:
            return self.handle.remove_done_callback(callback.fn)

        removed = self.run(remove())
        was_added = not (callback.is_removed or self.handle.done() or self.is_closed)
        assert removed == was_added
        callback.is_removed = callback.is_removed or bool(removed)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel one wait."""
        wait = data.draw(st.sampled_from(self.pending))
        wait.is_cancelled = wait.task.cancel()
        self.run(let_go())
        assert wait.task.cancelled()

    @rule(
        behaviour=st.sampled_from(BEHAVIOURS),
        is_slow=st.booleans(),
        seconds=st.sampled_from([0.1, 0.5, 1.0, 1.5, 4.0, 20.0]),
    )
    def live_on(self, behaviour: Behaviour, seconds: float, *, is_slow: bool) -> None:
        """Let time pass with this behaviour; polls need a waiter and come no faster than due."""
        self.platform.change(behaviour, is_slow=is_slow)
        self.run(asyncio.sleep(SLACK))  # a poll under way reaches the server
        had_waiter, before = self.has_waiter, self.platform.polls
        # Each deadline allows a last poll, and each stall limit a poll when the stall begins.
        extra = 1.0 * sum(wait.deadline is not None for wait in self.pending)
        extra += sum(1 + seconds / wait.stall for wait in self.pending if wait.stall)
        self.run(asyncio.sleep(seconds))
        made = self.platform.polls - before
        if not had_waiter:
            assert made == 0
        elif behaviour in ("running", "moving"):
            assert made <= seconds / PERIOD + 2 + extra
        elif behaviour in ("completed", "failed") and seconds >= 2 * PERIOD + SLOW_SECONDS:
            # A poll under way may have ended every wait in another way.
            assert self.handle.done() or not self.has_waiter

    @precondition(lambda self: self.handle.done() and not self.is_closed)
    @rule()
    def attach(self) -> None:
        """Attach a new handle to a new task."""
        self.handle = self.client.tasks.attach(TASK)
        self.platform.begin_task()
        self.waits, self.callbacks, self.ended = [], [], None

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

    # Invariants.

    @invariant()
    def each_wait_ends_in_one_way(self) -> None:
        """It ends with a result, an error that has a cause, or its own cancellation."""
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
        """A result has the right type, and comes only after the platform has sent it."""
        match wait.kind:
            case "wait":
                assert isinstance(result, CountersReport)
                assert "completed" in self.platform.past
            case "updates":
                assert self.handle.done()
            case "poll":
                assert isinstance(result, TaskStatus | None)

    def check_error(self, wait: Wait, error: BaseException) -> None:
        """An error has its cause."""
        match error:
            case ClientClosedError():
                assert self.is_closed
            case WaitTimeoutError():
                assert wait.deadline is not None
                assert self.loop.time() >= wait.deadline - SLACK
            case TaskStalledError():
                assert wait.stall is not None
            case _:
                assert CAUSES[type(error)] in self.platform.past

    @invariant()
    def polls_come_one_by_one(self) -> None:
        """One poll is under way at a time, whatever the number of waiters."""
        assert self.platform.most_at_once <= 1

    @invariant()
    def no_wait_is_forgotten(self) -> None:
        """A wait ends at its deadline, and with the task or the client."""
        self.run(let_go())
        assert not (self.pending and (self.handle.done() or self.is_closed))
        for wait in self.pending:
            if wait.deadline is not None:
                assert self.loop.time() <= wait.deadline + LAST_POLL + SLACK

    @invariant()
    def outcome_stays_the_same(self) -> None:
        """A finished task keeps its outcome, and each callback is called once."""
        if not self.handle.done():
            assert self.ended is None
            assert not any(one.times for one in self.callbacks)
            return
        self.run(let_go())
        ended = self.handle.exception() or self.handle.result()
        if self.ended is not None:
            assert type(ended) is type(self.ended)
        self.ended = ended
        for callback in self.callbacks:
            assert callback.times <= 1
            assert callback.times == 1 or callback.is_removed or self.is_closed

    def teardown(self) -> None:
        """Close everything; every wait has ended, and nothing is left."""
        self.run(self.client.aclose())
        self.run(let_go())
        self.is_closed = True
        self.each_wait_ends_in_one_way()
        assert not self.pending
        self.platform.close()
        self.run(self.server.__aexit__(None, None, None))
        self.run(self.check_left())
        self.loop.close()

    async def check_left(self) -> None:
        """Assert that nothing is left."""
        await let_go()
        self.nothing_left()


@pytest.mark.parametrize("examples", [10, pytest.param(300, marks=pytest.mark.slow)])
def test_handle_holds_its_invariants_in_any_order_of_steps(examples: int) -> None:
    run_state_machine_as_test(
        HandleMachine,
        settings=settings(max_examples=examples, stateful_step_count=40, deadline=None),
    )
