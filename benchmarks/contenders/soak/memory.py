"""What a process holds: memory over time, open files, and tasks of its loop."""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path

import msgspec

from benchmarks.contenders.measurement import resident

PERIOD = 0.1  # seconds between two samples


class Memory(msgspec.Struct):
    """The memory of one round.

    Attributes:
        peak: Highest sample of resident bytes.
        idle: Resident bytes after the round.
        blocks: Memory blocks allocated by Python after the round.
    """

    peak: float
    idle: float
    blocks: int


class MemorySampler:
    """Samples the memory of one round."""

    def __init__(self) -> None:
        """Begin now."""
        self._peak = 0.0
        self._task = asyncio.create_task(self._sample())

    async def stop(self) -> Memory:
        """Stop, collect garbage and return the memory."""
        self._task.cancel()
        await asyncio.wait([self._task])
        gc.collect()
        return Memory(peak=self._peak, idle=resident(), blocks=sys.getallocatedblocks())

    async def _sample(self) -> None:
        while True:
            self._peak = max(self._peak, resident())
            await asyncio.sleep(PERIOD)


def open_files() -> int:
    """Return the number of files and sockets that this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def tasks_left() -> int:
    """Return the number of tasks besides the calling one."""
    for _ in range(5):  # cancelled tasks need some iterations of the loop to end
        await asyncio.sleep(0)
    return len(asyncio.all_tasks()) - 1
