"""A client for tests that is closed in the event loop that used it.

The fixtures that pytest loads are in `pytest_altcraft`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Unpack

from altcraft_async.client import AltcraftClient, ClientOptions
from altcraft_async.simulator import Simulator

__all__ = ["client_of"]


@contextmanager
def client_of(
    server: Simulator, **options: Unpack[ClientOptions]
) -> Generator[AltcraftClient, None, None]:
    """Make a client that is closed in the event loop that used it, whatever runs the loop.

    No loop has to run when the block begins or ends. If the loop ends inside the block,
    or the block ends inside the loop, the client is closed with the loop.

    Args:
        server: A started simulator.
        options: Arguments of the client.
    """
    client = _Client(server.url, server.token, **options)
    closer = _Closer(client)
    client.when_opened(closer.begin)
    try:
        yield client
    finally:
        closer.end()


class _Client(AltcraftClient):
    def when_opened(self, call: Callable[[], None]) -> None:
        """Call a function when the client binds to its event loop."""
        self._on_open(call)


class _Closer:
    """Closes a client while its event loop is still open."""

    def __init__(self, client: AltcraftClient) -> None:
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = self._close()

    def begin(self) -> None:
        """Make the running loop close the client when the loop ends.

        ``asyncio.Runner``, on which ``asyncio.run``, pytest-asyncio and anyio are built,
        calls ``shutdown_asyncgens`` before it closes a loop. That ends the async generators
        that began in the loop, and is the only hook there is.
        """
        self._loop = asyncio.get_running_loop()
        with suppress(StopIteration):
            anext(self._closing).send(None)

    def end(self) -> None:
        """Close the client now, unless its loop has been closed or is the running one."""
        if self._loop is None or self._loop.is_closed() or self._loop is _running_loop():
            return
        if self._loop.is_running():  # in another thread
            asyncio.run_coroutine_threadsafe(self._closing.aclose(), self._loop).result()
        else:
            self._loop.run_until_complete(self._closing.aclose())

    async def _close(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self._client.aclose()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
