"""Stopping a worker: its jobs go back to the queue and get no result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest
from taskiq import InMemoryBroker
from taskiq.receiver import Receiver

from altcraft_async import AltcraftClient, LedgerError
from altcraft_async.integrations.taskiq import AltcraftRefreshes, RefreshBroker
from altcraft_async.simulator import Simulator
from tests.support.ledgers import MemoryLedger
from tests.support.polling_until import until


@pytest.fixture
async def server() -> AsyncGenerator[Simulator, None]:
    """A platform whose tasks do not end during a test."""
    async with Simulator(duration=600) as running:
        yield running


class BrokenLedger(MemoryLedger):
    """A ledger that cannot be reached."""

    async def read(self, key: str) -> NoReturn:
        """Fail."""
        msg = f"ledger: not now, {key}"
        raise LedgerError(msg)


def register_job(
    broker: RefreshBroker | InMemoryBroker, server: Simulator, store: MemoryLedger | None = None
) -> AltcraftRefreshes:
    """Make the broker a worker's, and register the job."""

    @asynccontextmanager
    async def connect() -> AsyncGenerator[AltcraftClient, None]:
        ledger = MemoryLedger() if store is None else store
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
async def test_running_job_goes_back_to_the_queue(
    redis_url: str, server: Simulator, how: str
) -> None:
    queue = f"queue-{os.urandom(8).hex()}"
    broker = RefreshBroker(redis_url, queue_name=queue)
    refreshes = register_job(broker, server)
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
    await assert_in_the_queue(redis_url, queue, task.task_id)


async def test_job_between_two_attempts_goes_back_to_the_queue(
    redis_url: str, server: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    queue = f"queue-{os.urandom(8).hex()}"
    broker = RefreshBroker(redis_url, queue_name=queue)
    refreshes = register_job(broker, server, BrokenLedger())
    await broker.startup()
    task = await refreshes.enqueue((24, 1))
    listening = broker.listen()
    message = await anext(listening)
    working = asyncio.create_task(Receiver(broker, max_async_tasks=1).callback(message))

    async def has_failed() -> bool:
        return "attempt 1 failed" in caplog.text

    await until(has_failed)
    working.cancel()
    await asyncio.wait({working})
    await listening.aclose()
    await broker.shutdown()
    await assert_in_the_queue(redis_url, queue, task.task_id)


async def assert_in_the_queue(redis_url: str, queue: str, task_id: str) -> None:
    """Assert that another worker gets the job, which has no result yet."""
    another = RefreshBroker(redis_url, queue_name=queue)
    await another.startup()
    listening = another.listen()
    async with asyncio.timeout(20):
        found = await anext(listening)
    assert another.formatter.loads(found.data).task_id == task_id
    assert not await another.result_backend.is_result_ready(task_id)
    await listening.aclose()
    await another.shutdown()


async def test_job_in_memory_ends_with_its_only_worker(server: Simulator) -> None:
    broker = InMemoryBroker()
    refreshes = register_job(broker, server)
    await broker.startup()
    task = await refreshes.enqueue((24, 1))
    await has_started(server)
    await broker.shutdown()
    result = await task.wait_result(check_interval=0.01, timeout=5)
    assert "client: is closed" in str(result.error)
