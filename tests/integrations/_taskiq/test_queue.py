"""The queue of jobs in Redis: no job is lost, and finished jobs are deleted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from taskiq.acks import AckableMessage
from taskiq.receiver import Receiver
from taskiq.utils import maybe_awaitable

from altcraft_async import ConfigurationError
from altcraft_async.integrations.taskiq import RefreshBroker


@pytest.fixture
def queue() -> str:
    """Name of a queue that no other test uses."""
    return f"queue-{os.urandom(8).hex()}"


def count(number: int) -> int:
    """A job that is not run."""
    return number


@asynccontextmanager
async def broker_of(redis_url: str, queue: str) -> AsyncGenerator[RefreshBroker, None]:
    """Open a broker as another process would."""
    broker = RefreshBroker(redis_url, queue_name=queue, idle_timeout=1.0)
    broker.register_task(count, task_name="count")
    await broker.startup()
    try:
        yield broker
    finally:
        await broker.shutdown()


async def enqueue(broker: RefreshBroker, *numbers: int) -> None:
    """Enqueue jobs."""
    task = broker.find_task("count")
    assert task is not None
    for number in numbers:
        await task.kiq(number)


async def number_of(message: AckableMessage, broker: RefreshBroker) -> object:
    """Return the argument of a job."""
    return broker.formatter.loads(message.data).args[0]


async def test_job_enqueued_before_the_first_worker_is_taken(redis_url: str, queue: str) -> None:
    broker = RefreshBroker(redis_url, queue_name=queue)
    broker.register_task(count, task_name="count")
    await enqueue(broker, 1)  # without a startup, which would create the consumer group
    await broker.connection_pool.disconnect()
    async with broker_of(redis_url, queue) as worker:
        listening = worker.listen()
        assert await number_of(await anext(listening), worker) == 1
        await listening.aclose()


async def test_finished_job_is_deleted(redis_url: str, queue: str) -> None:
    async with broker_of(redis_url, queue) as broker, Redis.from_url(redis_url) as redis:
        await enqueue(broker, 1, 2)
        listening = broker.listen()
        for left in (1, 0):
            message = await anext(listening)
            await maybe_awaitable(message.ack())
            assert await redis.xlen(queue) == left
        pending: dict[str, object] = await redis.xpending(queue, broker.consumer_group_name)
        assert pending["pending"] == 0
        await listening.aclose()


async def test_message_that_is_not_a_job_is_removed(redis_url: str, queue: str) -> None:
    """Otherwise it would end one worker after another."""
    async with broker_of(redis_url, queue) as broker, Redis.from_url(redis_url) as redis:
        await redis.xadd(queue, {"field": "value"})
        await enqueue(broker, 1)
        listening = broker.listen()
        await Receiver(broker, max_async_tasks=1).callback(await anext(listening))
        assert await redis.xlen(queue) == 1
        assert await number_of(await anext(listening), broker) == 1
        await listening.aclose()


async def test_worker_takes_one_job_at_a_time(redis_url: str, queue: str) -> None:
    async with (
        broker_of(redis_url, queue) as broker,
        broker_of(redis_url, queue) as another,
    ):
        await enqueue(broker, 1, 2)
        one, two = broker.listen(), another.listen()
        assert await number_of(await anext(one), broker) == 1
        assert await number_of(await anext(two), another) == 2
        await one.aclose()
        await two.aclose()


async def test_jobs_of_a_dead_worker_are_taken_without_new_jobs(redis_url: str, queue: str) -> None:
    numbers = list(range(25))
    async with broker_of(redis_url, queue) as dead:
        await enqueue(dead, *numbers)
        listening = dead.listen()
        taken = [await number_of(await anext(listening), dead) for _ in numbers]
        await listening.aclose()
    async with broker_of(redis_url, queue) as broker:
        listening = broker.listen()
        again: list[Any] = [await number_of(await anext(listening), broker) for _ in numbers]
        await listening.aclose()
    assert taken == sorted(again) == numbers


async def test_job_of_a_dead_worker_is_found_behind_many_others(redis_url: str, queue: str) -> None:
    async with (
        broker_of(redis_url, queue) as busy,
        broker_of(redis_url, queue) as dead,
        broker_of(redis_url, queue) as broker,
        Redis.from_url(redis_url) as opened,
    ):
        redis: Any = opened  # its types are unions over all protocols
        await enqueue(busy, *range(151))
        taken = await redis.xreadgroup("taskiq", "busy", {queue: ">"}, count=150)
        gone = dead.listen()
        assert await number_of(await anext(gone), dead) == 150
        await gone.aclose()
        await asyncio.sleep(1)
        numbers = [number for number, _ in taken[0][1]]
        await redis.xclaim(queue, "taskiq", "busy", 0, numbers, justid=True, idle=0)
        listening = broker.listen()
        assert await number_of(await anext(listening), broker) == 150
        await listening.aclose()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("url", {"url": "localhost"}),
        ("url", {"url": "redis://localhost:w0rd"}),
        ("url", {"url": 5}),
        ("queue_name", {"queue_name": ""}),
        ("idle_timeout", {"idle_timeout": 0.5}),
        ("keep_results", {"keep_results": 0}),
    ],
)
def test_wrong_argument_is_named_and_no_password_shown(name: str, wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"url": "redis://localhost"}
    with pytest.raises(ConfigurationError, match=f"^{name}: ") as refused:
        RefreshBroker(**(right | wrong))
    assert "w0rd" not in str(refused.value)
    assert refused.value.__context__ is None
