"""A Redis that is frozen: everything fails within one time, however much there is at once."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest
from taskiq.exceptions import SendTaskError

from altcraft_async import AltcraftClient, LedgerError, Retry, TransportError
from altcraft_async.integrations._redis import COMMAND_SECONDS
from altcraft_async.integrations.redis import RedisLedger, fleet_limit
from altcraft_async.integrations.taskiq import RefreshBroker
from altcraft_async.simulator import Simulator
from tests.support.ledgers import KEY, entry_of
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.slow

SLACK = 2.0
"""Seconds by which a busy machine may be late."""


@pytest.fixture
def redis(tmp_path: Path) -> Generator[RedisServer]:
    """A Redis that the test freezes."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.mark.parametrize("opened", [True, False])
async def test_starts_at_once_fail_within_the_time_of_one_command(
    redis: RedisServer,
    opened: bool,  # noqa: FBT001 -- whether connections are open before
) -> None:
    seconds: list[float] = []
    async with (
        Simulator() as server,
        RedisLedger(redis.url) as ledger,
        AltcraftClient(server.url, server.token, ledger=ledger) as client,
    ):
        if opened:
            await asyncio.gather(*(ledger.read(KEY) for _ in range(16)))
        redis.freeze()
        began = asyncio.get_running_loop().time()

        async def start(number: int) -> None:
            with pytest.raises(LedgerError, match="no answer within 10 seconds"):
                await client.resources.refresh_counters(number, database_id=1)
            seconds.append(asyncio.get_running_loop().time() - began)

        await asyncio.gather(*(start(number) for number in range(10, 50)))
        assert max(seconds) < COMMAND_SECONDS + SLACK
        assert not server.starts
        redis.thaw()
        await client.resources.refresh_counters(10, database_id=1)
        assert await ledger.write(entry_of(), expected=0)


async def test_limit_warns_within_the_time_of_one_command_and_goes_on(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with fleet_limit(redis.url, name="x", per_second=100) as limit:
        await limit()
        redis.freeze()
        waiting = [asyncio.create_task(limit()) for _ in range(20)]
        done, _ = await asyncio.wait(waiting, timeout=COMMAND_SECONDS + SLACK)
        assert not done
        assert "nothing is sent until Redis can be reached again" in caplog.text
        redis.thaw()
        async with asyncio.timeout(COMMAND_SECONDS):
            await asyncio.gather(*waiting)


async def test_requests_whose_limit_cannot_be_asked_fail_together(redis: RedisServer) -> None:
    seconds: list[float] = []
    async with (
        Simulator() as server,
        fleet_limit(redis.url, name="x", per_second=100, patience=0) as limit,
        AltcraftClient(
            server.url, server.token, shared_limit=limit, retry=Retry(attempts=1)
        ) as client,
    ):
        await client.resources.get(24)
        redis.freeze()
        began = asyncio.get_running_loop().time()

        async def start(number: int) -> None:
            with pytest.raises(TransportError, match="no answer within 10 seconds") as failed:
                await client.resources.refresh_counters(number, database_id=1)
            assert not failed.value.maybe_delivered
            seconds.append(asyncio.get_running_loop().time() - began)

        await asyncio.gather(*(start(number) for number in range(10, 50)))
        assert max(seconds) < COMMAND_SECONDS + SLACK
        assert not server.starts
        redis.thaw()
        # A limit that was down is asked again after seconds, for which a run waits.
        await client.resources.refresh_counters(10, database_id=1, outage_patience=60)


async def test_jobs_sent_at_once_fail_within_half_a_minute(redis: RedisServer) -> None:
    broker = RefreshBroker(redis.url)
    job = broker.register_task(lambda: None, task_name="nothing")
    await broker.startup()
    await job.kiq()
    redis.freeze()
    began = asyncio.get_running_loop().time()
    failures = await asyncio.gather(*(job.kiq() for _ in range(40)), return_exceptions=True)
    assert {type(failure) for failure in failures} == {SendTaskError}
    assert asyncio.get_running_loop().time() - began < 30 + SLACK
    redis.thaw()
    await broker.shutdown()
