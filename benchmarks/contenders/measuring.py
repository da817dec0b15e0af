"""What contenders share: counting what they do, and the CPU time that it takes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

AT_ONCE = 32
"""Requests at once, for every contender: where more of them begin to make each dearer is at 64."""

REFRESHES = 1024
"""Tasks that are polled; enough that there is always one due."""

PAUSE = 0.05
"""Seconds between two polls one task: the shortest that the library allows."""

TOKEN = "a-token-of-the-usual-length-0123"


def url_of(port: int) -> str:
    """Return the base URL of a server on this machine."""
    return f"http://127.0.0.1:{port}"


def body_of(task_id: str) -> dict[str, str]:
    """Return the parameters of a poll."""
    return {"token": TOKEN, "task_id": task_id}


def task_ids() -> list[str]:
    """Return the ids of the tasks that are polled."""
    return [f"c9c3ec48-1bef-4969-9c1a-{number:012d}" for number in range(REFRESHES)]


def resident(which: str) -> float:
    """Return bytes: ``VmRSS`` now, ``VmHWM`` the most there were, not counting parents."""
    status = Path("/proc/self/status").read_text()
    return 1024 * float(status.partition(f"{which}:")[2].split()[0])


class Meter:
    """Counts polls."""

    def __init__(self) -> None:
        """Begin at none."""
        self.polls = 0

    def count(self) -> int:
        """Return the polls made so far."""
        return self.polls


async def print_slices(count: Callable[[], int], figure: str, *, units: int) -> None:
    """Print the CPU time of this process for each of so many units, again and again.

    The first line comes after as many units for warming up.
    """
    while True:
        began, cpu = count(), time.process_time()
        while count() < began + units:  # noqa: ASYNC110 -- polling costs less than being told
            await asyncio.sleep(0.01)
        each = (time.process_time() - cpu) / (count() - began)
        print(json.dumps({figure: each * 1e6}), flush=True)
