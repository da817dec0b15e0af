"""What only apps of aiohttp do."""

from __future__ import annotations

import asyncio
import math

import aiohttp
import pytest
from aiohttp import web

from altcraft_async import AltcraftClient, ConfigurationError, Constant
from altcraft_async.integrations.aiohttp import Altcraft
from altcraft_async.simulator import Simulator
from tests.support.web_servers import aiohttp_app
from tests.support.web_site import Site, aiohttp_site, aiohttp_with_refresh, parse_events

pytestmark = pytest.mark.usefixtures("nothing_left")


async def test_shutdown_interrupts_streams_so_that_browsers_reconnect() -> None:
    async with Simulator(duration=math.inf) as server, aiohttp.ClientSession() as browser:
        client = AltcraftClient(server.url, server.token)
        async with aiohttp_site(client) as (altcraft, url):
            here = Site(server, altcraft, url, browser)
            path = await here.start()
            polls = here.polls
            request = asyncio.create_task(here.request("GET", f"{path}/events"))
            await here.until(lambda: here.polls > polls)
        last = parse_events((await request).text)[-1]
        assert (last.name, last.id, last.data["error"]) == ("interrupted", "", "closing")


async def test_cleanup_does_not_hide_a_failed_startup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALTCRAFT_URL", raising=False)
    app = web.Application()
    Altcraft().setup(app)
    runner = web.AppRunner(app)
    with pytest.raises(ConfigurationError, match=r"^ALTCRAFT_URL: "):
        await runner.setup()
    await runner.cleanup()


async def test_mounted_app_returns_paths_with_its_mount() -> None:
    async with Simulator(duration=0.4) as server, aiohttp.ClientSession() as browser:
        client = AltcraftClient(server.url, server.token, poll=Constant(0.02))
        altcraft = Altcraft(lambda: client, timeout=0.2)
        app = web.Application()
        app.add_subapp("/below", aiohttp_with_refresh(altcraft))
        async with aiohttp_app(app) as url:
            here = Site(server, altcraft, url, browser)
            reply = await here.request("POST", "/below/resources/24")
            assert reply.headers["Location"] == f"/below/tasks/{reply.json['task']}"
            assert (await here.ended(reply.headers["Location"])).status == 200
