"""Runs a contender of the end-to-end benchmark: prints its measurements, round by round.

``python -m benchmarks.contenders.end_to_end.NAME URL REFRESHES``. The rounds
share one client, so the first is cold and the later ones are warm. Every round
has resources of its own, so a client knows the durations of others only.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import tenacity

from benchmarks.contenders.aiohttp_api import AiohttpApi
from benchmarks.contenders.measurement import CONCURRENCY, LoopTicker, resident
from benchmarks.nginx import CERTIFICATE

CONNECTIONS = 2 * CONCURRENCY
"""Connections of a rival: as many as the library has by default."""

ROUND = 1_000_000
"""Distance between the first resources of two rounds."""

PAUSE = 0.2  # seconds in which the benchmark stops the process after a round

Report = Callable[[str], None]
"""Takes the task id of each result as soon as the calling code has it."""

Refresh = Callable[[Iterable[int], Report], Awaitable[None]]
"""Refreshes these resources, all at once."""

Contender = Callable[[str], AbstractAsyncContextManager[Refresh]]
"""Opens a client of the server at this address."""


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
        """Return mean and 99th percentile, after checking that no result is missing."""
        assert len(self._lateness) == expected
        lateness = sorted(self._lateness)
        return {
            "mean lateness ms": 1e3 * sum(lateness) / expected,
            "p99 lateness ms": 1e3 * lateness[int(expected * 0.99)],
        }


def main(contender: Contender) -> None:
    """Run a contender with the address and the number of refreshes from the command line."""
    asyncio.run(_rounds(contender, sys.argv[1], int(sys.argv[2])))


def ssl_context(url: str) -> ssl.SSLContext | None:
    """Return what a client needs to trust the server at this address."""
    if url.startswith("https:"):
        return ssl.create_default_context(cafile=CERTIFICATE)
    return None


def connector(url: str) -> aiohttp.TCPConnector:
    """Return the connector of a rival."""
    return aiohttp.TCPConnector(limit=CONNECTIONS, ssl=ssl_context(url) or True)


def main_task_each(result_of: Callable[[AiohttpApi, str], Awaitable[object]]) -> None:
    """Run a contender that starts and awaits each refresh in a Task of its own, with aiohttp."""
    retry = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
        stop=tenacity.stop_after_attempt(5),
        wait=tenacity.wait_exponential(max=20),
        reraise=True,
    )

    @asynccontextmanager
    async def contender(url: str) -> AsyncGenerator[Refresh, None]:
        async with aiohttp.ClientSession(connector=connector(url)) as session:
            api = AiohttpApi(session, url, retry)

            async def refresh(resource_id: int) -> str:
                task_id = await api.start(resource_id)
                assert await result_of(api, task_id)
                return task_id

            yield task_each(refresh)

    main(contender)


def task_each(refresh: Callable[[int], Awaitable[str]]) -> Refresh:
    """Refresh each resource in a Task of its own."""

    async def refresh_all(resource_ids: Iterable[int], report: Report) -> None:
        async def one(resource_id: int) -> None:
            report(await refresh(resource_id))

        await asyncio.gather(*map(one, resource_ids))

    return refresh_all


async def _rounds(contender: Contender, url: str, refreshes: int) -> None:
    memory = resident()
    _print({})
    cpu = time.process_time()
    async with contender(url) as refresh:
        for number in itertools.count():
            recorder, ticker, began = LatenessRecorder(), LoopTicker(), time.monotonic()
            first = number * ROUND + 1
            await refresh(range(first, first + refreshes), recorder.report)
            wall = time.monotonic() - began
            await ticker.stop()
            measured = {
                **recorder.summary(refreshes),
                "client CPU s": time.process_time() - cpu,
                "peak memory MB": (resident("VmHWM") - memory) / 2**20,
                "longest loop stop ms": ticker.longest_stop,
                "wall s": wall,
            }
            _print(measured)
            cpu = time.process_time()


def _print(measured: dict[str, float]) -> None:
    print(json.dumps(measured), flush=True)
    time.sleep(PAUSE)
