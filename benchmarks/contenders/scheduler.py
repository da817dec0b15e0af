"""One workload of the scheduler benchmark: prints its measurements as JSON.

``python -m benchmarks.contenders.scheduler WORKLOAD SECONDS``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time

from benchmarks.contenders.measurement import TICK, LoopTicker, resident
from benchmarks.contenders.workloads import HANDLES, WORKLOADS, End, Polls, attached

TIMEOUT = 120.0  # seconds for `POLLS_EACH` polls of every handle

POLLS_EACH = 3
"""Polls of each handle before its memory is measured."""


async def measure_polled(name: str) -> dict[str, float]:
    """Return the memory of each handle after a few polls."""
    polls = Polls()
    before = resident()
    end = await WORKLOADS[name](polls)
    async with asyncio.timeout(TIMEOUT):
        while polls.count < POLLS_EACH * HANDLES:  # noqa: ASYNC110 -- a notification costs each poll
            await asyncio.sleep(0.1)
    gc.collect()
    memory = (resident() - before) / HANDLES
    await end()
    return {"bytes": memory}


async def measure_attached() -> dict[str, float]:
    """Return the memory of each attached handle with a ref and a callback."""
    gc.collect()
    before = resident()
    client, handles = attached()
    memory = (resident() - before) / len(handles)
    await client.aclose()
    return {"bytes": memory}


async def measure(name: str, seconds: float) -> dict[str, float]:
    """Run a workload for some seconds, then end it."""
    polls = Polls()
    gc.collect()
    gc.disable()
    before = resident()
    ticker = LoopTicker()
    end = await WORKLOADS[name](polls)
    await ticker.stop()
    memory = (resident() - before) / HANDLES
    gc.collect()
    gc.freeze()  # as a program with 100,000 live objects would do
    gc.enable()
    await asyncio.sleep(0.5)
    began, cpu = polls.count, time.process_time()
    await asyncio.sleep(seconds)
    cpu, made = time.process_time() - cpu, polls.count - began
    running = LoopTicker()  # only now, because it wakes the loop more often than the polls
    await asyncio.sleep(seconds / 2)
    lateness = await running.stop()
    return {
        "CPU µs per poll": cpu / made * 1e6,
        "bytes": memory,
        "loop lateness p99 ms": lateness[int(len(lateness) * 0.99)],
        "longest loop stall at the start, ms": ticker.longest_stop,
        "longest loop stall while running, ms": running.longest_stop,
        "longest loop stall at the end, ms": await longest_stall(end),
        "polls per second": made / seconds,
    }


async def longest_stall(end: End) -> float:
    """End a workload; return the longest loop stop meanwhile, in milliseconds."""
    ticker = LoopTicker()
    await asyncio.sleep(2 * TICK)
    _kept = await end()
    await ticker.stop()
    return ticker.longest_stop


if __name__ == "__main__":
    workload, length = sys.argv[1], float(sys.argv[2])
    if workload == "polled_handles":
        run = measure_polled(workload)
    elif workload == "attached":
        run = measure_attached()
    else:
        run = measure(workload, length)
    print(json.dumps(asyncio.run(run)))
