"""The queue of jobs in Redis: nothing is lost, nothing piles up, nothing is left behind."""

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


async def test_what_is_no_job_does_not_end_the_worker(redis_url: str, queue: str) -> None:
    """Else it would come again to one worker after another, and end them all."""
    async with broker_of(redis_url, queue) as broker, Redis.from_url(redis_url) as redis:
        await redis.xadd(queue, {"else": "what"})
        await enqueue(broker, 1)
        listening = broker.listen()
        await Receiver(broker, max_async_tasks=1).callback(await anext(listening))
        assert await redis.xlen(queue) == 1
        assert await number_of(await anext(listening), broker) == 1
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


async def test_job_left_behind_is_found_behind_many_that_are_not(
    redis_url: str, queue: str
) -> None:
    """However many jobs others are busy with, all are polled."""
    async with (
        broker_of(redis_url, queue) as busy,
        broker_of(redis_url, queue) as dead,
        broker_of(redis_url, queue) as broker,
        Redis.from_url(redis_url) as opened,
    ):
        redis: Any = opened  # whose types are those of every kind of answer
        await enqueue(busy, *range(151))
        taken = await redis.xreadgroup("taskiq", "busy", {queue: ">"}, count=150)
        gone = dead.listen()
        assert await number_of(await anext(gone), dead) == 150
        await gone.aclose()
        await asyncio.sleep(1)
        at_work = [number for number, _ in taken[0][1]]
        await redis.xclaim(queue, "taskiq", "busy", 0, at_work, justid=True, idle=0)
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
def test_wrong_argument_of_a_broker_is_named(name: str, wrong: dict[str, Any]) -> None:
    """Before anything is opened, and without what may be a password."""
    right: dict[str, Any] = {"url": "redis://localhost"}
    with pytest.raises(ConfigurationError, match=f"^{name}: ") as refused:
        RefreshBroker(**(right | wrong))
    assert "w0rd" not in str(refused.value)
    assert refused.value.__context__ is None
