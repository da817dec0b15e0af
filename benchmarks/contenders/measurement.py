"""What the contenders share: common settings, CPU time, memory and loop lateness."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

CONCURRENCY = 32
"""Concurrent requests of every contender; from 64 on, each request costs more CPU time."""

TASKS = 1024
"""Polled tasks; enough that one is always due."""

POLL_INTERVAL = 0.05
"""Seconds between two polls of a task: the shortest that the library allows."""

TOKEN = "a-token-of-the-usual-length-0123"

TICK = 0.005
"""Seconds between two measurements of loop lateness."""


def url_of(port: int) -> str:
    """Return the base URL of a server on this machine."""
    return f"http://127.0.0.1:{port}"


def poll_body(task_id: str) -> dict[str, str]:
    """Return the parameters of a poll."""
    return {"token": TOKEN, "task_id": task_id}


def task_ids() -> list[str]:
    """Return the ids of the polled tasks."""
    return [f"c9c3ec48-1bef-4969-9c1a-{number:012d}" for number in range(TASKS)]


def resident(field: str = "VmRSS") -> float:
    """Return resident bytes: ``VmRSS`` now, ``VmHWM`` at the peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * float(status.partition(f"{field}:")[2].split()[0])


class LoopTicker:
    """Measures how late the loop wakes a sleeping task, every `TICK`.

    Attributes:
        longest_stop: Milliseconds for which the loop did something else at a
            stretch, in CPU time, so that another program's turns do not count.
    """

    def __init__(self) -> None:
        """Begin now."""
        self.longest_stop = 0.0
        self._lateness: list[float] = []
        self._task = asyncio.create_task(self._tick())

    async def stop(self) -> list[float]:
        """Stop, and return all measurements in milliseconds, sorted."""
        await asyncio.sleep(2 * TICK)
        self._task.cancel()
        return sorted(1e3 * seconds for seconds in self._lateness)

    async def _tick(self) -> None:
        while True:
            began, cpu = time.monotonic(), time.thread_time()
            await asyncio.sleep(TICK)
            late, worked = time.monotonic() - began - TICK, time.thread_time() - cpu
            self._lateness.append(late)
            self.longest_stop = max(self.longest_stop, 1e3 * min(late, worked))


async def print_slices(count: Callable[[], int], name: str, *, units: int) -> None:
    """Print the CPU time per unit of work of this process forever, in slices of so many units.

    The first slice is the warm-up.
    """
    while True:
        began, cpu = count(), time.process_time()
        while count() < began + units:  # noqa: ASYNC110 -- polling is cheaper than a notification
            await asyncio.sleep(0.01)
        each = (time.process_time() - cpu) / (count() - began)
        print(json.dumps({name: each * 1e6}), flush=True)
