"""One contender of the format comparison: prints the CPU time of a refresh, slice by slice.

``python -m benchmarks.contenders.formats json|xml PORT``. A refresh is a start
and three polls.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator
from typing import Literal, cast

from altcraft_async import AltcraftClient, Completed
from benchmarks.contenders.measurement import CONCURRENCY, TOKEN, url_of
from benchmarks.servers.bodies import DATABASE
from benchmarks.servers.platforms import POLLS_PER_REFRESH

REFRESHES = 100
"""In a slice."""


async def endless_targets() -> AsyncGenerator[tuple[int, int], None]:
    """Yield targets without end."""
    number = 0
    while True:
        number += 1
        yield number, DATABASE


async def refresh(wire_format: Literal["json", "xml"], port: int) -> None:
    """Refresh without end and print the cost."""
    async with AltcraftClient(
        url_of(port), TOKEN, format=wire_format, poll=lambda _state: 0.0, connections=CONCURRENCY
    ) as client:
        targets, in_flight = endless_targets(), 2 * CONCURRENCY
        done, cpu = 0, time.process_time()
        async for outcome in client.resources.refresh_many(targets, in_flight=in_flight):
            assert isinstance(outcome, Completed)
            assert outcome.polls == POLLS_PER_REFRESH
            done += 1
            if done == REFRESHES:
                each = (time.process_time() - cpu) / done
                print(json.dumps({"CPU µs per refresh": each * 1e6}), flush=True)
                done, cpu = 0, time.process_time()


if __name__ == "__main__":
    asyncio.run(refresh(cast("Literal['json', 'xml']", sys.argv[1]), int(sys.argv[2])))
