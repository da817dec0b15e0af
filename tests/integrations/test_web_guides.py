"""The programs in the guides on web apps and feedback."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest

from altcraft_async.simulator import Simulator
from tests.support.console import Terminal, commands, same
from tests.support.guides import GUIDES, example
from tests.support.ports import free_port
from tests.support.programs import needed_program
from tests.support.web_servers import aiohttp_app, asgi_app

TASK = r"[0-9a-f]{8}-[0-9a-f-]{27}@resource:24:1"

Load = Callable[[Simulator, str, str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a program as a module, with the environment variables of the guide."""

    def loaded(server: Simulator, name: str, source: str) -> ModuleType:
        monkeypatch.setenv("ALTCRAFT_URL", server.url)
        monkeypatch.setenv("ALTCRAFT_TOKEN", server.token)
        file = tmp_path / name
        file.write_text(source)
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


async def assert_responses(url: str) -> None:
    """Send the requests of the guide, and check their responses."""
    async with aiohttp.ClientSession(url) as browser:
        async with browser.post("/resources/24/refresh") as response:
            assert response.status == 202
            assert int(response.headers["Retry-After"]) >= 1
            path = response.headers["Location"]
            started = await response.json()
        assert path == f"/tasks/{started['task']}"
        assert started.keys() == {"task", "status", "progress", "eta", "report"}
        assert (started["status"], started["report"]) == ("running", None)
        async with browser.get(f"{path}/events") as response:
            *_, last = (await response.text()).strip().split("\n\n")
        assert last.startswith("id: end\nevent: report\ndata: {")
        async with browser.get(path) as response:
            assert response.status == 200
            picked_up = await response.json()
        assert picked_up["report"]["groups"][0]["channels"]["email"]["subscribed"] == 109117
        assert picked_up["report"] == json.loads(last.partition("data: ")[2])["report"]
        async with browser.post("/resources/9999/refresh") as response:
            assert (response.status, (await response.json())["error"]) == (404, "not_found")


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_fastapi_app_responds_as_the_guide_shows(load: Load) -> None:
    async with Simulator(duration=2.5) as server:
        module = load(server, "app.py", example("web-apps", "app.py"))
        async with asgi_app(module.app) as url:
            await assert_responses(url)


@pytest.mark.slow
async def test_curl_prints_what_the_guide_shows(load: Load, tmp_path: Path) -> None:
    """The stream of events is read before the result, so that the refresh is over then."""
    needed_program("curl", "curl")
    needed_program("jq", "jq")
    started, result, events, refused = (
        command for command in commands(GUIDES / "web-apps.md") if "curl" in command.typed
    )
    shown = re.search(TASK, events.typed)
    assert shown
    terminal = Terminal(tmp_path, os.environ)
    async with Simulator(duration=5) as server:
        module = load(server, "app.py", example("web-apps", "app.py"))
        async with asgi_app(module.app) as url:
            task = shown[0]
            for command in (started, events, result, refused):
                typed = command.typed.replace("localhost:8000", url).replace(shown[0], task)
                typed = typed.replace("curl", "curl -s")  # without progress, as to a pipe
                printed = await asyncio.to_thread(terminal.run, typed)
                assert same(printed, command), printed
                if command is started:
                    found = re.search(TASK, printed)
                    assert found
                    task = found[0]


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_aiohttp_app_responds_as_the_guide_shows(load: Load) -> None:
    async with Simulator(duration=2.5) as server:
        module = load(server, "app_aiohttp.py", example("web-apps", "app_aiohttp.py"))
        async with aiohttp_app(module.app) as url:
            await assert_responses(url)


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_app_with_feedback_polls_after_the_simulators_call(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("PUBLIC_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("HOOK_SECRET", "sixteen characters and more")
    async with Simulator(duration=0.5) as server:
        module = load(server, "app_feedback.py", example("feedback", "app_feedback.py"))
        async with (
            asgi_app(module.app, port=port) as url,
            aiohttp.ClientSession(url) as browser,
            browser.post("/resources/24/refresh") as response,
        ):
            assert response.status == 200
            assert (await response.json())["status"] == "completed"
            (sent,) = server.webhooks
            assert (sent.status, sent.url.startswith(f"{url}/hooks/resource/24-1/")) == (204, True)
            # The poll after the call found the end before another was due.
            assert server.requests[-1].at - sent.at == pytest.approx(0.0, abs=0.1)
