"""How a contender of the soak is run and polled: rounds of the same resources, then the end.

The rounds refresh the same resources, as a nightly job does, so that what a
client remembers of a resource is remembered after the first of them and
memory that still grows in the second half is memory lost.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec

from benchmarks.contenders.measuring import resident
from benchmarks.contenders.soaks.memory import Memory, Sampler, open_files, tasks_left
from benchmarks.contenders.soaks.tally import Round, Tally, ask, connections_left

PATIENCE = 240.0
"""Seconds for a round, after which what has not come out counts as unresolved."""

REQUEST_TIMEOUT = 1.0
"""Seconds; a stall costs each client as much."""

ATTEMPTS = 10
"""Requests for one call, where a client repeats it: three do not get far in such a network."""

LONGEST_BACKOFF = 2.0
"""Seconds between two of them: it is no outage that has to pass."""

Refresh = Callable[[Sequence[int], Round], Awaitable[None]]
"""Refreshes each of the resources once, all at the same time, and reports the outcomes."""

Contender = Callable[[int], AbstractAsyncContextManager[Refresh]]
"""Opens a client of the server on this port; leaving the context closes it."""


class Soaked(msgspec.Struct):
    """What a run came to.

    Attributes:
        tally: What became of the refreshes.
        rounds: Memory, round by round.
        files_left: Open files and sockets beyond those from before.
        connections_left: Open connections that the platform sees.
        tasks_left: Tasks in the loop.
        peak: Resident bytes at most.
        wall: Seconds.
        cpu: Seconds.
    """

    tally: Tally
    rounds: list[Memory]
    files_left: int
    connections_left: int
    tasks_left: int
    peak: float
    wall: float
    cpu: float


def main(contender: Contender) -> None:
    """Run with port, number of rounds and of resources from the command line; print what came."""
    port, rounds, resources = map(int, sys.argv[1:4])
    print(msgspec.json.encode(asyncio.run(_soak(contender, port, rounds, resources))).decode())


async def _soak(contender: Contender, port: int, rounds: int, resources: int) -> Soaked:
    files, wall, cpu = open_files(), time.monotonic(), time.process_time()
    tally = Tally()
    async with contender(port) as refresh:
        memory = [await _round(refresh, tally, port, resources) for _ in range(rounds)]
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return Soaked(
        tally=tally,
        rounds=memory,
        tasks_left=await tasks_left(),
        files_left=open_files() - files,
        connections_left=await connections_left(port),
        peak=resident("VmHWM"),
        wall=wall,
        cpu=cpu,
    )


async def _round(refresh: Refresh, tally: Tally, port: int, resources: int) -> Memory:
    sampler = Sampler()
    numbers = range(1, resources + 1)
    outcomes = Round(tally, numbers)
    try:
        async with asyncio.timeout(PATIENCE):
            await refresh(numbers, outcomes)
    except TimeoutError:
        print("a round did not end in time", file=sys.stderr)
    outcomes.end(ask(port).starts)
    return await sampler.end()
