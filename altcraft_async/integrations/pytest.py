"""What the fixtures of the pytest plugin are made of; `pytest_altcraft` is what pytest loads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from typing import Unpack

from altcraft_async.client import AltcraftClient, ClientOptions
from altcraft_async.simulator import Simulator

__all__ = ["client_of"]


@contextmanager
def client_of(
    server: Simulator, **options: Unpack[ClientOptions]
) -> Generator[AltcraftClient, None, None]:
    """Make a client that is closed in the event loop that it was used in, whoever runs that.

    Needs no running loop, neither at the beginning nor at the end. Where the
    loop ends before the body does, or the body ends within it, the client ends
    with the loop.

    Args:
        server: A started simulator.
        options: Of the client.
    """
    client = _GuardedClient(server.url, server.token, **options)
    guard = _Guard(client)
    client.guard_by(guard)
    try:
        yield client
    finally:
        guard.end()


class _GuardedClient(AltcraftClient):
    """A client that a guard closes."""

    def guard_by(self, guard: _Guard) -> None:
        """Begin to guard when the client binds to its event loop."""
        self._on_open(guard.begin)


class _Guard:
    """Sees to it that a client is closed while its event loop still lives."""

    def __init__(self, client: AltcraftClient) -> None:
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = self._close()

    def begin(self) -> None:
        """Have the running loop close the client with it.

        Before a loop is closed, ``asyncio.Runner``, and so ``asyncio.run``,
        pytest-asyncio and anyio, have it end the async generators that it has
        seen begin: ``shutdown_asyncgens`` is the only such call there is.
        """
        self._loop = asyncio.get_running_loop()
        with suppress(StopIteration):
            anext(self._closing).send(None)

    def end(self) -> None:
        """Close the client now, if its loop is still there, and is not what we are in."""
        if self._loop is None or self._loop.is_closed() or self._loop is _running():
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


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
