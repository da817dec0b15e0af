"""Web apps that refresh resources, on real sockets with a simulator behind them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, TypeAlias

import aiohttp
from aiohttp import web
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from altcraft_async import AltcraftClient
from altcraft_async.integrations.aiohttp import Altcraft as AltcraftForAiohttp
from altcraft_async.integrations.starlette import Altcraft as AltcraftForStarlette
from altcraft_async.simulator import Simulator
from tests.support.web_servers import aiohttp_app, asgi_app

__all__ = [
    "NEVER",
    "TIMEOUT",
    "Altcraft",
    "Event",
    "OpenSite",
    "Serve",
    "Site",
    "aiohttp_site",
    "aiohttp_with_refresh",
    "parse_events",
    "starlette_site",
    "starlette_with_refresh",
]

TIMEOUT = 30.0  # for a test that goes wrong
NEVER = 3600.0

Altcraft: TypeAlias = AltcraftForStarlette | AltcraftForAiohttp
Serve: TypeAlias = Callable[[AltcraftClient], AbstractAsyncContextManager[tuple[Altcraft, str]]]


def starlette_with_refresh(altcraft: AltcraftForStarlette) -> Starlette:
    """Make a Starlette app with a route that refreshes resources."""

    async def refresh(request: Request) -> Response:
        number = int(request.path_params["number"])
        handle = await altcraft.client.resources.refresh_counters(number, database_id=1)
        return await altcraft.answer(request, handle)

    route = Route("/resources/{number}", refresh, methods=["POST"])
    app = Starlette(routes=[route], lifespan=altcraft.lifespan)
    altcraft.setup(app)
    return app


@asynccontextmanager
async def starlette_site(
    client: AltcraftClient, *middleware: type[BaseHTTPMiddleware]
) -> AsyncGenerator[tuple[Altcraft, str], None]:
    """Serve a Starlette app."""
    altcraft = AltcraftForStarlette(lambda: client, timeout=0.2, ping=0.1)
    app = starlette_with_refresh(altcraft)
    for one in middleware:
        app.add_middleware(one)
    async with asgi_app(app) as url:
        yield altcraft, url


def aiohttp_with_refresh(altcraft: AltcraftForAiohttp) -> web.Application:
    """Make an aiohttp app with a route that refreshes resources."""

    async def refresh(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        handle = await altcraft.client.resources.refresh_counters(number, database_id=1)
        return await altcraft.answer(request, handle)

    app = web.Application()
    altcraft.setup(app)
    app.router.add_post("/resources/{number}", refresh)
    return app


@asynccontextmanager
async def aiohttp_site(client: AltcraftClient) -> AsyncGenerator[tuple[Altcraft, str], None]:
    """Serve an aiohttp app."""
    altcraft = AltcraftForAiohttp(lambda: client, timeout=0.2, ping=0.1)
    async with aiohttp_app(aiohttp_with_refresh(altcraft)) as url:
        yield altcraft, url


class Reply(NamedTuple):
    """A whole response."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401 -- tests index it
        """The body as JSON."""
        return json.loads(self.text)


class Site(NamedTuple):
    """A web app, the platform behind it, and a browser."""

    server: Simulator
    altcraft: Altcraft
    url: str
    browser: aiohttp.ClientSession

    async def request(self, method: str, path: str, **headers: str) -> Reply:
        """Send a request and read the whole response."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.browser.request(method, self.url + path, headers=named) as response:
            return Reply(response.status, dict(response.headers), await response.text())

    async def start(self) -> str:
        """Start a refresh that takes longer than the app waits; return the task's path."""
        reply = await self.request("POST", "/resources/24")
        assert reply.status == 202, reply
        return reply.headers["Location"]

    async def ended(self, path: str) -> Reply:
        """Request a task until its response is final."""
        async with asyncio.timeout(TIMEOUT):
            while (reply := await self.request("GET", path)).status == 202:
                pass
        return reply

    @property
    def polls(self) -> int:
        """Number of polls that the platform got."""
        return self.server.count("tasks/status")

    async def until(self, happened: Callable[[], bool]) -> None:
        """Let the app run until something has happened."""
        async with asyncio.timeout(TIMEOUT):
            while not happened():  # noqa: ASYNC110 -- it happens in the app
                await asyncio.sleep(0.005)

    async def disconnect_during(self, path: str) -> None:
        """Disconnect while the app polls for a request; assert that the polls stop."""
        polls = self.polls
        request = asyncio.create_task(self.request("GET", path))
        await self.until(lambda: self.polls > polls)
        request.cancel()
        await asyncio.wait([request])
        await self.until(lambda: not self.has_waiters)
        polls = self.polls
        await asyncio.sleep(0.2)  # ten poll intervals
        assert self.polls <= polls + 1  # one may have been under way

    @property
    def has_waiters(self) -> bool:
        """Whether any task has a waiter."""
        handles = (*self.altcraft._kept.values(), *self.altcraft._found.values())
        return any(handle.poller.waiters for handle in handles)


OpenSite: TypeAlias = Callable[..., AbstractAsyncContextManager[Site]]


class Event(NamedTuple):
    """A server-sent event, or a comment."""

    name: str
    id: str
    data: Any


def parse_events(text: str) -> list[Event]:
    """Parse a stream as a browser does."""
    events: list[Event] = []
    for block in text.split("\n\n")[:-1]:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        data = json.loads(fields["data"]) if "data" in fields else None
        events.append(Event(fields.get("event", ""), fields.get("id", ""), data))
    return events
