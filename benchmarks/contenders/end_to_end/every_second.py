"""aiohttp, tenacity and json, polling every second."""

from __future__ import annotations

from benchmarks.contenders.aiohttp_api import AiohttpApi
from benchmarks.contenders.end_to_end.runner import main_task_each


async def result_of(api: AiohttpApi, task_id: str) -> object:
    """Poll every second."""
    return await api.result(task_id, first_delay=1.0, longest_delay=1.0)


if __name__ == "__main__":
    main_task_each(result_of)
