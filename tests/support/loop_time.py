"""The time of the running loop, which looptime moves."""

from __future__ import annotations

import asyncio

from looptime import LoopTimeEventLoop, new_event_loop

__all__ = ["NOOP_CYCLES", "jumping_loop", "now"]

NOOP_CYCLES = 4
"""How often a loop runs without work before its time jumps: once would do for sockets of this
machine, whose data has arrived when it is sent. By itself, looptime takes 42."""


def jumping_loop() -> LoopTimeEventLoop:
    """Return a new loop whose time begins at zero and jumps."""
    return new_event_loop(start=0.0, noop_cycles=NOOP_CYCLES)


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()
