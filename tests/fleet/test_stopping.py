"""A worker that is stopped: its jobs go back to the queue, and are not taken for done."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from taskiq import InMemoryBroker
from taskiq.receiver import Receiver

from altcraft_async import AltcraftClient
from altcraft_async.integrations.taskiq import AltcraftRefreshes, RefreshBroker
from altcraft_async.simulator import Simulator
from tests.fleet.waiting import until
from tests.ledgers import MemoryLedger


@pytest.fixture
async def server() -> AsyncGenerator[Simulator, None]:
    """A platform whose tasks take long."""
    async with Simulator(duration=600) as running:
        yield running


def worker_of(broker: RefreshBroker | InMemoryBroker, server: Simulator) -> AltcraftRefreshes:
    """Register the job of a worker."""

    @asynccontextmanager
    async def connect() -> AsyncGenerator[AltcraftClient, None]:
        ledger = MemoryLedger()
        async with AltcraftClient(server.url, server.token, ledger=ledger) as client:
            yield client

    broker.is_worker_process = True
    return AltcraftRefreshes(broker, connect)


async def has_started(server: Simulator) -> None:
    """Wait for the first start."""

    async def first() -> bool:
        return bool(server.starts)

    await until(first)


@pytest.mark.parametrize("how", ["cancelled", "shut down"])
async def test_job_goes_back_to_the_queue(redis_url: str, server: Simulator, how: str) -> None:
    """Whoever works next finds it there, once, and nobody is told that it had failed."""
    queue = f"queue-{os.urandom(8).hex()}"
    broker = RefreshBroker(redis_url, queue_name=queue)
    refreshes = worker_of(broker, server)
    await broker.startup()
    task = await refreshes.enqueue((24, 1))
    listening = broker.listen()
    message = await anext(listening)
    working = asyncio.create_task(Receiver(broker, max_async_tasks=1).callback(message))
    await has_started(server)
    if how == "cancelled":
        working.cancel()
        await asyncio.wait({working})
    await listening.aclose()
    await broker.shutdown()
    assert working.done()

    another = RefreshBroker(redis_url, queue_name=queue)
    await another.startup()
    listening = another.listen()
    found = await anext(listening)
    assert another.formatter.loads(found.data).task_id == task.task_id
    assert not await another.result_backend.is_result_ready(task.task_id)
    await listening.aclose()
    await another.shutdown()


async def test_job_in_memory_ends_with_its_worker(server: Simulator) -> None:
    """A queue in memory has no other worker to give the job back to."""
    broker = InMemoryBroker()
    refreshes = worker_of(broker, server)
    await broker.startup()
    task = await refreshes.enqueue((24, 1))
    await has_started(server)
    await broker.shutdown()
    result = await task.wait_result(check_interval=0.01, timeout=5)
    assert "client: is closed" in str(result.error)
