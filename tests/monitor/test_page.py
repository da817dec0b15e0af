"""The page and its events, over real sockets."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from altcraft_async import AltcraftClient, AltcraftError, ConfigurationError, TaskKind
from altcraft_async.monitor import Monitor
from altcraft_async.monitor.page import MAX_VIEWERS
from altcraft_async.simulator import Fault, Simulator
from tests.support.web_servers import aiohttp_app

pytestmark = pytest.mark.usefixtures("nothing_left")

PARTS = ["summary", "running", "arrived", "failed"]


@asynccontextmanager
async def opened(monitor: Monitor) -> AsyncGenerator[tuple[str, aiohttp.ClientSession], None]:
    """Serve the page of a monitor; yield its address and a browser."""
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        monitor.serve(port=0) as url,
        aiohttp.ClientSession(connector=connector) as browser,
    ):
        yield url, browser


async def next_event(response: aiohttp.ClientResponse) -> tuple[str, Any]:
    """Read one event."""
    head, data, _ = [await response.content.readline() for _ in range(3)]
    return head.decode().strip().removeprefix("event: "), json.loads(data.removeprefix(b"data: "))


async def part(response: aiohttp.ClientResponse, name: str) -> Any:  # noqa: ANN401 -- JSON
    """Read events until one of this part; return its data."""
    while True:
        event, data = await next_event(response)
        if event == name:
            return data


async def test_viewer_gets_everything_and_then_what_changes() -> None:
    monitor = Monitor(interval=0.01)
    async with opened(monitor) as (url, browser), browser.get(f"{url}events") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert [(await next_event(response))[0] for _ in PARTS] == PARTS
        assert [(await next_event(response))[0] for _ in PARTS] == ["summary"] * 4
        async with (
            Simulator(duration=3600) as server,
            AltcraftClient(server.url, server.token, observer=monitor) as client,
        ):
            handle = await client.resources.refresh_counters(24, database_id=1)
            handle.add_done_callback(print)
            (row,) = await part(response, "running")
            assert (row["what"], row["waiters"]) == ({"kind": "resource", "target": [24, 1]}, 1)


async def test_page_opened_twice_shows_the_same_and_ends_without_a_trace() -> None:
    monitor = Monitor(interval=0.05)
    async with (
        opened(monitor) as (url, browser),
        browser.get(f"{url}events") as one,
        browser.get(f"{url}events") as two,
    ):
        assert await next_event(one) == await next_event(two)
    # `nothing_left` sees that nothing ticks any more.


async def test_page_runs_only_its_own_script_and_loads_nothing() -> None:
    async with opened(Monitor()) as (url, browser), browser.get(url) as response:
        html, policy = await response.text(), response.headers["Content-Security-Policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")
    assert "unsafe" not in policy
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", html)
    assert not re.findall(r"innerHTML|insertAdjacentHTML|outerHTML|document\.write|eval", script)


async def test_page_of_this_machine_refuses_the_name_of_another() -> None:
    async with opened(Monitor()) as (url, browser):
        async with browser.get(url, headers={"Host": "evil.example:8090"}) as response:
            assert response.status == 403
        async with browser.get(url, headers={"Host": "localhost:8090"}) as response:
            assert response.status == 200


async def test_page_changes_nothing() -> None:
    async with opened(Monitor()) as (url, browser):
        for path in ("", "events"):
            async with browser.post(f"{url}{path}") as response:
                assert response.status == 405


async def test_own_app_has_the_page_below_its_mount() -> None:
    inner, app = web.Application(), web.Application()
    Monitor().setup(inner, path="/watch")
    app.add_subapp("/admin", inner)
    async with aiohttp_app(app) as url, aiohttp.ClientSession() as browser:
        async with browser.get(f"{url}/admin/watch") as response:
            assert "<h1>Altcraft monitor</h1>" in await response.text()
        async with browser.get(f"{url}/admin/watch/events") as response:
            assert (await next_event(response))[0] == "summary"


async def test_shutdown_ends_the_streams() -> None:
    async with aiohttp.ClientSession() as browser:
        async with Monitor(interval=60).serve(port=0) as url:
            response = await browser.get(f"{url}events")
            for _ in PARTS:
                await next_event(response)
        assert await response.read() == b""  # and no error: the stream has its regular end


async def test_a_thousand_viewers_meet_a_stated_limit() -> None:
    async with opened(Monitor(interval=60)) as (url, browser), AsyncExitStack() as stack:
        for _ in range(MAX_VIEWERS):
            response = await stack.enter_async_context(browser.get(f"{url}events"))
            assert response.status == 200
        async with browser.get(f"{url}events") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "30")
            assert await response.text() == "100 pages are open already, which is the limit"


async def test_error_of_the_program_is_shown_and_the_page_goes_on() -> None:
    broken = True

    def name_of(_kind: TaskKind, _target: tuple[int, ...] | None) -> str | None:
        if broken:
            msg = "no names today"
            raise LookupError(msg)
        return "News"

    monitor = Monitor(name_of=name_of, interval=0.01)
    async with (
        Simulator(duration=3600) as server,
        AltcraftClient(server.url, server.token, observer=monitor) as client,
        opened(monitor) as (url, browser),
    ):
        handle = await client.resources.refresh_counters(24, database_id=1)
        handle.add_done_callback(print)
        async with browser.get(f"{url}events") as response:
            name, data = await next_event(response)
            assert (name, data["problem"]) == ("summary", "LookupError('no names today')")
            broken = False
            assert (await part(response, "running"))[0]["what"]["name"] == "News"


async def test_token_is_nowhere_in_the_events() -> None:
    monitor = Monitor(interval=0.05)
    async with (
        Simulator(duration=0.1) as server,
        AltcraftClient(server.url, server.token, observer=monitor) as client,
    ):
        await client.resources.refresh(24, database_id=1)
        words = f"no such token: {server.token}"
        server.misbehave("resources/refresh_counters", Fault.refuse(401, words))
        with pytest.raises(AltcraftError):
            await client.resources.refresh(25, database_id=1)
        async with opened(monitor) as (url, browser), browser.get(f"{url}events") as response:
            said = json.dumps([await next_event(response) for _ in PARTS])
    assert "no such token" in said
    assert server.token not in said


async def test_port_in_use_is_a_clear_error() -> None:
    async with Monitor().serve(port=0) as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.raises(ConfigurationError, match=rf"^port: cannot listen on {port} of "):
            async with Monitor().serve(port=port):
                pass


async def test_port_out_of_range_is_a_clear_error() -> None:
    with pytest.raises(ConfigurationError, match=r"^port: cannot listen on 70000 of .*0-65535"):
        async with Monitor().serve(port=70_000):
            pass


def test_path_without_a_slash_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^path: has to be a path such as /monitor"):
        Monitor().setup(web.Application(), path="monitor")
