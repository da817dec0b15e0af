"""The ledger and the rate limit that processes share in Redis."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from altcraft_async import AltcraftClient, ConfigurationError, LedgerError, TransportError
from altcraft_async.integrations.redis import RedisLedger, fleet_limit
from altcraft_async.simulator import Simulator
from tests.support.ledgers import KEY, REF, entry_of
from tests.support.ports import free_port
from tests.support.redis_relay import RedisRelay
from tests.support.redis_server import RedisServer, retry_without_delays


@pytest.fixture
def own_redis(tmp_path: Path) -> Generator[RedisServer, None, None]:
    """A Redis that the test can stop and start."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def prefix() -> str:
    """A prefix that no other test uses, with all special characters of Redis patterns."""
    return f"[*?]\\{os.urandom(8).hex()}:"


async def test_each_prefix_is_a_ledger_of_its_own(redis_url: str, prefix: str) -> None:
    async with (
        RedisLedger(redis_url, prefix=prefix) as one,
        RedisLedger(redis_url, prefix="x" + prefix) as other,
    ):
        await one.write(entry_of(), expected=0)
        assert await other.read(KEY) is None
        assert [entry async for entry in one.entries()] == [entry_of()]
        assert [entry async for entry in other.entries()] == []


async def test_same_write_sent_twice_succeeds_twice(redis_url: str, prefix: str) -> None:
    """redis-py sends a write again after a cut connection."""
    async with RedisLedger(redis_url, prefix=prefix) as ledger:
        assert await ledger.write(entry_of(), expected=0)
        assert await ledger.write(entry_of(), expected=0)
        assert not await ledger.write(entry_of(owner="o2"), expected=0)


async def test_only_entries_that_are_over_expire(redis_url: str, prefix: str) -> None:
    async with (
        Redis.from_url(redis_url) as redis,
        RedisLedger(redis, prefix=prefix, keep=60) as ledger,
    ):
        name = f"{prefix}ledger:{KEY}"
        await ledger.write(entry_of(ref=REF), expected=0)
        assert await redis.pttl(name) == -1
        await ledger.write(entry_of(revision=2, ref=REF, over=True), expected=1)
        assert 50_000 < await redis.pttl(name) <= 60_000
        await ledger.write(entry_of(revision=3), expected=2)
        assert await redis.pttl(name) == -1


async def test_borrowed_client_is_not_closed(redis_url: str, prefix: str) -> None:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        async with RedisLedger(redis, prefix=prefix) as ledger:
            await ledger.write(entry_of(), expected=0)
            assert await ledger.read(KEY) == entry_of()
            assert [entry async for entry in ledger.entries()] == [entry_of()]
        assert await redis.ping()
        with pytest.raises(LedgerError, match="closed"):
            await ledger.read(KEY)


async def test_more_reads_at_once_than_connections_succeed(redis_url: str, prefix: str) -> None:
    async with RedisLedger(redis_url, prefix=prefix) as ledger:
        assert set(await asyncio.gather(*(ledger.read(KEY) for _ in range(300)))) == {None}


async def test_read_cancelled_before_it_is_sent_leaves_no_coroutine(redis_url: str) -> None:
    async with RedisLedger(redis_url) as ledger:
        reads = [asyncio.create_task(ledger.read(KEY)) for _ in range(40)]
        await asyncio.sleep(0)
        for read in reads:
            read.cancel()
        assert len(await asyncio.gather(*reads, return_exceptions=True)) == 40
    gc.collect()  # a coroutine that was never awaited would warn here


async def test_foreign_value_under_the_key_is_a_ledger_error(redis_url: str, prefix: str) -> None:
    async with Redis.from_url(redis_url) as redis, RedisLedger(redis, prefix=prefix) as ledger:
        await redis.set(f"{prefix}ledger:{KEY}", "else")
        with pytest.raises(LedgerError, match="not an entry"):
            await ledger.read(KEY)
        with pytest.raises(LedgerError, match="ResponseError"):
            await ledger.write(entry_of(), expected=0)


async def test_unreachable_redis_is_a_ledger_error_without_the_password() -> None:
    async with RedisLedger(f"redis://someone:s3cret@127.0.0.1:{free_port()}") as ledger:
        retry_without_delays(ledger._redis)
        failures = await asyncio.gather(
            ledger.read(KEY),
            ledger.write(entry_of(), expected=0),
            anext(ledger.entries()),
            return_exceptions=True,
        )
    for failure in failures:
        assert type(failure) is LedgerError
        assert str(failure).startswith("ledger: Redis cannot be used (ConnectionError")
        assert "s3cret" not in str(failure)
        assert failure.__context__ is None


async def test_ledger_survives_a_restart_of_redis(own_redis: RedisServer) -> None:
    async with RedisLedger(own_redis.url) as ledger:
        await ledger.write(entry_of(), expected=0)
        await asyncio.to_thread(own_redis.stop)
        await asyncio.to_thread(own_redis.start)
        assert await ledger.read(KEY) == entry_of()
        assert await ledger.write(entry_of(revision=2, ref=REF), expected=1)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("redis", {"redis": "localhost"}),
        ("redis", {"redis": "redis://localhost:w0rd"}),
        ("redis", {"redis": 5}),
        ("prefix", {"prefix": ""}),
        ("keep", {"keep": 0}),
    ],
)
def test_wrong_argument_of_a_ledger_is_named_and_no_password_shown(
    name: str, wrong: dict[str, Any]
) -> None:
    right: dict[str, Any] = {"redis": "redis://localhost"}
    with pytest.raises(ConfigurationError, match=f"^{name}: ") as refused:
        RedisLedger(**(right | wrong))
    assert "w0rd" not in str(refused.value)
    assert "w0rd" not in str(refused.value.__context__)


@pytest.mark.parametrize(
    ("name", "wrong"), [("name", {"name": ""}), ("per_second", {"per_second": 0})]
)
def test_wrong_argument_of_a_limit_is_named(name: str, wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"name": "x", "per_second": 1}
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        fleet_limit("redis://localhost", **(right | wrong))


async def test_callers_that_share_a_limit_stay_below_it(redis_url: str, prefix: str) -> None:
    slots: list[float] = []
    began = time.monotonic()

    async def call() -> None:
        async with fleet_limit(redis_url, name="x", per_second=50, prefix=prefix) as limit:
            for _ in range(10):
                await limit()
                slots.append(time.monotonic() - began)

    await asyncio.gather(call(), call(), call())
    for number, at in enumerate(slots):
        assert at >= number * 0.02 - 0.005  # precision of timers


async def test_slots_reserved_ahead_stay_reserved(redis_url: str, prefix: str) -> None:
    async with fleet_limit(redis_url, name="x", per_second=40, prefix=prefix) as limit:
        now = await limit._now()
        slots = [await limit._reserve(now) for _ in range(40)]
        await asyncio.sleep(0.1)  # longer than an interval, and before the last slot
        slots += [await limit._reserve(now) for _ in range(40)]
    assert slots == [now + 25 * number for number in range(80)]


async def test_fast_limit_is_exact_despite_whole_milliseconds(redis_url: str, prefix: str) -> None:
    async with fleet_limit(redis_url, name="x", per_second=150, prefix=prefix) as limit:
        now = await limit._now()
        slots = [await limit._reserve(now) for _ in range(301)]
    # Two seconds; with each interval rounded up it would be 2.1. Two may leave at once first.
    assert 1990 <= slots[-1] - now <= 2000


async def test_each_name_is_a_limit_of_its_own(redis_url: str, prefix: str) -> None:
    began = time.monotonic()
    for name in ("x", "y"):
        async with fleet_limit(redis_url, name=name, per_second=0.1, prefix=prefix) as limit:
            await limit()
    assert time.monotonic() - began < 5


async def test_spellings_of_one_base_url_name_one_limit(redis_url: str, prefix: str) -> None:
    slots: list[int] = []
    for name in ("https://example.com", "HTTPS://Example.com.:443/./api/v1.1"):
        async with fleet_limit(redis_url, name=name, per_second=0.1, prefix=prefix) as limit:
            slots.append(await limit._reserve(slots[0] if slots else await limit._now()))
    assert slots[1] == slots[0] + 10_000


@pytest.mark.parametrize("back", [2, 600])
async def test_limit_begins_anew_after_the_clock_of_redis_went_back(
    redis_url: str, prefix: str, caplog: pytest.LogCaptureFixture, back: int
) -> None:
    async with RedisRelay(redis_url) as relay:
        relay.ahead = 3600
        async with fleet_limit(relay.url, name="x", per_second=20, prefix=prefix) as limit:
            for _ in range(3):
                await limit()
            relay.ahead -= back
            began = time.monotonic()
            async with asyncio.timeout(5):
                for _ in range(11):
                    await limit()
            assert time.monotonic() - began >= 0.5 - 0.005  # precision of timers
    (warning,) = [one.getMessage() for one in caplog.records if one.name == "altcraft_async"]
    assert "the clock of Redis went back" in warning


async def test_limit_of_a_new_process_does_not_wait_for_slots_of_a_wrong_clock(
    redis_url: str, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with RedisRelay(redis_url) as relay:
        relay.ahead = 600
        async with fleet_limit(relay.url, name="x", per_second=20, prefix=prefix) as limit:
            await limit()
        relay.ahead = 0
        async with (
            asyncio.timeout(5),
            fleet_limit(relay.url, name="x", per_second=20, prefix=prefix) as limit,
        ):
            await limit()
            await limit()
    assert caplog.text.count("the clock of Redis went back") == 1


async def test_limit_waits_for_redis_and_warns_once(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with Redis.from_url(own_redis.url) as redis:  # without retries
        limit = fleet_limit(redis, name="x", per_second=100)
        await limit()
        await asyncio.to_thread(own_redis.stop)
        waiting = [asyncio.create_task(limit()) for _ in range(3)]
        done, _ = await asyncio.wait(waiting, timeout=0.3)
        assert not done
        await asyncio.to_thread(own_redis.start)
        await asyncio.gather(*waiting)
    (warning,) = [one.getMessage() for one in caplog.records if one.name == "altcraft_async"]
    assert warning.startswith("nothing is sent until Redis can be reached again")


async def test_wrong_password_fails_at_once(redis_url: str) -> None:
    address = redis_url.replace("//", "//someone:s3cret@")
    async with fleet_limit(address, name="x", per_second=100) as limit:
        retry_without_delays(limit._redis)
        with pytest.raises(TransportError, match=r"^shared_limit: .*AuthenticationError"):
            await limit()


async def test_clients_that_share_a_limit_stay_below_it(redis_url: str, prefix: str) -> None:
    async with (
        Simulator(duration=0.3) as server,
        fleet_limit(redis_url, name="x", per_second=40, prefix=prefix) as limit,
        fleet_limit(redis_url, name="x", per_second=40, prefix=prefix) as another,
        AltcraftClient(server.url, server.token, shared_limit=limit) as one,
        AltcraftClient(server.url, server.token, shared_limit=another) as two,
    ):

        async def refresh(client: AltcraftClient, first: int) -> None:
            targets = [(first + number, 1) for number in range(8)]
            _ = [outcome async for outcome in client.resources.refresh_many(targets)]

        began = asyncio.get_running_loop().time()
        await asyncio.gather(refresh(one, 1), refresh(two, 20))
        last = server.requests[-1].at
    assert len(server.requests) >= 32
    assert last - began >= (len(server.requests) - 1) / 40 - 0.005  # precision of timers
