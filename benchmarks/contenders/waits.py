"""Waits of half a minute for tasks that take longer: prints how many ended without a poll.

``python -m benchmarks.contenders.waits PORT WAITS``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

from altcraft_async import AltcraftClient, WaitTimeoutError
from benchmarks.contenders.measurement import TOKEN, url_of

TIMEOUT = 30.0


async def measure(port: int, waits: int) -> dict[str, float]:
    """Wait for all tasks at once."""
    async with AltcraftClient(url_of(port), TOKEN) as client:
        handles = [client.tasks.attach(f"{number:08d}") for number in range(waits)]

        async def wait(number: int) -> None:
            with suppress(WaitTimeoutError):
                await handles[number].wait(timeout=TIMEOUT)

        await asyncio.gather(*map(wait, range(waits)))
    polls = [handle.polls for handle in handles]
    return {"without a poll": polls.count(0), "polls": sum(polls)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*map(int, sys.argv[1:])))))
