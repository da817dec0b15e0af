"""What goes wrong is on stderr of a server that sets up no logging of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
import pytest

from altcraft_async.simulator import Fault, Simulator
from tests.support.guides import example
from tests.support.ports import free_port

PATIENCE = 60.0
RUN_AIOHTTP = """
import sys
from aiohttp import web
from app_aiohttp import app
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
"""
SERVERS = {
    "app.py": ("-m", "uvicorn", "app:app", "--port"),
    "app_aiohttp.py": ("-c", RUN_AIOHTTP),
}


async def posted(url: str) -> int:
    """Send a POST as soon as the server is there; return the status."""
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as browser:
        while True:
            try:
                async with browser.post(url) as response:
                    return response.status
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
async def test_refusal_is_on_stderr_of_a_server_without_logging(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(example("web-apps", name))
    port = free_port()
    async with Simulator() as server:
        server.misbehave("resources/refresh_counters", Fault.refuse(401, "no such token"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *SERVERS[name], str(port)),
            cwd=tmp_path,
            env={**os.environ, "ALTCRAFT_URL": server.url, "ALTCRAFT_TOKEN": server.token},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert await posted(f"http://127.0.0.1:{port}/resources/24/refresh") == 502
        finally:
            process.terminate()
            _, printed = await asyncio.wait_for(process.communicate(), PATIENCE)
    lines = [line for line in printed.decode().splitlines() if "altcraft_async" in line]
    assert len(lines) == 1
    assert lines[0].startswith("WARNING: altcraft_async: answering with HTTP status 502: ")
    assert "no such token" in lines[0]
    assert server.token not in printed.decode()
