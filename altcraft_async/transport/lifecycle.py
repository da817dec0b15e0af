"""One client belongs to one event loop of one process, and ends once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from contextvars import Context
from datetime import UTC, datetime
from functools import partial
from typing import TypeVarTuple, Unpack

from altcraft_async.errors import ClientClosedError, ConfigurationError
from altcraft_async.transport.clock import Clock, Timer

__all__ = ["Lifecycle"]

Ts = TypeVarTuple("Ts")


class Lifecycle:
    """Says whether a client may be used here and now, and ends what waits when it is closed.

    Attributes:
        loop: The loop that the client is bound to, once it is open.
        closed: Whether it was closed.
        time: Returns the time that the client goes by: the loop's, if it was given no clock.
        now: Returns the time of day, aware.
        busy: To be entered while a request is under way.
        opened: Called in the loop that the client is bound to, when that happens.
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
        self._scopes: set[asyncio.Timeout] = set()

    def enter(self) -> asyncio.AbstractEventLoop:
        """Return the loop to use; the first call binds the client to it.

        Raises:
            ClientClosedError: The client was closed.
            ConfigurationError: No loop is running, or another one, or this
                process is a fork of the one that the client was opened in.
        """
        if self.closed:
            raise self.ended()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            msg = "client: needs a running event loop; call this from a coroutine"
            raise ConfigurationError(msg) from None
        if self.loop is None:
            self.loop, self._process = loop, os.getpid()
            self.time = self._clock.time if self._clock else loop.time
            if self.opened is not None:
                self.opened()
        if self._process != os.getpid():
            msg = "client: was opened before this process was forked; make one in each process"
            raise ConfigurationError(msg)
        if self.loop is not loop:
            msg = "client: belongs to another event loop; make one client in each loop"
            raise ConfigurationError(msg)
        return loop

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> Timer:
        """Call a function in the client's loop when `time` has come that far."""
        return (self._clock or self.enter()).call_at(when, callback, *args, context=context)

    async def sleep(self, seconds: float) -> None:
        """Wait until `time` has gone on by so much."""
        awake = asyncio.Event()  # which, unlike a future, may be set once its waiter is cancelled
        timer = self.call_at(self.time() + seconds, awake.set)
        try:
            await awake.wait()
        finally:
            timer.cancel()

    @property
    def is_open(self) -> bool:
        """Whether this process has opened something that nobody has closed."""
        return self.loop is not None and not self.closed and self._process == os.getpid()

    @asynccontextmanager
    async def until_closed(self) -> AsyncGenerator[None, None]:
        """Run the body; if the client is closed meanwhile, end it and go on behind it."""
        scope = asyncio.timeout(None)
        self._scopes.add(scope)
        try:
            async with scope:
                yield
        except TimeoutError:
            if not scope.expired():
                raise
        finally:
            self._scopes.discard(scope)

    def close(self) -> None:
        """Refuse everything from now on and end what runs in `until_closed`."""
        self.closed = True
        for scope in self._scopes:
            scope.reschedule(0)

    @staticmethod
    def ended() -> ClientClosedError:
        """Return the error for whoever still wants something."""
        return ClientClosedError(
            "client: is closed; tasks go on at the platform, attach their refs with a new client"
        )
