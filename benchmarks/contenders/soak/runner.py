"""Runs a contender of the soak: several rounds, then the checks for leftovers.

All rounds refresh the same resources, as a nightly job does. What a client
remembers of a resource is complete after the first round, so memory that still
grows in the second half is a leak.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec

from benchmarks.contenders.measurement import resident
from benchmarks.contenders.soak.memory import Memory, MemorySampler, open_files, tasks_left
from benchmarks.contenders.soak.outcomes import (
    OutcomeCounts,
    RoundOutcomes,
    connections_left,
    platform_state,
)

ROUND_TIMEOUT = 240.0
"""Seconds after which a refresh without an outcome counts as unresolved."""

REQUEST_TIMEOUT = 1.0
"""Seconds; a stalled request costs every client as much."""

ATTEMPTS = 10
"""Requests for one call that a client retries; the default of three is too few here."""

LONGEST_BACKOFF = 2.0
"""Seconds between two attempts; faults are independent, so waiting longer does not help."""

Refresh = Callable[[Sequence[int], RoundOutcomes], Awaitable[None]]
"""Refreshes each of the resources once, all at the same time, and reports the outcomes."""

Contender = Callable[[int], AbstractAsyncContextManager[Refresh]]
"""Opens a client of the server on this port; leaving the context closes it."""


class SoakResult(msgspec.Struct):
    """The result of a run.

    Attributes:
        outcomes: Of all refreshes.
        rounds: Memory, round by round.
        files_left: Files and sockets left open.
        connections_left: Connections that are open at the platform.
        tasks_left: Tasks left in the loop.
        peak: Resident bytes at the peak.
        wall: Seconds.
        cpu: Seconds.
    """

    outcomes: OutcomeCounts
    rounds: list[Memory]
    files_left: int
    connections_left: int
    tasks_left: int
    peak: float
    wall: float
    cpu: float


def main(contender: Contender) -> None:
    """Run with port, rounds and resources from the command line; print the result as JSON."""
    port, rounds, resources = map(int, sys.argv[1:4])
    print(msgspec.json.encode(asyncio.run(_soak(contender, port, rounds, resources))).decode())


async def _soak(contender: Contender, port: int, rounds: int, resources: int) -> SoakResult:
    files, wall, cpu = open_files(), time.monotonic(), time.process_time()
    counts = OutcomeCounts()
    async with contender(port) as refresh:
        memory = [await _round(refresh, counts, port, resources) for _ in range(rounds)]
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return SoakResult(
        outcomes=counts,
        rounds=memory,
        tasks_left=await tasks_left(),
        files_left=open_files() - files,
        connections_left=await connections_left(port),
        peak=resident("VmHWM"),
        wall=wall,
        cpu=cpu,
    )


async def _round(refresh: Refresh, counts: OutcomeCounts, port: int, resources: int) -> Memory:
    sampler = MemorySampler()
    resource_ids = range(1, resources + 1)
    outcomes = RoundOutcomes(counts, resource_ids)
    try:
        async with asyncio.timeout(ROUND_TIMEOUT):
            await refresh(resource_ids, outcomes)
    except TimeoutError:
        print("a round timed out", file=sys.stderr)
    outcomes.end(platform_state(port).starts)
    return await sampler.stop()
