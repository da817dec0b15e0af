"""Sends starts over kept connections for some seconds: prints how they ended.

``python -m benchmarks.contenders.starts URL SECONDS KEEPALIVE LOW HIGH [NGINX]``. Each
client has one connection and pauses for ``LOW`` to ``HIGH`` seconds between
two starts. With the process id of an nginx, that is reloaded meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter

from altcraft_async import AltcraftClient, TransportError
from benchmarks.contenders.end_to_end.runner import ssl_context
from benchmarks.contenders.measurement import TOKEN

CLIENTS = 16

RELOADS = 20


async def send(  # noqa: PLR0913, PLR0917 -- the command line
    url: str, seconds: float, keepalive: float, low: float, high: float, nginx: int = 0
) -> None:
    """Send starts with all clients."""
    outcomes = Counter({"confirmed": 0, "ambiguous": 0, "not sent": 0})
    until = time.monotonic() + seconds

    async def stream(number: int) -> None:
        resource_id = number
        async with AltcraftClient(
            url,
            TOKEN,
            start_keepalive=keepalive,
            outage_patience=0,
            ssl_context=ssl_context(url),
        ) as client:
            while time.monotonic() < until:
                resource_id += CLIENTS
                try:
                    await client.resources.refresh_counters(resource_id, database_id=1)
                except TransportError as error:
                    outcomes["ambiguous" if error.maybe_delivered else "not sent"] += 1
                else:
                    outcomes["confirmed"] += 1
                await asyncio.sleep(random.uniform(low, high))  # noqa: S311 -- any moment will do

    async def reload() -> None:
        for _ in range(RELOADS if nginx else 0):
            await asyncio.sleep(seconds / (RELOADS + 1))
            os.kill(nginx, signal.SIGHUP)

    await asyncio.gather(reload(), *map(stream, range(1, CLIENTS + 1)))
    print(json.dumps(outcomes))


if __name__ == "__main__":
    address, *numbers = sys.argv[1:]
    length, kept, shortest, longest = map(float, numbers[:4])
    asyncio.run(send(address, length, kept, shortest, longest, *map(int, numbers[4:])))
