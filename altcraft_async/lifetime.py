"""One client belongs to one event loop of one process, and ends once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from altcraft_async.errors import ClientClosedError, ConfigurationError

__all__ = ["Lifetime"]


class Lifetime:
    """Says whether a client may be used here and now, and ends what waits when it is closed."""

    def __init__(self) -> None:
        """Bind to nothing yet: constructing a client needs no running loop."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.closed = False
        self.time: Callable[[], float] = lambda: self.enter().time()
        """The time of the loop that the client is bound to."""
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
            self.time = loop.time
        if self._process != os.getpid():
            msg = "client: was opened before this process was forked; make one in each process"
            raise ConfigurationError(msg)
        if self.loop is not loop:
            msg = "client: belongs to another event loop; make one client in each loop"
            raise ConfigurationError(msg)
        return loop

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
