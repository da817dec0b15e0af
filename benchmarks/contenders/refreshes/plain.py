"""aiohttp, json and tenacity around each request, as one would write it: for rivals to build on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import tenacity

from benchmarks.contenders.measuring import AT_ONCE, body_of, url_of
from benchmarks.contenders.refreshes.timing import Report, start_body

Wait = Callable[["Api", str], Awaitable[object]]
"""Waits for a task and returns its result."""


class Api:
    """The two methods that are needed."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        """Speak to the server on this port."""
        self._session = session
        self._root = f"{url_of(port)}/api/v1.1"

    async def start(self, resource_id: int) -> str:
        """Start a refresh and return the task id."""
        data = await self._post("resources/refresh_counters", start_body(resource_id))
        return str(data["task_id"])

    async def status(self, task_id: str) -> dict[str, Any]:
        """Poll at a task once."""
        return await self._post("tasks/status", body_of(task_id))

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
        stop=tenacity.stop_after_attempt(5),
        wait=tenacity.wait_exponential(max=20),
        reraise=True,
    )
    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(f"{self._root}/{path}", json=body) as response:
            response.raise_for_status()
            answer = await response.json()
        if answer["error"]:
            raise RuntimeError(answer["error_text"])
        data: dict[str, Any] = answer["data"]
        return data


@asynccontextmanager
async def open_api(port: int) -> AsyncGenerator[Api, None]:
    """Open a session with as many connections as the other contenders have."""
    connector = aiohttp.TCPConnector(limit=2 * AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Api(session, port)


async def refresh_each(port: int, refreshes: int, report: Report, wait: Wait) -> None:
    """Refresh everything at once, in a Task each."""
    async with open_api(port) as api:

        async def refresh(number: int) -> None:
            task_id = await api.start(number)
            assert await wait(api, task_id)
            report(task_id)

        async with asyncio.TaskGroup() as group:
            for number in range(1, refreshes + 1):
                group.create_task(refresh(number))
