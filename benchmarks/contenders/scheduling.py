"""One crowd of the scheduling benchmark in a process of its own: prints its figures as JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.contenders.crowds import CROWDS, HANDLES, End, Polls

SECONDS = 8.0
TICK = 0.005  # seconds between two measurements of how late the loop is

PATIENCE = 120.0  # seconds for the polls before something must be wrong

POLLS_EACH = 3
"""Polls at each handle before it is weighed again."""


class Ticker:
    """Notes how late the loop is, every `TICK`."""

    def __init__(self) -> None:
        """Begin now."""
        self._late: list[float] = []
        self._task = asyncio.create_task(self._tick())

    async def figures(self) -> dict[str, float]:
        """Stop, and return the 99th percentile and the longest stop."""
        await asyncio.sleep(2 * TICK)
        self._task.cancel()
        late = sorted(self._late)
        return {"p99": late[int(len(late) * 0.99)] * 1e3, "longest": late[-1] * 1e3}

    async def _tick(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK)
            self._late.append(time.monotonic() - began - TICK)


async def weigh(name: str) -> dict[str, float]:
    """Let every handle be polled a few times; return what each weighs then."""
    polls = Polls()
    before = resident()
    end = await CROWDS[name](polls)
    async with asyncio.timeout(PATIENCE):
        while polls.count < POLLS_EACH * HANDLES:  # noqa: ASYNC110 -- being told would cost each poll
            await asyncio.sleep(0.1)
    gc.collect()
    weight = (resident() - before) / HANDLES
    await end()
    return {"bytes": weight}


async def measure(name: str) -> dict[str, float]:
    """Let a crowd be polled for a while, then end it."""
    polls = Polls()
    gc.collect()
    before = resident()
    end = await CROWDS[name](polls)
    weight = (resident() - before) / HANDLES
    gc.collect()
    gc.freeze()  # a program with 100,000 live objects would do the same
    await asyncio.sleep(0.5)
    began, cpu = polls.count, time.process_time()
    await asyncio.sleep(SECONDS)
    cpu, made = time.process_time() - cpu, polls.count - began
    ticker = Ticker()  # after that, as it wakes the loop more often than polls do
    await asyncio.sleep(SECONDS / 2)
    lag = await ticker.figures()
    return {
        "CPU µs per poll": cpu / made * 1e6,
        "bytes": weight,
        "loop lag p99 ms": lag["p99"],
        "longest loop stop at the end ms": await longest_stop(end),
        "polls per second": made / SECONDS,
    }


async def longest_stop(end: End) -> float:
    """End a crowd; return the milliseconds for which the loop did not turn at most."""
    ticker = Ticker()
    await asyncio.sleep(2 * TICK)
    _kept = await end()
    return (await ticker.figures())["longest"]


def resident() -> int:
    """Return the resident bytes of this process."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    run = weigh if sys.argv[1] == "polled_at" else measure
    print(json.dumps(asyncio.run(run(sys.argv[1]))))
