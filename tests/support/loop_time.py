"""The time of the running loop, which looptime moves."""

from __future__ import annotations

import asyncio

NOOP_CYCLES = 8
"""How often a loop runs without work before its time jumps: once would do for sockets of this
machine, whose data has arrived when it is sent."""


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()
