"""The queue of jobs in Redis: nothing is lost, nothing piles up, nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from taskiq.acks import AckableMessage
from taskiq.utils import maybe_awaitable

from altcraft_async import ConfigurationError
from altcraft_async.integrations.taskiq import RefreshBroker


@pytest.fixture
def queue() -> str:
    """A queue that no other test uses."""
    return f"queue-{os.urandom(8).hex()}"


def count(number: int) -> int:
    """Be a job that nobody has to run."""
    return number


@asynccontextmanager
async def broker_of(redis_url: str, queue: str) -> AsyncGenerator[RefreshBroker, None]:
    """Open a broker of that queue, as another process would have it."""
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
    """Return what a job was enqueued with."""
    return broker.formatter.loads(message.data).args[0]


async def test_job_from_before_the_first_worker_is_done(redis_url: str, queue: str) -> None:
    """Who enqueues need not wait for workers."""
    broker = RefreshBroker(redis_url, queue_name=queue)
    broker.register_task(count, task_name="count")
    await enqueue(broker, 1)  # without a startup, which would make the group of workers
    await broker.connection_pool.disconnect()
    async with broker_of(redis_url, queue) as worker:
        listening = worker.listen()
        assert await number_of(await anext(listening), worker) == 1
        await listening.aclose()


async def test_job_that_is_done_is_deleted(redis_url: str, queue: str) -> None:
    """The stream holds what is to be done, so it need not be cut."""
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


async def test_worker_takes_no_more_than_it_is_free_for(redis_url: str, queue: str) -> None:
    """Jobs that wait for their turn are in the queue, where any worker takes them."""
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


async def test_jobs_of_a_dead_worker_are_taken_on_a_quiet_queue(redis_url: str, queue: str) -> None:
    """All that a worker took and has not done come again, though nothing new does."""
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


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("queue_name", {"queue_name": ""}),
        ("idle_timeout", {"idle_timeout": 0.5}),
        ("keep_results", {"keep_results": 0}),
    ],
)
def test_wrong_argument_of_a_broker_is_named(name: str, wrong: dict[str, Any]) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        RefreshBroker("redis://localhost", **wrong)
