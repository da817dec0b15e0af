"""The platform's methods as a program would write them with aiohttp, json and tenacity."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import tenacity

from benchmarks.contenders.measurement import TOKEN, poll_body
from benchmarks.servers.bodies import DATABASE


class AiohttpApi:
    """Starts and polls refreshes."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, retry: tenacity.AsyncRetrying
    ) -> None:
        """Send requests to the server at this address."""
        self._session = session
        self._root = f"{url}/api/v1.1"
        self._post: Callable[[str, object], Awaitable[dict[str, Any]]] = retry.wraps(self._send)

    async def start(self, resource_id: int) -> str:
        """Start a refresh and return the task id."""
        body = {"token": TOKEN, "id": resource_id, "list_id": DATABASE}
        data = await self._post("resources/refresh_counters", body)
        return str(data["task_id"])

    async def status(self, task_id: str) -> dict[str, Any]:
        """Poll a task once."""
        return await self._post("tasks/status", poll_body(task_id))

    async def result(self, task_id: str, *, first_delay: float, longest_delay: float) -> Any:  # noqa: ANN401 -- JSON
        """Poll a task after doubling delays until it completes; return its result."""
        delay = first_delay
        while True:
            await asyncio.sleep(delay)
            data = await self.status(task_id)
            if data["status"] == "completed":
                return data["result"]
            delay = min(longest_delay, 2 * delay)

    async def _send(self, path: str, body: object) -> dict[str, Any]:
        async with self._session.post(f"{self._root}/{path}", json=body) as response:
            response.raise_for_status()
            answer = await response.json()
        if answer["error"]:
            raise RuntimeError(answer["error_text"])
        data: dict[str, Any] = answer["data"]
        return data
