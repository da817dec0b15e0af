"""What the contenders of the end-to-end benchmark share: the work, and how it is measured."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

from benchmarks.contenders.measuring import TOKEN, resident

TICK = 0.005
"""Seconds between two polls how late the loop is."""

Report = Callable[[str], None]
"""Is to be called with the task id as soon as its result is in the caller's hands."""

Contender = Callable[[int, int, Report], Awaitable[None]]
"""Refreshes so many resources at the server on this port, all at once."""


class Arrivals:
    """How late results came, told by the ids, which say when the tasks ended."""

    def __init__(self) -> None:
        """Begin at none."""
        self._lags: list[float] = []

    def report(self, task_id: str) -> None:
        """Take note of a result."""
        ended = int(task_id.rpartition("-")[2]) / 1e6
        self._lags.append(time.monotonic() - ended)

    def figures(self, expected: int) -> dict[str, float]:
        """Return mean and percentiles; all results have to be there."""
        assert len(self._lags) == expected
        lags = sorted(self._lags)
        return {
            "mean lag ms": 1e3 * sum(lags) / expected,
            "p95 lag ms": 1e3 * lags[int(expected * 0.95)],
            "p99 lag ms": 1e3 * lags[int(expected * 0.99)],
        }


def start_body(resource_id: int) -> dict[str, object]:
    """Return the parameters of a start."""
    return {"token": TOKEN, "id": resource_id, "list_id": 1}


def main(contender: Contender) -> None:
    """Run a contender with the port and the number of refreshes from the command line."""
    port, refreshes = map(int, sys.argv[1:])
    print(json.dumps(asyncio.run(_measured(contender, port, refreshes))))


async def _measured(contender: Contender, port: int, refreshes: int) -> dict[str, float]:
    arrivals = Arrivals()
    cpu, memory = time.process_time(), resident("VmRSS")
    ticker = asyncio.create_task(_longest_stop())
    await contender(port, refreshes, arrivals.report)
    cpu = time.process_time() - cpu
    ticker.cancel()
    (stop,) = await asyncio.gather(ticker)
    return {
        **arrivals.figures(refreshes),
        "client CPU s": cpu,
        "RSS above import MB": (resident("VmHWM") - memory) / 2**20,
        "longest loop stop ms": 1e3 * stop,
    }


async def _longest_stop() -> float:
    """Return the longest time for which the loop did not turn, until cancelled."""
    longest, last = 0.0, time.monotonic()
    try:
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            longest, last = max(longest, now - last - TICK), now
    except asyncio.CancelledError:
        return longest
