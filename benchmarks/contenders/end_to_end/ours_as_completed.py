"""This library's handles: started in batches, awaited with `as_completed`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from altcraft_async import AltcraftClient, as_completed
from benchmarks.contenders.end_to_end.runner import Refresh, Report, main, ssl_context
from benchmarks.contenders.measurement import CONCURRENCY, TOKEN


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Refresh, None]:
    """Start and await all batches at once."""
    async with AltcraftClient(url, TOKEN, ssl_context=ssl_context(url)) as client:

        async def batch(resource_ids: Iterable[int], report: Report) -> None:
            starts = (
                client.resources.refresh_counters(resource_id, database_id=1)
                for resource_id in resource_ids
            )
            async for handle in as_completed(await asyncio.gather(*starts)):
                await handle
                report(handle.ref.task_id)

        async def refresh(resource_ids: Iterable[int], report: Report) -> None:
            ids = list(resource_ids)
            batches = [ids[at : at + CONCURRENCY] for at in range(0, len(ids), CONCURRENCY)]
            await asyncio.gather(*(batch(one, report) for one in batches))

        yield refresh


if __name__ == "__main__":
    main(opened)
