"""aiohttp, tenacity and json in a Task each; pauses double from half a second up to 30."""

from __future__ import annotations

import asyncio

from benchmarks.contenders.refreshes.plain import Api, refresh_each
from benchmarks.contenders.refreshes.timing import Report, main


async def wait(api: Api, task_id: str) -> object:
    """Look after ever longer pauses."""
    pause = 0.5
    while True:
        await asyncio.sleep(pause)
        data = await api.status(task_id)
        if data["status"] == "completed":
            return data["result"]
        pause = min(30.0, 2 * pause)


async def refresh(port: int, refreshes: int, report: Report) -> None:
    """Refresh everything."""
    await refresh_each(port, refreshes, report, wait)


if __name__ == "__main__":
    main(refresh)
