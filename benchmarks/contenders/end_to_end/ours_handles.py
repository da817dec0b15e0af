"""This library's handles: started in batches, awaited with `as_completed`."""

from __future__ import annotations

import asyncio

from altcraft_async import AltcraftClient, as_completed
from benchmarks.contenders.end_to_end.runner import Report, main
from benchmarks.contenders.measurement import CONCURRENCY, TOKEN, url_of


async def refresh(port: int, refreshes: int, report: Report) -> None:
    """Start and await all batches at once."""
    async with AltcraftClient(url_of(port), TOKEN) as client:

        async def wait(first: int) -> None:
            starts = (
                client.resources.refresh_counters(resource_id, database_id=1)
                for resource_id in range(first, min(first + CONCURRENCY, refreshes + 1))
            )
            async for handle in as_completed(await asyncio.gather(*starts)):
                await handle
                report(handle.ref.task_id)

        async with asyncio.TaskGroup() as group:
            for first in range(1, refreshes + 1, CONCURRENCY):
                group.create_task(wait(first))


if __name__ == "__main__":
    main(refresh)
