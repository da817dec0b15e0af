"""Work that ends when the browser disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["cancel", "while_connected"]

T = TypeVar("T")


async def while_connected(
    work: Coroutine[Any, Any, T],
    disconnected: Coroutine[Any, Any, object],
    *,
    limit: float | None = None,
) -> T | None:
    """Return the result, or ``None`` on disconnect or after ``limit`` seconds.

    Unfinished work is cancelled and has ended when this returns.
    """
    tasks = asyncio.ensure_future(work), asyncio.ensure_future(disconnected)
    try:
        await asyncio.wait(tasks, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].result() if tasks[0].done() else None
    finally:
        await cancel(*tasks)


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for their ends; errors are dropped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
