"""The element `<altcraft-refresh>` in a real browser, in apps of both frameworks."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, TypeAlias

import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from altcraft_async import AltcraftClient, Constant
from altcraft_async.integrations._web.component import component_answer
from altcraft_async.integrations.aiohttp import Altcraft as AltcraftForAiohttp
from altcraft_async.integrations.starlette import Altcraft as AltcraftForStarlette
from altcraft_async.simulator import Simulator
from tests.support.chromium import Page, open_page
from tests.support.web_servers import aiohttp_app, asgi_app
from tests.support.web_site import OpenSite, aiohttp_with_refresh, starlette_with_refresh

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'none'; "
    "require-trusted-types-for 'script'"
)
HTML = """<!doctype html><html lang="en"><title>Resource</title>
<script type="module" src="{prefix}/tasks/altcraft-refresh.js"></script>
<altcraft-refresh action="{prefix}/resources/{number}">Count</altcraft-refresh></html>"""
HEADERS = {"Content-Security-Policy": POLICY, "Content-Type": "text/html"}

ELEMENT = "document.querySelector('altcraft-refresh')"
SHADOW = f"{ELEMENT}.shadowRoot"
STATUS_BELOW = "shadowRoot.querySelector('[role=status]').textContent"
STATUS = f"{ELEMENT}.{STATUS_BELOW}"
CLICK = f"{SHADOW}.querySelector('button').click()"
KEEP_TASK = "(event) => { window.task = event.detail.task }"
FOLLOW = """
window.other = document.createElement('altcraft-refresh');
window.other.setAttribute('task', window.task);
document.body.append(window.other);
"""
PREFIX = "/below"


class Opened(NamedTuple):
    """A page of an app."""

    page: Page
    url: str
    server: Simulator


Serve: TypeAlias = Callable[[AltcraftClient], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def starlette_below(client: AltcraftClient, *, port: int = 0) -> AsyncGenerator[str, None]:
    """Serve an app of Starlette below a path prefix."""
    altcraft = AltcraftForStarlette(lambda: client, timeout=0.1, secret="made up for this test")

    async def html(request: Request) -> Response:
        number = request.path_params["number"]
        return HTMLResponse(HTML.format(prefix=PREFIX, number=number), headers=HEADERS)

    inner = starlette_with_refresh(altcraft)
    inner.router.routes.append(Route("/page/{number}", html))
    app = Starlette(routes=[Mount(PREFIX, inner)], lifespan=altcraft.lifespan)
    async with asgi_app(app, port=port) as url:
        yield url


@asynccontextmanager
async def aiohttp_below(client: AltcraftClient) -> AsyncGenerator[str, None]:
    """Serve an app of aiohttp below a path prefix."""
    altcraft = AltcraftForAiohttp(lambda: client, timeout=0.1, secret="made up for this test")

    async def html(request: web.Request) -> web.Response:
        text = HTML.format(prefix=PREFIX, number=request.match_info["number"])
        return web.Response(text=text, headers=HEADERS)

    inner = aiohttp_with_refresh(altcraft)
    inner.router.add_get("/page/{number}", html)
    app = web.Application()
    app.add_subapp(PREFIX, inner)
    async with aiohttp_app(app) as url:
        yield url


@asynccontextmanager
async def opened(serve: Serve, *, duration: float = 1.0) -> AsyncGenerator[Opened, None]:
    """Open a browser, an app and the platform behind it."""
    async with Simulator(duration=duration) as server, open_page() as page:
        client = AltcraftClient(server.url, server.token, poll=Constant(0.1))
        async with serve(client) as url:
            yield Opened(page, url + PREFIX, server)
            await page.send("Page.navigate", url="about:blank")  # leaves the streams


async def test_module_is_served_and_small(site: OpenSite) -> None:
    async with site() as here:
        reply = await here.request("GET", "/tasks/altcraft-refresh.js")
        assert reply.status == 200
        assert reply.headers["Content-Type"].startswith("text/javascript")
        assert "customElements.define" in reply.text
        assert not here.server.requests
    assert len(component_answer().body) <= 8192


@pytest.mark.slow
@pytest.mark.parametrize("serve", [starlette_below, aiohttp_below])
async def test_click_shows_progress_then_the_counters_under_a_strict_policy(serve: Serve) -> None:
    async with opened(serve) as (page, url, server):
        await page.open(f"{url}/page/24")
        await page.until(f"!!{SHADOW}")
        await page.run(f"{ELEMENT}.addEventListener('altcraft-status', {KEEP_TASK})")
        await page.run(CLICK)
        await page.run(CLICK)  # is ignored while a refresh runs
        await page.until(f"{SHADOW}.querySelector('[role=progressbar]').ariaValueNow > 20")
        assert await page.run(f"{SHADOW}.querySelector('button').ariaDisabled") == "true"
        progress = await page.run(f"{SHADOW}.querySelector('.progress').textContent")
        assert re.fullmatch(r"\d+ %(, about \d+ s left)?", progress)
        await page.until(f"{STATUS} === 'The counters are up to date.'")
        table = await page.run(f"{SHADOW}.querySelector('table').innerText")
        assert "email" in table
        assert await page.run("(109117).toLocaleString()") in table
        assert await page.run(f"{SHADOW}.querySelectorAll('.chart .fill').length") > 1
        assert await page.run(f"{SHADOW}.querySelector('button').ariaDisabled") == "false"
        await page.run(FOLLOW)
        await page.until(f"window.other.{STATUS_BELOW} === 'The counters are up to date.'")
        assert await page.run("window.other.shadowRoot.querySelector('button').hidden")
        assert sum(server.starts.values()) == 1
        assert page.problems == []


@pytest.mark.slow
async def test_each_error_is_shown_in_words() -> None:
    async with opened(starlette_below) as (page, url, server):
        await page.open(f"{url}/page/9999")
        await page.until(f"!!{SHADOW}")
        await page.run(CLICK)
        await page.until(f"{STATUS} === 'The platform does not know this id.'")
        for action, words in (
            ("/nowhere", "The server answered with HTTP status 404."),
            (f"{PREFIX}/resources/0", "Resource_id: has to be a positive whole number, not 0."),
            ("http://127.0.0.1:1/", "The server cannot be reached; the refresh may have started."),
        ):
            await page.run(f"{ELEMENT}.setAttribute('action', {action!r}), {CLICK}")
            await page.until(f"{STATUS} === {words!r}")
        await page.run(f"{ELEMENT}.addEventListener('altcraft-status', {KEEP_TASK})")
        await page.run(f"{ELEMENT}.setAttribute('action', '{PREFIX}/resources/24'), {CLICK}")
        await page.until("!!window.task")
        server.world.fail((await page.run("window.task")).partition("@")[0])
        await page.until(f"{STATUS} === 'The platform reports that the task failed.'")
        assert await page.run(f"{SHADOW}.querySelector('[role=status]').className") == "error"


@pytest.mark.slow
async def test_page_goes_on_after_the_app_was_restarted() -> None:
    async with Simulator(duration=2.0) as server, open_page() as page:
        port = 0
        for restarted in (False, True):
            client = AltcraftClient(server.url, server.token, poll=Constant(0.1))
            async with starlette_below(client, port=port) as url:
                port = int(url.rpartition(":")[2])
                if not restarted:
                    await page.open(f"{url}{PREFIX}/page/24")
                    await page.until(f"!!{SHADOW}")
                    await page.run(CLICK)
                    await page.until(f"{STATUS} === 'Refreshing…'")
                else:
                    await page.until(f"{STATUS} === 'The counters are up to date.'")
        assert sum(server.starts.values()) == 1
