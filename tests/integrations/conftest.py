"""Fixtures for the integrations: a shared Redis, and apps in each web framework."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest

from altcraft_async import AltcraftClient, Constant, Patience
from altcraft_async.integrations.feedback import FeedbackReceiver
from altcraft_async.simulator import Simulator
from tests.support.feedback_site import (
    PUBLIC_URL,
    RARELY,
    FeedbackSite,
    OpenFeedbackSite,
    aiohttp_receiver,
    asgi_receiver,
)
from tests.support.redis_server import shared_redis
from tests.support.web_site import OpenSite, Serve, Site, aiohttp_site, starlette_site


@pytest.fixture
def redis_url() -> str:
    """URL of a Redis that all tests share."""
    return shared_redis().url


@pytest.fixture(params=[starlette_site, aiohttp_site])
def site(request: pytest.FixtureRequest, nothing_left: None) -> OpenSite:  # noqa: ARG001 -- checks for leaks
    """Opens a site in each framework; nothing may be left behind after it."""
    serve: Serve = request.param

    @asynccontextmanager
    async def opened(
        *, duration: float = 0.6, poll_interval: float = 0.02
    ) -> AsyncGenerator[Site, None]:
        async with Simulator(duration=duration) as server:
            client = AltcraftClient(
                server.url,
                server.token,
                poll=Constant(poll_interval),
                polling_patience=Patience(unknown=0.3),
            )
            async with aiohttp.ClientSession() as browser, serve(client) as (altcraft, url):
                yield Site(server, altcraft, url, browser)

    return opened


@pytest.fixture(params=[asgi_receiver, aiohttp_receiver])
def feedback(request: pytest.FixtureRequest, nothing_left: None) -> OpenFeedbackSite:  # noqa: ARG001 -- checks for leaks
    """Opens a receiver behind each kind of server; nothing may be left behind after it."""
    serve: Callable[[FeedbackReceiver], AbstractAsyncContextManager[str]] = request.param

    @asynccontextmanager
    async def opened(
        receiver: FeedbackReceiver | None = None, *, duration: float = math.inf
    ) -> AsyncGenerator[FeedbackSite, None]:
        receiver = receiver or FeedbackReceiver(PUBLIC_URL, pause=0.2)
        async with (
            Simulator(duration=duration) as server,
            AltcraftClient(server.url, server.token, poll=RARELY) as client,
            aiohttp.ClientSession() as session,
            serve(receiver) as base,
        ):
            yield FeedbackSite(receiver, base, server, client, session)

    return opened
