"""Event loops that stand still, as on a suspended machine or in a handler that blocks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["stand_still"]


async def stand_still(seconds: float, *, once: Callable[[], bool]) -> None:
    """Block the running loop for so long, as soon as a condition holds."""
    async with asyncio.timeout(30):
        while not once():  # noqa: ASYNC110 -- it comes true in another thread
            await asyncio.sleep(0)
    time.sleep(seconds)  # noqa: ASYNC251 -- the loop has to stand still
