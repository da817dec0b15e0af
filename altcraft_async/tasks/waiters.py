"""What keeps a task polled.

A waiter is added to a poller and removed from it. In between the poller calls
`Waiter.polled` after each poll if the waiter is curious, and `Waiter.end` once,
when the task or the wait is over. There are three kinds: `CoroutineWaiter` here for
``await``, ``updates`` and ``poll``, `Callback` for done callbacks, and
`HandleWaiter` in `as_completed` for iterations over many handles.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import Any

from altcraft_async.errors import AltcraftError
from altcraft_async.transport.clock import Timer

__all__ = ["Callback", "CoroutineWaiter", "LimitedWaiter", "Waiter", "Waiters"]


class Waiter:
    """Keeps a task polled, perhaps for a limited time.

    Attributes:
        since: The client's time at which the wait began.
        deadline: The client's time at which a last poll is made for it.
        stall: Seconds without a change after which the wait ends.
        awaited: Whether a coroutine waits. Its polls go before those of callbacks.
        patient: Whether it stays when polls keep failing.
        curious: Whether it is told of every poll.
        once: Whether one poll is all that it wants.
    """

    __slots__ = ()

    since: float = 0.0
    deadline: float = math.inf
    stall: float = math.inf
    awaited: bool = True
    patient: bool = False
    curious: bool = False
    once: bool = False

    @property
    def limited(self) -> bool:
        """Whether it has a deadline or gives up on a stall."""
        return self.deadline < math.inf or self.stall < math.inf

    def stalls_at(self, moved_at: float | None) -> float:
        """Return when it gives up on a task that last moved then; never before a first move."""
        return math.inf if moved_at is None else max(moved_at, self.since) + self.stall

    def cancel_timer(self) -> None:
        """Cancel the timer, if there is one."""

    def polled(self, failure: AltcraftError | None) -> None:
        """Note that a poll was made, and why it failed if it did; called if curious."""

    def end(self, error: AltcraftError | None) -> None:
        """Note that the task is over, or why it is no longer polled for this waiter."""


class LimitedWaiter(Waiter):
    """A waiter that may have a deadline, or give up on a stall.

    Attributes:
        timer: Ends the wait a little after its deadline, if the last poll takes too long.
    """

    __slots__ = ("deadline", "since", "stall", "timer")

    def __init__(
        self, since: float = 0.0, *, timeout: float | None = None, stall: float | None = None
    ) -> None:
        """Wait for at most ``timeout`` seconds from ``since``."""
        self.since = since
        self.deadline = math.inf if timeout is None else since + timeout
        self.stall = math.inf if stall is None else stall
        self.timer: Timer | None = None

    def cancel_timer(self) -> None:
        """Cancel the timer, if there is one."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Waiters(list[Waiter]):
    """The waiters of one task, in the order in which they were added.

    What they need together is counted as they come and go, because it is asked
    before and after every poll.

    Attributes:
        awaited: How many are awaited.
        limited: How many have a deadline or give up on a stall.
        curious: How many are told of every poll.
    """

    __slots__ = ("awaited", "curious", "limited")

    def __init__(self, waiters: Iterable[Waiter] = ()) -> None:
        """Start with these."""
        super().__init__()
        self.awaited = self.limited = self.curious = 0
        for waiter in waiters:
            self.append(waiter)

    def append(self, waiter: Waiter) -> None:
        """Add a waiter."""
        self.extend((waiter,))  # `append` would take room for four at once
        self.awaited += waiter.awaited
        self.limited += waiter.limited
        self.curious += waiter.curious

    def remove(self, waiter: Waiter) -> None:
        """Remove a waiter and cancel its timer."""
        super().remove(waiter)
        self.awaited -= waiter.awaited
        self.limited -= waiter.limited
        self.curious -= waiter.curious
        waiter.cancel_timer()

    def tell(self, failure: AltcraftError | None) -> None:
        """Tell the curious waiters of a poll."""
        for waiter in tuple(self):
            if waiter.curious:
                waiter.polled(failure)

    def first_limit(self, moved_at: float | None) -> float:
        """Return the earliest deadline or stall."""
        return min(min(waiter.deadline, waiter.stalls_at(moved_at)) for waiter in self)


class CoroutineWaiter(LimitedWaiter):
    """Wakes a coroutine at the end and, if curious, at every poll.

    Polls made while the coroutine is not waiting are missed.

    Attributes:
        ended: Whether the wait is over.
        error: Why it ended before the task did.
    """

    __slots__ = ("_wake", "curious", "ended", "error", "once")

    def __init__(
        self,
        since: float = 0.0,
        *,
        timeout: float | None = None,
        stall: float | None = None,
        curious: bool = False,
        once: bool = False,
    ) -> None:
        """Begin to wait."""
        super().__init__(since, timeout=timeout, stall=stall)
        self.curious = curious
        self.once = once
        self.ended = False
        self.error: AltcraftError | None = None
        self._wake: asyncio.Future[AltcraftError | None] | None = None

    async def news(self) -> AltcraftError | None:
        """Wait for the next poll or the end; return why the poll failed or the wait ended."""
        if self.ended:
            return self.error
        self._wake = asyncio.get_running_loop().create_future()
        return await self._wake

    def polled(self, failure: AltcraftError | None) -> None:
        """Wake the coroutine."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(failure)

    def end(self, error: AltcraftError | None) -> None:
        """Wake the coroutine for the last time."""
        self.ended, self.error = True, error
        self.polled(error)


class Callback(Waiter):
    """Calls a function soon after the task is over.

    Attributes:
        fn: The function as it was added.
    """

    __slots__ = ("_argument", "_context", "fn")

    awaited = False
    patient = True

    def __init__(self, fn: Callable[[Any], object], argument: object, context: Context) -> None:
        """Remember what to call, with which argument, and in which context."""
        self.fn = fn
        self._argument = argument
        self._context = context

    def end(self, error: AltcraftError | None) -> None:
        """Call the function soon, unless the client was closed first."""
        if error is None:
            loop = asyncio.get_running_loop()
            loop.call_soon(self.fn, self._argument, context=self._context)
