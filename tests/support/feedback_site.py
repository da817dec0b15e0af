"""A `FeedbackReceiver` on a real socket, with a simulator and a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from altcraft_async import AltcraftClient, Constant, TaskHandle
from altcraft_async.integrations.feedback import FeedbackReceiver
from altcraft_async.models import CountersReport
from altcraft_async.simulator import Simulator
from tests.support.web_servers import aiohttp_app, asgi_app

__all__ = [
    "PUBLIC_URL",
    "RARELY",
    "TIMEOUT",
    "FeedbackSite",
    "OpenFeedbackSite",
    "aiohttp_receiver",
    "asgi_receiver",
]

PUBLIC_URL = "https://shop.example/hooks"
RARELY = Constant(3600)  # so that only a hint makes a poll
TIMEOUT = 30.0  # for a test that goes wrong


def asgi_receiver(receiver: FeedbackReceiver) -> AbstractAsyncContextManager[str]:
    """Serve the receiver as the only app of an ASGI server."""
    return asgi_app(receiver)


def aiohttp_receiver(receiver: FeedbackReceiver) -> AbstractAsyncContextManager[str]:
    """Serve the routes of the receiver in an aiohttp app."""
    app = web.Application()
    app.add_routes(receiver.aiohttp_routes())
    return aiohttp_app(app)


class FeedbackSite(NamedTuple):
    """A receiver, its local URL, a simulator and its client, and a session for calls."""

    receiver: FeedbackReceiver
    base: str
    server: Simulator
    client: AltcraftClient
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """The local URL for resource 24 in database 1."""
        return self.local(self.receiver.url_for("resource", (24, 1)))

    def local(self, url: str) -> str:
        """Return the local URL for a public one."""
        return self.base + urlsplit(url).path

    async def start(self) -> TaskHandle[CountersReport]:
        """Start the refresh of resource 24 in database 1, and watch its handle."""
        handle = await self.client.resources.refresh_counters(24, database_id=1)
        return self.receiver.watch(handle)

    @asynccontextmanager
    async def waiting(self) -> AsyncGenerator[asyncio.Task[CountersReport], None]:
        """Start and watch a refresh; yield a task that waits for it."""
        waiting = asyncio.create_task((await self.start()).wait())
        await asyncio.sleep(0)
        try:
            yield waiting
        finally:
            waiting.cancel()
            await asyncio.wait([waiting])

    async def call(self, url: str, method: str = "POST", body: object = b"") -> int:
        """Call a URL; return the HTTP status."""
        async with self.session.request(method, url, data=body) as response:
            await response.read()
            return response.status

    async def send_half_a_body(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Call the URL, and send the first five of nine bytes."""
        url = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(
            f"POST {url.path} HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nbegun".encode()
        )
        return reader, writer

    @property
    def polls(self) -> int:
        """Number of polls that the platform got."""
        return self.server.count("tasks/status")

    async def until_polled(self, polls: int) -> None:
        """Wait for so many polls in all."""
        async with asyncio.timeout(TIMEOUT):
            while self.polls < polls:  # noqa: ASYNC110 -- the polls are made elsewhere
                await asyncio.sleep(0.005)


OpenFeedbackSite: TypeAlias = Callable[..., AbstractAsyncContextManager[FeedbackSite]]
