"""The time of the running loop, which looptime moves."""

from __future__ import annotations

import asyncio


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()
