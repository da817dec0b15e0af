"""What only apps of Starlette do."""

from __future__ import annotations

import math
from urllib.parse import quote

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from altcraft_async import AltcraftClient, Constant
from altcraft_async.integrations.starlette import Altcraft
from altcraft_async.simulator import Simulator
from tests.support.web_servers import asgi_app
from tests.support.web_site import NEVER, Site, starlette_site, starlette_with_refresh

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]


class PassThrough(BaseHTTPMiddleware):
    """A middleware of Starlette's own class, which wraps ``receive`` and ``send``."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Pass on."""
        return await call_next(request)


async def test_disconnect_is_noticed_behind_a_middleware() -> None:
    async with (
        Simulator(duration=math.inf) as server,
        aiohttp.ClientSession() as browser,
        starlette_site(AltcraftClient(server.url, server.token), PassThrough) as (altcraft, url),
    ):
        here = Site(server, altcraft, url, browser)
        path = await here.start()
        assert (await here.request("GET", path)).status == 202
        altcraft._timeout = NEVER
        await here.disconnect_during(path)
        await here.disconnect_during(f"{path}/events")


@pytest.mark.parametrize("path", ["/below", "/bélow", "/下", "/be low", "/100%"])
async def test_mounted_app_returns_paths_with_its_mount_in_ascii(path: str) -> None:
    async with Simulator(duration=0.4) as server, aiohttp.ClientSession() as browser:
        client = AltcraftClient(server.url, server.token, poll=Constant(0.02))
        altcraft = Altcraft(lambda: client, timeout=0.2)
        mount = Mount(path, starlette_with_refresh(altcraft))
        async with asgi_app(Starlette(routes=[mount], lifespan=altcraft.lifespan)) as url:
            here = Site(server, altcraft, url, browser)
            reply = await here.request("POST", f"{quote(path)}/resources/24")
            assert reply.headers["Location"] == f"{quote(path)}/tasks/{reply.json['task']}"
            assert (await here.ended(reply.headers["Location"])).status == 200


@pytest.mark.parametrize("root_path", ["/v1", "/v1/"])
async def test_path_prefix_that_a_proxy_strips_is_in_the_location(root_path: str) -> None:
    async with Simulator(duration=math.inf) as server, aiohttp.ClientSession() as browser:
        altcraft = Altcraft(lambda: AltcraftClient(server.url, server.token), timeout=0.2)
        app = starlette_with_refresh(altcraft)
        async with asgi_app(app, root_path=root_path) as url:
            reply = await Site(server, altcraft, url, browser).request("POST", "/resources/24")
            assert reply.headers["Location"] == f"/v1/tasks/{reply.json['task']}"
