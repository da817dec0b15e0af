"""This library's `refresh_many`."""

from __future__ import annotations

from altcraft_async import AltcraftClient, Completed
from benchmarks.contenders.end_to_end.runner import Report, main
from benchmarks.contenders.measurement import TOKEN, url_of


async def refresh(port: int, refreshes: int, report: Report) -> None:
    """Refresh all resources in one stream."""
    targets = ((resource_id, 1) for resource_id in range(1, refreshes + 1))
    async with AltcraftClient(url_of(port), TOKEN) as client:
        async for outcome in client.resources.refresh_many(targets, in_flight=refreshes):
            assert isinstance(outcome, Completed)
            report(outcome.ref.task_id)


if __name__ == "__main__":
    main(refresh)
