"""azure-core: an `AsyncLROPoller` per refresh, with a polling method over aiohttp.

azure-core polls in fixed intervals, by default of 30 s, which nobody would
leave for tasks of two seconds: here it is those two.
"""

from __future__ import annotations

import asyncio
from typing import Any

from azure.core.polling import AsyncLROPoller, AsyncPollingMethod

from benchmarks.contenders.refreshes.plain import Api, refresh_each
from benchmarks.contenders.refreshes.timing import Report, main

INTERVAL = 2.0  # seconds


class Polling(AsyncPollingMethod[object]):
    """Polls at a task through the plain API."""

    def initialize(self, client: Any, initial_response: Any, deserialization_callback: Any) -> None:  # noqa: ANN401 -- as azure-core declares it
        """Remember what to poll, and how."""
        self._api: Api = client
        self._task_id: str = initial_response
        self._deserialize = deserialization_callback
        self._data: dict[str, Any] = {}

    async def run(self) -> None:
        """Poll in fixed intervals."""
        while not self.finished():
            await asyncio.sleep(INTERVAL)
            self._data = await self._api.status(self._task_id)

    def status(self) -> str:
        """Return the newest status."""
        return str(self._data.get("status", "running"))

    def finished(self) -> bool:
        """Say whether the task is over."""
        return self.status() == "completed"

    def resource(self) -> object:
        """Return the result."""
        return self._deserialize(self._data["result"])


async def wait(api: Api, task_id: str) -> object:
    """Await a poller."""
    return await AsyncLROPoller(api, task_id, lambda result: result, Polling())


async def refresh(port: int, refreshes: int, report: Report) -> None:
    """Refresh everything."""
    await refresh_each(port, refreshes, report, wait)


if __name__ == "__main__":
    main(refresh)
