"""A real Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.programs import needed_program

__all__ = ["Page", "open_page"]

PATIENCE = 60.0
"""Seconds that a start or a condition may take on a busy machine."""

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
    "--proxy-server=direct://",
)


class Page:
    """One page of the browser.

    Attributes:
        problems: What the page has reported: exceptions, and breaches of its policy.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, address: str) -> None:
        """Drive the page behind a socket; `read` has to run meanwhile."""
        self.problems: list[str] = []
        self._address = address
        self._socket = socket
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def read(self) -> None:
        """Read what the browser sends until it is gone."""
        async for message in self._socket:
            said = message.json()
            if waiting := self._answers.pop(said.get("id"), None):
                waiting.set_result(said)
            elif said.get("method") == "Runtime.exceptionThrown":
                self.problems.append(str(said["params"]))
            elif said.get("method") == "Log.entryAdded":
                entry = said["params"]["entry"]
                if entry["source"] != "network":  # responses with errors, which tests provoke
                    self.problems.append(entry["text"])

    async def send(self, method: str, **params: object) -> Any:  # noqa: ANN401 -- depends on it
        """Call a method of the protocol; return its result."""
        number = next(self._numbers)
        self._answers[number] = answer = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE):
            said = await answer
        assert "error" not in said, said
        return said["result"]

    async def run(self, script: str) -> Any:  # noqa: ANN401 -- depends on it
        """Return the value of an expression in the page."""
        result = await self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until an expression is true in the page."""
        async with asyncio.timeout(PATIENCE):
            while not await self.run(script):  # noqa: ASYNC110 -- it happens in the browser
                await asyncio.sleep(0.02)

    async def open(self, url: str) -> None:
        """Go to a URL, and wait until it is loaded."""
        await self.send("Page.navigate", url=url)
        await self.until(f"location.href === {url!r} && document.readyState === 'complete'")

    @asynccontextmanager
    async def another(self) -> AsyncGenerator[Page, None]:
        """Open another page of the same browser."""
        created = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        address = f"{self._address.rpartition('/')[0]}/{created}"
        async with aiohttp.ClientSession() as session, _driven(session, address) as page:
            yield page
            await page.send("Page.close")


@asynccontextmanager
async def open_page() -> AsyncGenerator[Page, None]:
    """Start a browser with a profile of its own, and yield its page."""
    program = needed_program("chromium", "Chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(program, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with aiohttp.ClientSession() as session:
                target = await _target(session, Path(profile, "DevToolsActivePort"))
                async with _driven(session, target) as page:
                    yield page
                    await page.send("Browser.close")
            await asyncio.wait_for(process.wait(), PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@asynccontextmanager
async def _driven(session: aiohttp.ClientSession, address: str) -> AsyncGenerator[Page, None]:
    """Yield the page at this address; it is closed in the block."""
    async with session.ws_connect(address, max_msg_size=0) as socket:
        page = Page(socket, address)
        reading = asyncio.create_task(page.read())
        for part in ("Page", "Runtime", "Log"):
            await page.send(f"{part}.enable")
        yield page
    await reading


async def _target(session: aiohttp.ClientSession, written: Path) -> str:
    """Return the address of the first page, once the browser has written its port."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if lines := _words_of(written):
                async with session.get(f"http://127.0.0.1:{lines[0]}/json/list") as response:
                    pages = [one for one in await response.json() if one["type"] == "page"]
                if pages:
                    return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.02)


def _words_of(written: Path) -> list[str]:
    return written.read_text().split() if written.exists() else []
