"""Binds a client to one event loop of one process, and ends its waits when it is closed.

A client starts unbound. The first `Lifecycle.enter` binds it to the running loop
and process; each later one checks that both are still the same. `Lifecycle.close`
is final: from then on `enter` raises, and every body in `until_closed` is
cancelled, after which execution continues behind the block.

A lifecycle also gives the client's time: that of the loop, or of a `Clock`.
Nothing here knows what a client does with either.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from datetime import UTC, datetime
from functools import partial
from typing import TypeVarTuple, Unpack

from altcraft_async.errors import ClientClosedError, ConfigurationError
from altcraft_async.transport.clock import Clock, Timer

__all__ = ["Lifecycle"]

Ts = TypeVarTuple("Ts")


class Lifecycle:
    """Whether a client may be used here and now, and what time it has.

    Attributes:
        loop: The loop that the client is bound to, once it is open.
        closed: Whether it was closed.
        time: Returns the client's time: the loop's, or that of its clock.
        now: Returns the time of day, aware.
        busy: To be entered while a request is under way.
        opened: Called when the client is bound to its loop.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """Bind to nothing yet: constructing a client needs no running loop."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.closed = False
        self.time: Callable[[], float] = clock.time if clock else lambda: self.enter().time()
        self.now: Callable[[], datetime] = clock.now if clock else partial(datetime.now, UTC)
        self.busy: AbstractContextManager[object] = clock.busy if clock else nullcontext()
        self.opened: Callable[[], None] | None = None
        self._clock = clock
        self._process = 0
        self._scopes: set[_UntilClosed] = set()

    def enter(self) -> asyncio.AbstractEventLoop:
        """Return the loop to use; the first call binds the client to it.

        Raises:
            ClientClosedError: The client was closed.
            ConfigurationError: No loop is running, or another one, or this
                process is a fork of the one that the client was opened in.
        """
        if self.closed:
            raise self.closed_error()
        loop = _running_loop()
        if self.loop is None:
            self.loop, self._process = loop, os.getpid()
            self.time = self._clock.time if self._clock else loop.time
            if self.opened is not None:
                self.opened()
        self._check(loop)
        return loop

    def check_place(self) -> None:
        """Refuse to touch an open client from elsewhere, whose sockets and timers are in use.

        Raises:
            ConfigurationError: It belongs to another loop, or to the process that
                this one is a fork of. What belongs to a closed loop may be touched.
        """
        if self.loop is not None:
            self._check(self.loop if self.loop.is_closed() else _running_loop())

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._process != os.getpid():
            msg = "client: was opened before this process was forked; make one in each process"
            raise ConfigurationError(msg)
        if self.loop is not loop:
            msg = "client: belongs to another event loop; make one client in each loop"
            raise ConfigurationError(msg)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> Timer:
        """Call a function in the client's loop at this `time`."""
        return (self._clock or self.enter()).call_at(when, callback, *args, context=context)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of `time`."""
        awake = asyncio.Event()  # unlike a future, may be set after its waiter was cancelled
        timer = self.call_at(self.time() + seconds, awake.set)
        try:
            await awake.wait()
        finally:
            timer.cancel()

    @property
    def is_open(self) -> bool:
        """Whether this process has opened the client and not closed it."""
        return self.loop is not None and not self.closed and self._process == os.getpid()

    def until_closed(self) -> _UntilClosed:
        """Return a context that runs its body; on close, cancel it and continue after the block."""
        return _UntilClosed(self._scopes)

    def close(self) -> None:
        """Refuse every use from now on and cancel the bodies in `until_closed`.

        Raises:
            ConfigurationError: As `check_place`.
        """
        self.check_place()
        self.closed = True
        if self.loop is None or not self.loop.is_closed():  # else nothing runs any more
            for scope in self._scopes:
                scope.cancel_soon()

    @staticmethod
    def closed_error() -> ClientClosedError:
        """Return the error for calls and waits after the end."""
        return ClientClosedError(
            "client: is closed; tasks go on at the platform, attach their refs with a new client"
        )


class _UntilClosed:
    """Cancels its body when the client is closed.

    As with ``asyncio.timeout``, a cancellation by other code wins. A ``TimeoutError`` that
    the body makes of its cancellation ends the body too.
    """

    __slots__ = ("_cancelling", "_is_cancelled", "_scopes", "_task")

    def __init__(self, scopes: set[_UntilClosed]) -> None:
        self._scopes = scopes
        self._is_cancelled = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- narrows: a coroutine of a task
        self._task = task
        self._cancelling = task.cancelling()
        self._scopes.add(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._scopes.discard(self)
        if not self._is_cancelled:
            return False
        is_own = self._task.uncancel() <= self._cancelling
        if kind is None:
            return False
        return issubclass(kind, TimeoutError) or (is_own and kind is asyncio.CancelledError)

    def cancel_soon(self) -> None:
        """Cancel the body in the next iteration of the loop: what has arrived is seen first."""
        self._task.get_loop().call_soon(self._cancel)

    def _cancel(self) -> None:
        if self in self._scopes and not self._is_cancelled:
            self._is_cancelled = True
            self._task.cancel()


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        msg = "client: needs a running event loop; call this from a coroutine"
        raise ConfigurationError(msg) from None
