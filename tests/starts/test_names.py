"""A name is remembered, whatever other names came after it at the same target."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import zlib
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from altcraft_async import (
    AltcraftClient,
    ConfigurationError,
    Constant,
    LedgerEntry,
    SQLiteLedger,
    StartUnknownError,
    TaskLedger,
    TransportError,
)
from altcraft_async.integrations.redis import RedisLedger
from altcraft_async.simulator import Fault, Simulator
from altcraft_async.starts.ledger import entry_key, name_key
from tests.support.ledgers import KEY, NIGHT, REF, STORES, entry_of
from tests.support.redis_server import shared_redis
from tests.support.shared_ledger import LEASE, Night, night, start

START = "resources/refresh_counters"
POLL = Constant(0.02)
NAMES = ["a", "b", None, "a", "c", "b", "a", "c"]


async def refreshed(server: Simulator, ledger: TaskLedger, name: str | None) -> str:
    """Refresh as a process of its own, which lives until the end; return the task's id."""
    async with AltcraftClient(server.url, server.token, ledger=ledger, poll=POLL) as client:
        handle = await client.resources.refresh_counters(24, database_id=1, idempotency_key=name)
        await handle
    return handle.ref.task_id


@pytest.mark.parametrize("store", STORES)
async def test_name_gets_its_own_task_after_other_names(store: str, tmp_path: Path) -> None:
    async with Simulator(duration=0.05) as server, STORES[store](tmp_path) as ledger:
        got = [await refreshed(server, ledger, name) for name in NAMES]
        assert got[3:] == [got[0], got[4], got[1], got[0], got[4]]
        assert sum(server.starts.values()) == len(set(NAMES))
        assert [entry async for entry in ledger.entries()] == []


@pytest.mark.parametrize("store", STORES)
async def test_name_whose_process_died_gets_its_task_after_another_name(
    store: str, tmp_path: Path
) -> None:
    """Nobody has written that its task has ended."""
    async with Simulator(duration=0.05) as server, STORES[store](tmp_path) as ledger:
        async with AltcraftClient(server.url, server.token, ledger=ledger) as dead:
            first = await start(dead, "a")
        await asyncio.sleep(0.1)
        assert await refreshed(server, ledger, "b") != first
        assert await refreshed(server, ledger, "a") == first
        assert sum(server.starts.values()) == 2


async def with_unknown_start(world: Night, name: str) -> AltcraftClient:
    """Return a client whose start under this name got no answer, once its lease is over."""
    client = world.open(reconcile_starts=True)
    world.server.misbehave(START, Fault.lost_start())
    with pytest.raises(TransportError):
        await start(client, name)
    await asyncio.sleep(LEASE)
    return client


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_name_that_joined_a_task_gets_it_after_its_end() -> None:
    async with night() as world:
        first = await start(world.open(), "a")
        assert await start(world.open(), "b") == first
        await asyncio.sleep(11)
        assert await start(world.open(), "b") == first
        assert await start(world.open(), "a") == first
        assert world.starts == 1


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_name_gets_its_own_task_while_the_client_has_that_of_another_running() -> None:
    async with night() as world:
        client = world.open()
        first = await start(client, "a")
        await asyncio.sleep(11)
        second = await start(client, "b")
        assert await start(client, "a") == first
        assert await start(client) == second
        assert world.starts == 2


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_name_whose_start_is_unknown_stays_unknown_after_another_name() -> None:
    """Until the caller forgets it."""
    async with night(shows_running=True) as world:
        client = await with_unknown_start(world, "a")
        second = await start(client, "b")
        await asyncio.sleep(11)
        with pytest.raises(StartUnknownError) as unknown:
            await start(client, "a")
        (entry,) = unknown.value.entries
        assert entry.key == name_key(world.key, "a")
        assert unknown.value.report is not None
        resumed = [handle.ref.task_id async for handle in world.open().resume()]
        assert resumed == [second]
        assert await start(client, "b") == second
        assert world.starts == 2
        assert await world.ledger.forget(entry)
        assert await start(client, "a")
        assert world.starts == 3


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_name_whose_start_did_not_happen_is_started_after_another_name() -> None:
    async with night(shows_running=True) as world:
        client = world.open(reconcile_starts=True)
        await client.resources.refresh(24, database_id=1)
        world.server.misbehave(START, Fault.reset())
        with pytest.raises(TransportError):
            await start(client, "a")
        await asyncio.sleep(LEASE)
        second = await start(client, "b")
        await asyncio.sleep(11)
        assert await start(client, "a") != second
        assert world.starts == 3


@pytest.mark.looptime
@pytest.mark.usefixtures("nothing_left")
async def test_unknown_name_joins_the_running_task_of_another() -> None:
    async with night(shows_running=True) as world:
        client = await with_unknown_start(world, "a")
        second = await start(client, "b")
        assert await start(world.open(reconcile_starts=True), "a") == second
        await asyncio.sleep(11)
        assert await start(world.open(), "a") == second
        assert world.ledger.stored[name_key(world.key, "a")].over
        assert world.starts == 2


def test_name_key_is_no_key_of_a_target() -> None:
    target = entry_key("https://example.com", "segment", (5, 24))
    assert name_key(target, "1") != entry_key("https://example.com", "segment", (5, 24, 1))


FORMER_SCHEMA = """
CREATE TABLE altcraft_starts (
    key TEXT PRIMARY KEY, revision INTEGER NOT NULL, over INTEGER NOT NULL, entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX altcraft_starts_open ON altcraft_starts (key) WHERE NOT over;
"""


@pytest.mark.parametrize("version", ["with checksums", "without checksums"])
async def test_name_in_a_file_of_an_earlier_version_is_remembered(
    tmp_path: Path, version: str
) -> None:
    path = tmp_path / "starts.sqlite"
    async with Simulator(duration=0.05) as server:
        key = entry_key(f"{server.url}/api/v1.1", "resource", (24, 1))
        entry = entry_of(key, idempotency_key="a", ref=REF, over=True).to_json()
        if version == "with checksums":
            entry = former_checksum(key, 1, 1, entry) + entry
        with closing(sqlite3.connect(path)) as former:
            former.executescript(FORMER_SCHEMA)
            former.execute("INSERT INTO altcraft_starts VALUES (?, 1, 1, ?)", (key, entry))
            former.commit()
        async with (
            SQLiteLedger(path, keep=0.001) as ledger,
            AltcraftClient(server.url, server.token, ledger=ledger, poll=POLL) as client,
        ):
            assert await start(client, "a") == REF.task_id
            await client.resources.refresh(24, database_id=1, idempotency_key="b")
            assert await start(client, "a") == REF.task_id
        assert sum(server.starts.values()) == 1


def former_checksum(*columns: object) -> str:
    """Return the checksum as the earlier version wrote it before an entry."""
    return f"{zlib.crc32(chr(10).join(map(str, columns)).encode()):08x}"


async def test_name_in_a_redis_of_an_earlier_version_is_remembered() -> None:
    prefix = f"{os.urandom(8).hex()}:"
    async with (
        Simulator(duration=0.05) as server,
        Redis.from_url(shared_redis().url) as redis,
        RedisLedger(redis, prefix=prefix, keep=60) as ledger,
    ):
        key = entry_key(f"{server.url}/api/v1.1", "resource", (24, 1))
        former = entry_of(key, idempotency_key="a", ref=REF, over=True).to_json()
        await redis.set(f"{prefix}ledger:{key}", former)
        await refreshed(server, ledger, "b")
        async with AltcraftClient(server.url, server.token, ledger=ledger) as client:
            assert await start(client, "a") == REF.task_id
        assert 50_000 < await redis.pttl(f"{prefix}ledger:{name_key(key, 'a')}") <= 60_000
        assert sum(server.starts.values()) == 1


class MovedLedger(SQLiteLedger):
    """A ledger whose time is moved by hand."""

    ahead = timedelta()

    def now(self) -> datetime:
        """Return the time of the night."""
        return NIGHT + self.ahead


async def test_file_keeps_what_is_over_for_a_while_and_the_rest_for_ever(tmp_path: Path) -> None:
    """The next process drops what was kept long enough."""
    path = tmp_path / "starts.sqlite"
    over = entry_of(idempotency_key="a", ref=REF, over=True)
    rest = [entry_of(f"{KEY}1"), entry_of(f"{KEY}2", ref=REF)]

    async def kept(ahead: float) -> list[LedgerEntry | None]:
        async with MovedLedger(path, keep=60) as ledger:
            ledger.ahead = timedelta(seconds=ahead)
            assert await ledger.write(entry_of(f"{KEY}3 {ahead}"), expected=0)
            return [await ledger.read(entry.key) for entry in (over, *rest)]

    async with MovedLedger(path) as ledger:
        for entry in (over, *rest):
            await ledger.write(entry, expected=0)
    assert await kept(59) == [over, *rest]
    assert await kept(62) == [None, *rest]


async def test_time_to_keep_has_to_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^keep: has to be a positive number"):
        SQLiteLedger(tmp_path / "starts.sqlite", keep=0)
