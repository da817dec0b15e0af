"""azure-core: an `AsyncLROPoller` per refresh, with a polling method over aiohttp.

azure-core polls at a fixed interval, by default every 30 s, which is too long
for tasks of two seconds; here it polls every 2 s.
"""

from __future__ import annotations

import asyncio
from typing import Any

from azure.core.polling import AsyncLROPoller, AsyncPollingMethod

from benchmarks.contenders.aiohttp_api import AiohttpApi
from benchmarks.contenders.end_to_end.runner import main_task_each

INTERVAL = 2.0  # seconds


class Polling(AsyncPollingMethod[object]):
    """Polls a task."""

    def initialize(self, client: Any, initial_response: Any, deserialization_callback: Any) -> None:  # noqa: ANN401 -- as azure-core declares it
        """Take the API, the task id and the decoder."""
        self._api: AiohttpApi = client
        self._task_id: str = initial_response
        self._deserialize = deserialization_callback
        self._data: dict[str, Any] = {}

    async def run(self) -> None:
        """Poll at a fixed interval."""
        while not self.finished():
            await asyncio.sleep(INTERVAL)
            self._data = await self._api.status(self._task_id)

    def status(self) -> str:
        """Return the newest status."""
        return str(self._data.get("status", "running"))

    def finished(self) -> bool:
        """Tell whether the task has completed."""
        return self.status() == "completed"

    def resource(self) -> object:
        """Return the result."""
        return self._deserialize(self._data["result"])


async def result_of(api: AiohttpApi, task_id: str) -> object:
    """Await a poller."""
    return await AsyncLROPoller(api, task_id, lambda result: result, Polling())


if __name__ == "__main__":
    main_task_each(result_of)
