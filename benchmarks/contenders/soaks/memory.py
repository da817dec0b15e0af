"""What a process holds: memory over time, files, and tasks of its loop."""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path

import msgspec

from benchmarks.contenders.measuring import resident

PERIOD = 0.1  # seconds between two samples


class Memory(msgspec.Struct):
    """Of one round.

    Attributes:
        most: Resident bytes at most, of all samples.
        left: Resident bytes when everything was over, and
        blocks: memory blocks that Python had handed out then.
    """

    most: float
    left: float
    blocks: int


class Sampler:
    """Samples the memory of one round."""

    def __init__(self) -> None:
        """Begin now."""
        self._most = 0.0
        self._task = asyncio.create_task(self._sample())

    async def end(self) -> Memory:
        """Stop; return what there was, and what is left once the garbage is gone."""
        self._task.cancel()
        await asyncio.wait([self._task])
        gc.collect()
        return Memory(most=self._most, left=resident("VmRSS"), blocks=sys.getallocatedblocks())

    async def _sample(self) -> None:
        while True:
            self._most = max(self._most, resident("VmRSS"))
            await asyncio.sleep(PERIOD)


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def tasks_left() -> int:
    """Return how many tasks there are beyond the one that asks."""
    for _ in range(5):  # what was cancelled ends in the loop's next turns
        await asyncio.sleep(0)
    return len(asyncio.all_tasks()) - 1
