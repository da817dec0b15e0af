"""This library's `refresh_many`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from altcraft_async import AltcraftClient, Completed
from benchmarks.contenders.end_to_end.runner import Refresh, Report, main, ssl_context
from benchmarks.contenders.measurement import TOKEN


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Refresh, None]:
    """Refresh all resources in one stream."""
    async with AltcraftClient(url, TOKEN, ssl_context=ssl_context(url)) as client:

        async def refresh(resource_ids: Iterable[int], report: Report) -> None:
            targets = [(resource_id, 1) for resource_id in resource_ids]
            async for outcome in client.resources.refresh_many(targets, in_flight=len(targets)):
                assert isinstance(outcome, Completed)
                report(outcome.ref.task_id)

        yield refresh


if __name__ == "__main__":
    main(opened)
