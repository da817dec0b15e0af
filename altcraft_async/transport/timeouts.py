"""One timer for the time limit of every request.

All requests of a client have the same limit, so the one that began first is
late first, and a dict in the order of beginning needs one timer, for its
oldest entry. An ``asyncio.timeout`` each costs a timer each: some 3.5 µs, of
the 80 or so that a request takes (loopback, CPython 3.11).
"""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["Timeouts"]


class Timeouts:
    """Cancels what takes longer than a number of seconds; ``limit()`` begins to count."""

    def __init__(self, seconds: float) -> None:
        """Remember the limit; nothing is opened yet."""
        self.seconds = seconds
        # Asking asyncio for the running loop asks the system for the process each time.
        self.loop: asyncio.AbstractEventLoop | None = None
        self.running: dict[_Limit, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def limit(self) -> _Limit:
        """Return a context whose body ends with a ``TimeoutError`` if it takes too long."""
        return _Limit(self)

    def close(self) -> None:
        """Leave no timer behind; what runs has no limit any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def begin(self, limit: _Limit, loop: asyncio.AbstractEventLoop) -> None:
        """Count from now; all limits are of tasks of one loop."""
        self.loop = loop
        self.running[limit] = when = loop.time() + self.seconds
        if self._timer is None:
            self._timer = loop.call_at(when, self._fire, loop)

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what is late; the timer is left alone while requests come and go, so it may be early.

        asyncio runs a timer up to the clock's resolution early, so what its
        own timer was for counts as late whatever the clock says.
        """
        assert self._timer is not None  # noqa: S101 -- it is what has fired
        late = max(loop.time(), self._timer.when())
        self._timer = None
        for limit, when in tuple(self.running.items()):
            if when > late:
                self._timer = loop.call_at(when, self._fire, loop)
                break
            del self.running[limit]
            limit.expire()


class _Limit:
    """The limit of one request, with the rules of ``asyncio.timeout``.

    If the task was cancelled by somebody else as well, that wins.
    """

    __slots__ = ("_cancelling", "_expired", "_task", "_timeouts")

    def __init__(self, deadlines: Timeouts) -> None:
        self._timeouts = deadlines
        self._expired = False

    def __enter__(self) -> None:
        loop = self._timeouts.loop or asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            msg = "a limit needs a task to cancel"
            raise RuntimeError(msg)
        self._task = task
        self._cancelling = task.cancelling()
        self._timeouts.begin(self, loop)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._expired:
            del self._timeouts.running[self]
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel the task."""
        self._expired = True
        self._task.cancel()
