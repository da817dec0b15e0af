"""aiohttp, tenacity and json in a Task each that polls every second."""

from __future__ import annotations

import asyncio

from benchmarks.contenders.refreshes.plain import Api, refresh_each
from benchmarks.contenders.refreshes.timing import Report, main


async def wait(api: Api, task_id: str) -> object:
    """Poll every second."""
    while True:
        await asyncio.sleep(1)
        data = await api.status(task_id)
        if data["status"] == "completed":
            return data["result"]


async def refresh(port: int, refreshes: int, report: Report) -> None:
    """Refresh everything."""
    await refresh_each(port, refreshes, report, wait)


if __name__ == "__main__":
    main(refresh)
