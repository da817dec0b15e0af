"""This library's handles: started one by one, awaited with `as_completed`."""

from __future__ import annotations

import asyncio

from altcraft_async import AltcraftClient, as_completed
from benchmarks.contenders.measuring import AT_ONCE, TOKEN, url_of
from benchmarks.contenders.refreshes.timing import Report, main


async def refresh(port: int, refreshes: int, report: Report) -> None:
    """Start a batch at once, wait for it aside, go on with the next."""
    async with AltcraftClient(url_of(port), TOKEN) as client:

        async def wait(first: int) -> None:
            starts = (
                client.resources.refresh_counters(number, database_id=1)
                for number in range(first, min(first + AT_ONCE, refreshes + 1))
            )
            async for handle in as_completed(await asyncio.gather(*starts)):
                await handle
                report(handle.ref.task_id)

        async with asyncio.TaskGroup() as group:
            for first in range(1, refreshes + 1, AT_ONCE):
                group.create_task(wait(first))


if __name__ == "__main__":
    main(refresh)
