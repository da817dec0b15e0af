"""What Redis refuses: a server that is not the right one any more, and wrong addresses."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from altcraft_async import AltcraftClient, ConfigurationError, LedgerError, Retry, TransportError
from altcraft_async.integrations.redis import RedisLedger, fleet_limit
from altcraft_async.integrations.taskiq import RefreshBroker
from tests.faults.canary import texts_of
from tests.support.api_calls import TOKEN
from tests.support.ledgers import KEY, REF, entry_of
from tests.support.ports import free_port
from tests.support.redis_relay import RedisRelay
from tests.support.redis_server import retry_without_delays

REPLIES = [
    "READONLY You can't write against a read only replica.",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down",
    "NOAUTH Authentication required.",
]
"""As Redis writes them; each means that a new connection may lead to another server."""

wrong_server = pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.split()[0])


@pytest.fixture
def prefix() -> str:
    """A prefix that no other test uses."""
    return f"{os.urandom(8).hex()}:"


@wrong_server
async def test_ledger_reconnects_after_a_failover(redis_url: str, prefix: str, reply: str) -> None:
    async with (
        RedisRelay(redis_url) as relay,
        RedisLedger(relay.url, prefix=prefix) as ledger,
    ):
        await asyncio.gather(*(ledger.read(KEY) for _ in range(4)))
        relay.refuse(reply)
        assert await ledger.write(entry_of(), expected=0)
        assert await asyncio.gather(*(ledger.read(KEY) for _ in range(4))) == [entry_of()] * 4
        assert [entry async for entry in ledger.entries()] == [entry_of()]


@wrong_server
async def test_limit_reconnects_after_a_failover(redis_url: str, prefix: str, reply: str) -> None:
    async with (
        RedisRelay(redis_url) as relay,
        fleet_limit(relay.url, name="x", per_second=1000, prefix=prefix) as limit,
    ):
        await limit()
        relay.refuse(reply)
        await limit()
        assert relay.connections == 2


@wrong_server
async def test_your_own_client_reconnects_after_a_failover(
    redis_url: str, prefix: str, reply: str
) -> None:
    """One that does not retry by itself fails once, and its idle connections are dropped."""
    async with RedisRelay(redis_url) as relay, Redis.from_url(relay.url, retry=None) as redis:
        ledger = RedisLedger(redis, prefix=prefix)
        await asyncio.gather(*(ledger.read(KEY) for _ in range(4)))
        relay.refuse(reply)
        with pytest.raises(LedgerError, match=r"^ledger: Redis cannot be used"):
            await ledger.read(KEY)
        assert await ledger.write(entry_of(ref=REF), expected=0)
        relay.refuse(reply)
        if not reply.startswith("NOAUTH"):  # which may mean a wrong password
            async with asyncio.timeout(5):
                await fleet_limit(redis, name="x", per_second=1000, prefix=prefix)()


@wrong_server
async def test_queue_reconnects_after_a_failover(redis_url: str, prefix: str, reply: str) -> None:
    async with RedisRelay(redis_url) as relay:
        broker = RefreshBroker(relay.url, queue_name=prefix)
        job = broker.register_task(lambda: None, task_name="nothing")
        await broker.startup()
        relay.refuse(reply)
        task = await job.kiq()
        listening = broker.listen()
        message = await anext(listening)
        relay.refuse(reply)
        await message.ack()  # type: ignore[misc]
        await listening.aclose()
        assert broker.formatter.loads(message.data).task_id == task.task_id
        await broker.shutdown()


def shown(error: BaseException) -> list[str]:
    """Return the places that show the password of the address."""
    return [where for where, text in texts_of(error, "all") if "s3cret" in text]


ADDRESS = "redis://:s3cret@localhost"

REFUSED = [
    "redis://someone:s3cret@127.0.0.1:{port}",
    "redis://someone:s3cret@127.0.0.1:{free}",
    "redis://:s3cret@a..b:{port}",
]


@pytest.mark.parametrize("address", REFUSED)
async def test_refusal_shows_no_password(
    redis_url: str, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    # A limit waits for a server that cannot be reached.
    patience = 5 if address == REFUSED[0] else 0.5
    url = address.format(port=redis_url.rpartition(":")[2], free=free_port())
    async with (
        RedisLedger(url) as ledger,
        fleet_limit(url, name="x", per_second=1) as limit,
        AltcraftClient(
            "https://example.com", TOKEN, shared_limit=limit, retry=Retry(attempts=1)
        ) as client,
    ):
        retry_without_delays(ledger._redis)
        retry_without_delays(limit._redis)
        failed = await asyncio.gather(
            ledger.read(KEY),
            asyncio.wait_for(client.resources.get(1), patience),
            return_exceptions=True,
        )
    assert isinstance(failed[0], LedgerError)
    assert isinstance(failed[1], TransportError if address == REFUSED[0] else TimeoutError)
    for error in failed:
        assert isinstance(error, Exception)
        assert shown(error) == []
    assert "s3cret" not in caplog.text
    logged = [record.args for record in caplog.records if record.args]
    assert not any(isinstance(one, Exception) for args in logged for one in args)


@pytest.mark.parametrize(
    "make",
    [RedisLedger, partial(fleet_limit, name="x", per_second=1), RefreshBroker],
    ids=["ledger", "limit", "queue"],
)
@pytest.mark.parametrize(
    "address",
    [
        "redis://:s3cret@localhost:port",
        "redis://:s3cret@localhost/?db=none",
        "redis://:s3cret@localhost/?max_connection=5",
        "redis://:s3cret@localhost/?protocol=9",
        "redis://:s3cret@[localhost",
        "http://:s3cret@localhost",
        "redis://:s3cret@localhost /",
    ],
)
def test_malformed_address_is_refused_and_shows_no_password(
    make: Callable[[str], Any], address: str
) -> None:
    with pytest.raises(ConfigurationError, match="has to be") as refused:
        make(address)
    assert shown(refused.value) == []


@pytest.mark.parametrize(
    "make",
    [
        partial(RedisLedger, keep=0),
        partial(fleet_limit, name="", per_second=1),
        partial(RefreshBroker, idle_timeout=0),
    ],
    ids=["ledger", "limit", "queue"],
)
def test_other_wrong_argument_shows_no_password(make: Callable[[str], Any]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        make(ADDRESS)
    assert shown(refused.value) == []
