"""This library's handles: each started and awaited in a Task of its own, with `gather`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from altcraft_async import AltcraftClient
from benchmarks.contenders.end_to_end.runner import Refresh, main, ssl_context, task_each
from benchmarks.contenders.measurement import TOKEN


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Refresh, None]:
    """Refresh each resource by a handle."""
    async with AltcraftClient(url, TOKEN, ssl_context=ssl_context(url)) as client:

        async def refresh(resource_id: int) -> str:
            handle = await client.resources.refresh_counters(resource_id, database_id=1)
            await handle
            return handle.ref.task_id

        yield task_each(refresh)


if __name__ == "__main__":
    main(opened)
