"""Many waits with a deadline on tasks that keep running: prints how many end without a poll.

``python -m benchmarks.contenders.end_to_end.ours_waits URL WAITS TIMEOUT``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress

from altcraft_async import AltcraftClient, CountersReport, TaskHandle, TaskRef, WaitTimeoutError
from benchmarks.contenders.measurement import TOKEN
from benchmarks.servers.platforms import task_id

DURATION = 3600.0  # seconds


async def wait(url: str, waits: int, timeout: float) -> None:  # noqa: ASYNC109 -- passed on
    """Wait for all tasks at once."""
    async with AltcraftClient(url, TOKEN) as client:
        now = time.monotonic()
        ids = [task_id(number, 1.0, now, now + DURATION).decode() for number in range(waits)]
        refs = [TaskRef(task_id=one, kind="resource") for one in ids]
        handles = [client.tasks.attach(ref) for ref in refs]

        async def one(handle: TaskHandle[CountersReport]) -> None:
            with suppress(WaitTimeoutError):
                await handle.wait(timeout=timeout)

        await asyncio.gather(*map(one, handles))
    polls = [handle.polls for handle in handles]
    print(json.dumps({"without a poll": polls.count(0), "polls": sum(polls)}))


if __name__ == "__main__":
    asyncio.run(wait(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
