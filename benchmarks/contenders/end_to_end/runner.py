"""Runs a contender of the end-to-end benchmark and prints its measurements as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import tenacity

from benchmarks.contenders.aiohttp_api import AiohttpApi
from benchmarks.contenders.measurement import CONCURRENCY, LoopTicker, resident

Report = Callable[[str], None]
"""Takes the task id of each result as soon as the calling code has it."""

Contender = Callable[[int, int, Report], Awaitable[None]]
"""Refreshes so many resources at the server on this port, all at once."""


class LatenessRecorder:
    """Records how late results arrive; the task ids hold the ends of the tasks."""

    def __init__(self) -> None:
        """Begin with no result."""
        self._lateness: list[float] = []

    def report(self, task_id: str) -> None:
        """Record a result."""
        ended = int(task_id.rpartition("-")[2]) / 1e6
        self._lateness.append(time.monotonic() - ended)

    def summary(self, expected: int) -> dict[str, float]:
        """Return mean and percentiles, after checking that no result is missing."""
        assert len(self._lateness) == expected
        lateness = sorted(self._lateness)
        return {
            "mean lateness ms": 1e3 * sum(lateness) / expected,
            "p95 lateness ms": 1e3 * lateness[int(expected * 0.95)],
            "p99 lateness ms": 1e3 * lateness[int(expected * 0.99)],
        }


def main(contender: Contender) -> None:
    """Run a contender with the port and the number of refreshes from the command line."""
    port, refreshes = map(int, sys.argv[1:])
    print(json.dumps(asyncio.run(_measure(contender, port, refreshes))))


def main_task_each(result_of: Callable[[AiohttpApi, str], Awaitable[object]]) -> None:
    """Run a contender that starts and awaits each refresh in a Task of its own, with aiohttp."""
    retry = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
        stop=tenacity.stop_after_attempt(5),
        wait=tenacity.wait_exponential(max=20),
        reraise=True,
    )

    async def contender(port: int, refreshes: int, report: Report) -> None:
        # 64, as the library has by default.
        connector = aiohttp.TCPConnector(limit=2 * CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector) as session:
            api = AiohttpApi(session, port, retry)

            async def refresh(resource_id: int) -> None:
                task_id = await api.start(resource_id)
                assert await result_of(api, task_id)
                report(task_id)

            async with asyncio.TaskGroup() as group:
                for resource_id in range(1, refreshes + 1):
                    group.create_task(refresh(resource_id))

    main(contender)


async def _measure(contender: Contender, port: int, refreshes: int) -> dict[str, float]:
    recorder = LatenessRecorder()
    cpu, memory = time.process_time(), resident()
    ticker = LoopTicker()
    await contender(port, refreshes, recorder.report)
    cpu = time.process_time() - cpu
    return {
        **recorder.summary(refreshes),
        "client CPU s": cpu,
        "RSS above import MB": (resident("VmHWM") - memory) / 2**20,
        "longest loop stall ms": (await ticker.stop())[-1],
    }
