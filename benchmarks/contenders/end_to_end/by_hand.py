"""aiohttp, tenacity and json; delays double from half a second up to 30."""

from __future__ import annotations

from benchmarks.contenders.aiohttp_api import AiohttpApi
from benchmarks.contenders.end_to_end.runner import main_task_each


async def result_of(api: AiohttpApi, task_id: str) -> object:
    """Poll after doubling delays."""
    return await api.result(task_id, first_delay=0.5, longest_delay=30.0)


if __name__ == "__main__":
    main_task_each(result_of)
