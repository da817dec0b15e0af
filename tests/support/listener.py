"""What the servers of tests have in common: they listen, and close all they have opened."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Generic, Self, TypeVar

__all__ = ["Listener"]

R = TypeVar("R")


class Listener(ABC, Generic[R]):
    """Listens on a free port of 127.0.0.1.

    Attributes:
        received: What came, request by request.
    """

    received: list[R]

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        """Open nothing yet."""
        self._ssl = ssl_context
        self._handlers: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"{'https' if self._ssl else 'http'}://127.0.0.1:{self.port}"

    async def has_received(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: len(self.received) >= count)

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._ssl)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection and wait until all is gone."""
        assert self._server is not None
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up first, or the server is being closed
        finally:
            self._handlers.discard(handler)
            writer.transport.abort()

    @abstractmethod
    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
