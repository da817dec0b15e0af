"""The programs in the guides on web apps and feedback, run as they stand there."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest

from altcraft_async.simulator import Simulator
from tests.support.guides import example
from tests.support.web_servers import aiohttp_app, asgi_app, free_port

STATUS = "tasks/status"

Load = Callable[[Simulator, str, str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a program from a file, in the environment that the guide asks for."""

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


async def visit(url: str) -> None:
    """Do what the guide does with curl, and see what it shows."""
    async with aiohttp.ClientSession(url) as browser:
        async with browser.post("/resources/24/refresh") as answer:
            assert answer.status == 202
            assert int(answer.headers["Retry-After"]) >= 1
            path = answer.headers["Location"]
            started = await answer.json()
        assert path == f"/tasks/{started['task']}"
        assert started.keys() == {"task", "status", "progress", "eta", "report"}
        assert (started["status"], started["report"]) == ("running", None)
        async with browser.get(f"{path}/events") as answer:
            *_, last = (await answer.text()).strip().split("\n\n")
        assert last.startswith("id: end\nevent: report\ndata: {")
        async with browser.get(path) as answer:
            assert answer.status == 200
            picked_up = await answer.json()
        assert picked_up["report"]["groups"][0]["channels"]["email"]["subscribed"] == 109117
        assert picked_up["report"] == json.loads(last.partition("data: ")[2])["report"]
        async with browser.post("/resources/9999/refresh") as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "not_found")


@pytest.mark.usefixtures("nothing_left")
async def test_app_for_fastapi_answers_as_the_guide_shows(load: Load) -> None:
    """A refresh that is longer than the visitor waits is picked up, and followed."""
    async with Simulator(duration=2.5) as server:
        module = load(server, "app.py", example("web-apps", "app.py"))
        async with asgi_app(module.app) as url:
            await visit(url)


@pytest.mark.usefixtures("nothing_left")
async def test_app_for_aiohttp_answers_as_the_guide_shows(load: Load) -> None:
    """The same answers to the same questions."""
    async with Simulator(duration=2.5) as server:
        module = load(server, "app_aiohttp.py", example("web-apps", "app_aiohttp.py"))
        async with aiohttp_app(module.app) as url:
            await visit(url)


@pytest.mark.usefixtures("nothing_left")
async def test_app_with_feedback_polls_when_it_is_called(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pretend platform calls the address that the app made up, and the task is over."""
    port = free_port()
    monkeypatch.setenv("PUBLIC_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("HOOK_SECRET", "sixteen characters and more")
    async with Simulator(duration=0.5) as server:
        module = load(server, "app_feedback.py", example("feedback", "app_feedback.py"))
        async with (
            asgi_app(module.app, port=port) as url,
            aiohttp.ClientSession(url) as browser,
            browser.post("/resources/24/refresh") as answer,
        ):
            assert answer.status == 200
            assert (await answer.json())["status"] == "completed"
            (sent,) = server.webhooks
            assert (sent.status, sent.url.startswith(f"{url}/hooks/resource/24-1/")) == (204, True)
            # The poll that the call set off found the end before any other was due.
            assert server.requests[-1].at - sent.at == pytest.approx(0.0, abs=0.1)
