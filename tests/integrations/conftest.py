"""Fixtures for the integrations: a shared Redis, and an app in each web framework."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from altcraft_async import AltcraftClient, Constant, Patience
from altcraft_async.simulator import Simulator
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
