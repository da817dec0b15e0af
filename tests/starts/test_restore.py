"""A ledger that loses its entries while the owner of a task is alive."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from altcraft_async import AltcraftClient, Constant
from altcraft_async.integrations.redis import RedisLedger
from altcraft_async.simulator import Simulator
from tests.support.polling_until import until
from tests.support.redis_server import RedisServer
from tests.support.shared_ledger import night, start

POLL = Constant(0.05)


@pytest.fixture
def own_redis(tmp_path: Path) -> Generator[RedisServer]:
    """A Redis that the test may empty."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


async def test_running_task_is_registered_again_after_redis_was_flushed(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Simulator(duration=600) as server,
        Redis.from_url(own_redis.url) as redis,
        RedisLedger(own_redis.url) as ledger,
        AltcraftClient(server.url, server.token, ledger=ledger, poll=POLL) as owner,
        AltcraftClient(server.url, server.token, ledger=ledger, poll=POLL) as other,
    ):
        first = await owner.resources.refresh_counters(24, database_id=1, idempotency_key="a")
        second = await owner.resources.refresh_counters(25, database_id=1)
        waiting = asyncio.create_task(second.wait())
        await redis.flushall()

        async def is_registered() -> bool:
            return len([entry async for entry in ledger.entries()]) == 2

        await until(is_registered)
        assert await start(other, "a") == first.ref.task_id
        assert sum(server.starts.values()) == 2
        assert "the ledger has lost its entries; 2 running tasks" in caplog.text
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_process_that_joined_a_task_registers_it_again_under_its_name() -> None:
    async with night(duration=100) as world:
        first = await start(world.open(), "a")
        joined = await world.open().resources.refresh_counters(24, database_id=1)
        joined.add_done_callback(lambda _: None)
        world.ledger.stored.clear()
        await asyncio.sleep(3)
        assert world.key in world.ledger.stored
        assert world.entry.idempotency_key == "a"
        assert await start(world.open(), "a") == first
        assert world.starts == 1


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_target_that_another_process_has_started_meanwhile_is_left_to_it() -> None:
    async with night(duration=100) as world:
        handle = await world.open().resources.refresh_counters(24, database_id=1)
        world.ledger.stored.clear()
        second = await start(world.open())
        handle.add_done_callback(lambda _: None)
        await asyncio.sleep(3)
        assert world.entry.ref is not None
        assert world.entry.ref.task_id == second


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_ledger_that_cannot_be_read_disturbs_no_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with night() as world:
        handle = await world.open().resources.refresh_counters(24, database_id=1)
        handle.add_done_callback(lambda _: None)
        await world.ledger.aclose()
        await asyncio.sleep(5)
        assert not handle.done()
        assert caplog.text == ""
        world.ledger.closed = False
        assert (await handle)["email"].all


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_task_that_has_ended_is_not_registered_again() -> None:
    async with night() as world:
        client = world.open()
        await client.resources.refresh(24, database_id=1)
        handle = await client.resources.refresh_counters(25, database_id=1)
        await asyncio.sleep(1)
        world.ledger.stored.clear()
        await handle
        assert world.key not in world.ledger.stored
