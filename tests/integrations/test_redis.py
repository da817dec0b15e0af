"""What processes share in Redis: a ledger that fails closed, and one rate over all of them."""

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
from redis.exceptions import RedisError

from altcraft_async import AltcraftClient, ConfigurationError, LedgerError
from altcraft_async.integrations.redis import RedisLedger, fleet_limit
from altcraft_async.simulator import Simulator
from tests.support.ledgers import KEY, REF, entry_of
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer


@pytest.fixture
def own_redis(tmp_path: Path) -> Generator[RedisServer, None, None]:
    """A Redis of this test's own, to be stopped and started."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def prefix() -> str:
    """Names that no other test uses, with all that means something in a pattern of Redis."""
    return f"[*?]\\{os.urandom(8).hex()}:"


async def test_entry_is_found_under_its_prefix_only(redis_url: str, prefix: str) -> None:
    """Two prefixes are two ledgers."""
    async with (
        RedisLedger(redis_url, prefix=prefix) as mine,
        RedisLedger(redis_url, prefix="x" + prefix) as yours,
    ):
        await mine.write(entry_of(), expected=0)
        assert await yours.read(KEY) is None
        assert [entry async for entry in mine.entries()] == [entry_of()]
        assert [entry async for entry in yours.entries()] == []


async def test_write_whose_answer_was_lost_can_be_sent_again(redis_url: str, prefix: str) -> None:
    """The same write sent twice, as redis-py does after a cut connection, is won both times."""
    async with RedisLedger(redis_url, prefix=prefix) as ledger:
        assert await ledger.write(entry_of(), expected=0)
        assert await ledger.write(entry_of(), expected=0)
        assert not await ledger.write(entry_of(owner="o2"), expected=0)


async def test_what_is_over_expires_and_nothing_else(redis_url: str, prefix: str) -> None:
    """A running task is remembered for ever, one that is over for as long as was asked."""
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


async def test_borrowed_connections_are_not_closed(redis_url: str, prefix: str) -> None:
    """A ledger that was given a client closes itself only."""
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        async with RedisLedger(redis, prefix=prefix) as ledger:
            await ledger.write(entry_of(), expected=0)
            assert await ledger.read(KEY) == entry_of()
            assert [entry async for entry in ledger.entries()] == [entry_of()]
        assert await redis.ping()
        with pytest.raises(LedgerError, match="closed"):
            await ledger.read(KEY)


async def test_any_number_may_ask_at_once(redis_url: str, prefix: str) -> None:
    """More who ask at once than redis-py has connections for wait for each other."""
    async with RedisLedger(redis_url, prefix=prefix) as ledger:
        assert set(await asyncio.gather(*(ledger.read(KEY) for _ in range(300)))) == {None}


async def test_who_gives_up_before_its_turn_leaves_nothing(redis_url: str) -> None:
    """A question that is cancelled before it was sent is no coroutine that nobody awaits."""
    async with RedisLedger(redis_url) as ledger:
        asking = [asyncio.create_task(ledger.read(KEY)) for _ in range(40)]
        await asyncio.sleep(0)
        for one in asking:
            one.cancel()
        assert len(await asyncio.gather(*asking, return_exceptions=True)) == 40
    gc.collect()  # which pytest would have a warning of


async def test_what_is_no_entry_is_a_ledger_error(redis_url: str, prefix: str) -> None:
    """Whatever else stands under the key, nothing is started because of it."""
    async with Redis.from_url(redis_url) as redis, RedisLedger(redis, prefix=prefix) as ledger:
        await redis.set(f"{prefix}ledger:{KEY}", "else")
        with pytest.raises(LedgerError, match="not an entry"):
            await ledger.read(KEY)
        with pytest.raises(LedgerError, match="ResponseError"):
            await ledger.write(entry_of(), expected=0)


async def test_redis_that_is_down_is_a_ledger_error_without_a_password() -> None:
    """It fails closed, and says nothing that is secret, in no frame of the error either."""
    async with RedisLedger(f"redis://someone:s3cret@127.0.0.1:{free_port()}") as ledger:
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


async def test_ledger_outlives_a_restart_of_redis(own_redis: RedisServer) -> None:
    """What was written is there after a restart, and the same ledger goes on with it."""
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
def test_wrong_argument_of_a_ledger_is_named(name: str, wrong: dict[str, Any]) -> None:
    """Before anything is opened, and without what may be a password."""
    right: dict[str, Any] = {"redis": "redis://localhost"}
    with pytest.raises(ConfigurationError, match=f"^{name}: ") as refused:
        RedisLedger(**(right | wrong))
    assert "w0rd" not in str(refused.value)
    assert "w0rd" not in str(refused.value.__context__)


@pytest.mark.parametrize(
    ("name", "wrong"), [("name", {"name": ""}), ("per_second", {"per_second": 0})]
)
def test_wrong_argument_of_a_limit_is_named(name: str, wrong: dict[str, Any]) -> None:
    """Before anything is opened."""
    right: dict[str, Any] = {"name": "x", "per_second": 1}
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        fleet_limit("redis://localhost", **(right | wrong))


async def test_limit_is_kept_over_all_who_share_it(redis_url: str, prefix: str) -> None:
    """Three who ask as fast as they can get places of one rate, none closer than it allows."""
    passed: list[float] = []
    began = time.monotonic()

    async def ask() -> None:
        async with fleet_limit(redis_url, name="x", per_second=50, prefix=prefix) as limit:
            for _ in range(10):
                await limit()
                passed.append(time.monotonic() - began)

    await asyncio.gather(ask(), ask(), ask())
    for number, at in enumerate(passed):
        assert at >= number * 0.02 - 0.005  # of the timers


async def test_places_taken_ahead_are_kept(redis_url: str, prefix: str) -> None:
    """Many that are taken far ahead of their time are one after another all the same."""
    async with fleet_limit(redis_url, name="x", per_second=40, prefix=prefix) as limit:
        now = await limit._now()
        places = [await limit._place(now) for _ in range(40)]
        await asyncio.sleep(0.1)  # which is long after what is between two, and before the last
        places += [await limit._place(now) for _ in range(40)]
    assert places == [now + 25 * number for number in range(80)]


async def test_fast_limit_loses_nothing_to_rounding(redis_url: str, prefix: str) -> None:
    """Above a hundred a second places come at whole milliseconds, and as many as were asked for."""
    async with fleet_limit(redis_url, name="x", per_second=150, prefix=prefix) as limit:
        now = await limit._now()
        places = [await limit._place(now) for _ in range(301)]
    # Two seconds; rounded up each, it would be 2.1. Two may leave at once in the beginning.
    assert 1990 <= places[-1] - now <= 2000


async def test_names_are_limits_of_their_own(redis_url: str, prefix: str) -> None:
    """Who names another limit does not wait for this one."""
    began = time.monotonic()
    for name in ("x", "y"):
        async with fleet_limit(redis_url, name=name, per_second=0.1, prefix=prefix) as limit:
            await limit()
    assert time.monotonic() - began < 5


async def test_limit_waits_for_a_redis_that_is_down(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is let through without Redis, one warning says so, and it goes on by itself."""
    async with Redis.from_url(own_redis.url) as redis:  # which tries once
        limit = fleet_limit(redis, name="x", per_second=100)
        await limit()
        await asyncio.to_thread(own_redis.stop)
        waiting = [asyncio.create_task(limit()) for _ in range(3)]
        done, _ = await asyncio.wait(waiting, timeout=1)
        assert not done
        await asyncio.to_thread(own_redis.start)
        await asyncio.gather(*waiting)
    (warning,) = [one.getMessage() for one in caplog.records if one.name == "altcraft_async"]
    assert warning.startswith("nothing is sent until Redis can be reached again")


async def test_limit_that_redis_refuses_fails(redis_url: str) -> None:
    """A wrong password does not heal, so it is said instead of waited for."""
    address = redis_url.replace("//", "//someone:s3cret@")
    async with fleet_limit(address, name="x", per_second=100) as limit:
        with pytest.raises(RedisError):
            await limit()


async def test_clients_of_one_limit_stay_below_it_together(redis_url: str, prefix: str) -> None:
    """Two clients, as two processes would have them, send no more than the rate of both."""
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
    assert last - began >= (len(server.requests) - 1) / 40 - 0.005  # of the timers
