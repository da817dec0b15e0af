"""What one would write at first: aiohttp, a Task each, and tenacity that repeats on any error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import tenacity

from benchmarks.contenders.measuring import AT_ONCE, TOKEN, body_of, url_of
from benchmarks.contenders.soaks.soaking import (
    ATTEMPTS,
    LONGEST_BACKOFF,
    REQUEST_TIMEOUT,
    Refresh,
    main,
)
from benchmarks.contenders.soaks.tally import Round
from benchmarks.serving.bodies import DATABASE, FIGURES

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between two polls


class Api:
    """The two methods that are needed."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        """Speak to the server on this port."""
        self._session = session
        self._root = f"{url_of(port)}/api/v1.1"

    async def refresh(self, resource_id: int, outcomes: Round) -> None:
        """Start, and look after ever longer pauses."""
        try:
            start = {"token": TOKEN, "id": resource_id, "list_id": DATABASE}
            started = await self._post("resources/refresh_counters", start)
            task_id = str(started["task_id"])
            result = await self._wait(task_id)
        except Exception as error:  # noqa: BLE001 -- of any of three libraries
            outcomes.failed(resource_id, type(error).__name__, started=None)
        else:
            outcomes.completed(resource_id, task_id, result)

    async def _wait(self, task_id: str) -> dict[str, list[object]]:
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            data = await self._post("tasks/status", body_of(task_id))
            if data["status"] == "completed":
                channels = data["result"][0]["channels"]
                return {
                    one["channel"]: [one["status"][name] for name in FIGURES] for one in channels
                }
            pause = min(LONGEST_PAUSE, 2 * pause)

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.25, max=LONGEST_BACKOFF),
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
async def opened(port: int) -> AsyncGenerator[Refresh, None]:
    """Open a session with as many connections as the other contender has."""
    # The time for a whole request would count the queue for a connection too.
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=REQUEST_TIMEOUT, sock_read=REQUEST_TIMEOUT
    )
    connector = aiohttp.TCPConnector(limit=4 * AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        api = Api(session, port)

        async def refresh(resources: Sequence[int], outcomes: Round) -> None:
            async with asyncio.TaskGroup() as group:
                for resource_id in resources:
                    group.create_task(api.refresh(resource_id, outcomes))

        yield refresh


if __name__ == "__main__":
    main(opened)
