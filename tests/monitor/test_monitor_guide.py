"""The programs in the guide on the monitor."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest

from altcraft_async.simulator import Simulator
from tests.support.guides import example
from tests.support.web_servers import aiohttp_app


async def test_program_serves_the_page_while_it_refreshes(tmp_path: Path) -> None:
    program = tmp_path / "watched.py"
    text = example("monitor", "watched.py")
    assert "port=8090" in text
    program.write_text(text.replace("port=8090", "port=0"))
    async with Simulator(duration=3600, resources=3) as server, aiohttp.ClientSession() as browser:
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            str(program),
            env={**os.environ, "ALTCRAFT_URL": server.url, "ALTCRAFT_TOKEN": server.token},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert running.stdout
            said = await asyncio.wait_for(running.stdout.readline(), 60)
            url = said.decode().strip().removeprefix("watch it at ")
            async with browser.get(url) as response:
                assert "<h1>Altcraft monitor</h1>" in await response.text()
        finally:
            running.kill()
            await running.wait()


async def test_app_shows_the_page_to_those_who_have_logged_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = ModuleType("app")
    exec(example("monitor", "app.py"), vars(app))  # noqa: S102 -- our own guide
    monkeypatch.setenv("ADMIN_PASSWORD", "1234")
    async with Simulator() as server, aiohttp.ClientSession() as browser:
        monkeypatch.setenv("ALTCRAFT_URL", server.url)
        monkeypatch.setenv("ALTCRAFT_TOKEN", server.token)
        async with aiohttp_app(app.make_app()) as url:
            for path in ("monitor", "monitor/events"):
                async with browser.get(f"{url}/admin/{path}") as response:
                    assert response.status == 401
                admin = {"Authorization": "Basic YWRtaW46MTIzNA=="}
                async with browser.get(f"{url}/admin/{path}", headers=admin) as response:
                    assert response.status == 200
