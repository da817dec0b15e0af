"""One worker of a fleet, as a process that tests kill, stop and let go on.

``python -m tests.support.fleet_worker '{"redis": …}'``, with the fields of `Settings`.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext

import msgspec
from taskiq.api import run_receiver_task

from altcraft_async import AltcraftClient, Constant
from altcraft_async.integrations.redis import RedisLedger, fleet_limit
from altcraft_async.integrations.taskiq import AltcraftRefreshes, RefreshBroker
from altcraft_async.monitor import Monitor
from altcraft_async.monitor.fleet import report_to

__all__ = ["Settings", "refreshes_of"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a fleet shares.

    Attributes:
        redis: Address of Redis.
        url: Of the platform.
        token: For it.
        name: Of this fleet, among those in the same Redis.
        per_second: Requests over all workers.
        wait: Seconds of one attempt.
        idle_timeout: Seconds after which a job counts as left behind.
        report_every: Seconds between two reports of what a worker does; 0 for none.
    """

    redis: str
    url: str
    token: str
    name: str
    per_second: float = 60.0
    wait: float = 2.0
    idle_timeout: float = 4.0
    report_every: float = 0.0


def refreshes_of(settings: Settings) -> tuple[RefreshBroker, AltcraftRefreshes]:
    """Return the broker and the jobs of a fleet, for a worker or for who enqueues."""

    @asynccontextmanager
    async def connect() -> AsyncGenerator[AltcraftClient, None]:
        prefix, monitor, seconds = f"{settings.name}:", Monitor(), settings.report_every
        async with (
            report_to(settings.redis, monitor, prefix=prefix, interval=seconds)
            if seconds
            else nullcontext(),
            RedisLedger(settings.redis, prefix=prefix) as ledger,
            fleet_limit(
                settings.redis, name="all", per_second=settings.per_second, prefix=prefix
            ) as limit,
            AltcraftClient(
                settings.url,
                settings.token,
                ledger=ledger,
                reconcile_starts=True,
                shared_limit=limit,
                # A lease of seven seconds, so that tests need not wait long for it to end.
                request_timeout=2.0,
                poll=Constant(1.0),
                observer=monitor,
            ) as client,
        ):
            yield client

    broker = RefreshBroker(
        settings.redis, queue_name=settings.name, idle_timeout=settings.idle_timeout
    )
    return broker, AltcraftRefreshes(broker, connect, wait=settings.wait)


async def _work(settings: Settings) -> None:
    logging.basicConfig(level=logging.ERROR)
    broker, _ = refreshes_of(settings)
    broker.is_worker_process = True
    await broker.startup()
    working = asyncio.create_task(run_receiver_task(broker, max_async_tasks=30))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        await asyncio.wait({working})
    finally:
        await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(_work(msgspec.json.decode(sys.argv[1], type=Settings)))
