"""Those because of whom a task is polled: each hears of every poll and of the end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from contextvars import Context

from altcraft_async.errors import AltcraftError
from altcraft_async.transport.clock import Timer

__all__ = ["Audience", "Callback", "Limited", "Listener", "PollWaiter", "Waiter", "Watcher"]


class Watcher:
    """Somebody who watches a task.

    Attributes:
        since: The client's time at which it came.
        deadline: The client's time at which a last poll is to be made for it.
        stall: Seconds without a change after which it gives up.
        awaited: Whether somebody waits through it, who goes before those who do not.
        patient: Whether it stays when others give up because polls fail.
        limited: Whether it has a deadline or gives up on a stall.
        curious: Whether it wants to hear of every poll.
    """

    __slots__ = ()

    since: float = 0.0
    deadline: float = math.inf
    stall: float = math.inf
    awaited: bool = True
    patient: bool = False
    limited: bool = False
    curious: bool = False

    def polled(self, failure: AltcraftError | None) -> None:
        """Learn that a poll was made, and why it failed if it did; only asked of the curious."""

    def end(self, error: AltcraftError | None) -> None:
        """Learn that the task is over, or why nobody polls it any more."""

    def rest(self) -> None:
        """Forget the deadline, if there is one."""

    def stalls_at(self, moved_at: float | None) -> float:
        """Return when it gives up on a task that last moved then; never before a first move."""
        return math.inf if moved_at is None else max(moved_at, self.since) + self.stall


class Audience(list[Watcher]):
    """Those who watch one task, in the order in which they came.

    What they want together is counted as they come and go, as it is asked
    before and after every poll.

    Attributes:
        awaited: How many wait through it.
        limited: How many have a deadline or give up on a stall.
        curious: How many want to hear of every poll.
        warned: Whether it was said that polls fail, and who is left goes on all the same.
    """

    __slots__ = ("awaited", "curious", "limited", "warned")

    def __init__(self, watchers: Iterable[Watcher] = ()) -> None:
        """Begin with these."""
        super().__init__()
        self.awaited = self.limited = self.curious = 0
        self.warned = False
        for watcher in watchers:
            self.come(watcher)

    def come(self, watcher: Watcher) -> None:
        """Count one in."""
        self.append(watcher)
        self.awaited += watcher.awaited
        self.limited += watcher.limited
        self.curious += watcher.curious

    def leave(self, watcher: Watcher) -> None:
        """Count one out."""
        self.remove(watcher)
        self.awaited -= watcher.awaited
        self.limited -= watcher.limited
        self.curious -= watcher.curious
        watcher.rest()

    def first_limit(self, moved_at: float | None) -> float:
        """Return the earliest time at which one has a deadline or gives up."""
        return min(min(one.deadline, one.stalls_at(moved_at)) for one in self)


class Limited(Watcher):
    """Watches for so long only, perhaps.

    Attributes:
        timer: Ends it a little after its deadline, if the last poll takes too long.
    """

    __slots__ = ("deadline", "limited", "since", "stall", "timer")

    def __init__(self, now: float, *, timeout: float | None, stall: float | None = None) -> None:
        """Begin at this time of the client's."""
        self.since = now
        self.deadline = math.inf if timeout is None else now + timeout
        self.stall = math.inf if stall is None else stall
        self.limited = timeout is not None or stall is not None
        self.timer: Timer | None = None

    def rest(self) -> None:
        """Forget the deadline."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Waiter(Limited):
    """Waits for the end."""

    __slots__ = ("_end",)

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        now: float,
        *,
        timeout: float | None,
        stall: float | None,
    ) -> None:
        """Begin to wait now."""
        super().__init__(now, timeout=timeout, stall=stall)
        self._end: asyncio.Future[AltcraftError | None] = loop.create_future()

    async def ended(self) -> AltcraftError | None:
        """Wait; return why the wait ended if the task did not."""
        return await self._end

    def end(self, error: AltcraftError | None) -> None:
        """Wake up, once."""
        if not self._end.done():
            self._end.set_result(error)


class PollWaiter(Watcher):
    """Waits for one poll."""

    __slots__ = ("_poll",)

    curious = True

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to wait now."""
        self._poll: asyncio.Future[AltcraftError | None] = loop.create_future()

    async def failure(self) -> AltcraftError | None:
        """Wait; return why the poll failed if it did."""
        return await self._poll

    def polled(self, failure: AltcraftError | None) -> None:
        """Wake up, once."""
        if not self._poll.done():
            self._poll.set_result(failure)

    def end(self, error: AltcraftError | None) -> None:
        """Wake up, if no poll has come before the end."""
        self.polled(error)


class Listener(Watcher):
    """Hears of every poll; those missed meanwhile count as one."""

    __slots__ = ("_error", "_loop", "_over", "_wake")

    curious = True

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen now."""
        self._loop = loop
        self._wake: asyncio.Future[None] | None = None
        self._over = False
        self._error: AltcraftError | None = None

    async def news(self) -> None:
        """Wait for the next poll or the end.

        Raises:
            AltcraftError: Nobody polls any more, though the task is not over.
        """
        if not self._over:
            self._wake = self._loop.create_future()
            await self._wake
        if self._error is not None:
            raise self._error

    def polled(self, failure: AltcraftError | None) -> None:  # noqa: ARG002 -- any poll is news
        """Wake up."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def end(self, error: AltcraftError | None) -> None:
        """Wake up for the last time."""
        self._over, self._error = True, error
        self.polled(error)


class Callback(Watcher):
    """Calls a function when the task is over."""

    __slots__ = ("_context", "_loop", "call", "fn")

    awaited = False
    patient = True

    def __init__(
        self,
        fn: object,
        call: Callable[[], object],
        loop: asyncio.AbstractEventLoop,
        context: Context,
    ) -> None:
        """Remember what to call, in which context, and the function it was added as."""
        self.fn = fn
        self.call = call
        self._loop = loop
        self._context = context

    def end(self, error: AltcraftError | None) -> None:
        """Call the function soon, unless it is the client that ended."""
        if error is None:
            self._loop.call_soon(self.call, context=self._context)
