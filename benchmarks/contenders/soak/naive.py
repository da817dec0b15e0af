"""A first attempt by hand: aiohttp, a Task per refresh, and tenacity retrying on any error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import tenacity

from benchmarks.contenders.aiohttp_api import AiohttpApi
from benchmarks.contenders.measurement import CONCURRENCY, url_of
from benchmarks.contenders.soak.outcomes import RoundOutcomes
from benchmarks.contenders.soak.runner import (
    ATTEMPTS,
    LONGEST_BACKOFF,
    REQUEST_TIMEOUT,
    Refresh,
    main,
)
from benchmarks.servers.bodies import COUNTERS


@asynccontextmanager
async def opened(port: int) -> AsyncGenerator[Refresh, None]:
    """Open a session with as many connections as the two clients of `ours` have."""
    retry = tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.25, max=LONGEST_BACKOFF),
        reraise=True,
    )
    # A total timeout would include the wait for a free connection.
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=REQUEST_TIMEOUT, sock_read=REQUEST_TIMEOUT
    )
    connector = aiohttp.TCPConnector(limit=4 * CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        api = AiohttpApi(session, url_of(port), retry)

        async def refresh(resources: Sequence[int], outcomes: RoundOutcomes) -> None:
            async with asyncio.TaskGroup() as group:
                for resource_id in resources:
                    group.create_task(_refresh(api, resource_id, outcomes))

        yield refresh


async def _refresh(api: AiohttpApi, resource_id: int, outcomes: RoundOutcomes) -> None:
    try:
        task_id = await api.start(resource_id)
        result = await api.result(task_id, first_delay=0.5, longest_delay=30.0)
        channels: dict[str, list[object]] = {
            one["channel"]: [one["status"][name] for name in COUNTERS]
            for one in result[0]["channels"]
        }
    except Exception as error:  # noqa: BLE001 -- errors of three libraries
        outcomes.failed(resource_id, type(error).__name__, started=None)
    else:
        outcomes.completed(resource_id, task_id, channels)


if __name__ == "__main__":
    main(opened)
