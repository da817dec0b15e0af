"""`SQLiteLedger` whose file is gone, locked or damaged: an error, and nothing is sent."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from altcraft_async import AltcraftClient, LedgerEntry, LedgerError, SQLiteLedger
from altcraft_async.simulator import Simulator
from altcraft_async.starts.ledger import entry_key
from tests.support.ledgers import KEY, REF, entry_of


def deleted(path: Path) -> None:
    """Delete it."""
    path.unlink()


def replaced(path: Path) -> None:
    """Put a copy in its place, as a restored backup is."""
    other = path.with_name("other")
    sqlite3.connect(other).close()
    other.write_bytes(path.read_bytes())
    other.replace(path)


def emptied(path: Path) -> None:
    """Cut it to no bytes."""
    os.truncate(path, 0)


def moved(path: Path) -> None:
    """Give it another name."""
    path.rename(path.with_name("moved"))


def without_log(path: Path) -> None:
    """Delete the log beside it, which has the newest writes."""
    path.with_name(path.name + "-wal").unlink()


@pytest.mark.parametrize("lose", [deleted, replaced, emptied, moved, without_log])
async def test_file_lost_under_a_running_process_is_an_error_and_nothing_is_sent(
    tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    path = tmp_path / "starts.sqlite"
    async with (
        Simulator() as server,
        SQLiteLedger(path) as ledger,
        AltcraftClient(server.url, server.token, ledger=ledger) as client,
    ):
        await client.resources.refresh_counters(24, database_id=1)
        lose(path)
        for _ in range(2):
            with pytest.raises(LedgerError, match=r"starts\.sqlite .*(deleted|malformed)"):
                await client.resources.refresh_counters(25, database_id=1)
        assert sum(server.starts.values()) == 1
        with pytest.raises(LedgerError):
            _ = [entry async for entry in ledger.entries()]


async def test_file_that_is_moved_away_and_back_works_again(tmp_path: Path) -> None:
    path = tmp_path / "starts.sqlite"
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)
        path.rename(tmp_path / "moved")
        with pytest.raises(LedgerError):
            await ledger.read(KEY)
        (tmp_path / "moved").rename(path)
        assert await ledger.read(KEY) == entry_of()


async def test_change_of_the_working_directory_loses_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with SQLiteLedger("starts.sqlite") as ledger:
        await ledger.write(entry_of(), expected=0)
        monkeypatch.chdir("/")
        assert await ledger.read(KEY) == entry_of()


async def test_link_that_leads_elsewhere_is_an_error(tmp_path: Path) -> None:
    link = tmp_path / "starts.sqlite"
    (tmp_path / "folder").mkdir()
    link.symlink_to(tmp_path / "folder" / "one")
    async with SQLiteLedger(link) as ledger:
        assert await ledger.write(entry_of(), expected=0)
        link.unlink()
        link.symlink_to(tmp_path / "two")
        (tmp_path / "two").touch()
        with pytest.raises(LedgerError, match="deleted"):
            await ledger.read(KEY)


@pytest.mark.slow
@pytest.mark.parametrize("opened", [True, False])
async def test_starts_at_once_that_a_lock_stops_fail_together(
    tmp_path: Path,
    opened: bool,  # noqa: FBT001 -- before or after another process locks the file
) -> None:
    path = tmp_path / "starts.sqlite"
    began = asyncio.get_running_loop().time()
    seconds: list[float] = []
    async with (
        Simulator() as server,
        SQLiteLedger(path) as ledger,
        AltcraftClient(server.url, server.token, ledger=ledger) as client,
    ):
        if opened:
            await client.resources.refresh_counters(1, database_id=1)
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("BEGIN EXCLUSIVE")

        async def start(number: int) -> None:
            with pytest.raises(LedgerError, match="locked"):
                await client.resources.refresh_counters(number, database_id=1)
            seconds.append(asyncio.get_running_loop().time() - began)

        await asyncio.gather(*(start(number) for number in range(10, 22)))
        stranger.close()
        assert min(seconds) > 4.5
        assert max(seconds) < 7.0
        assert sum(server.starts.values()) == opened
        await client.resources.refresh_counters(10, database_id=1)


async def everything(path: Path, keys: list[str]) -> list[LedgerEntry | None]:
    """Open the ledger as the next process does, and read all of it."""
    async with SQLiteLedger(path) as ledger:
        running = [entry async for entry in ledger.entries()]
        stored = [await ledger.read(key) for key in keys]
    assert running == [entry for entry in stored if entry and not entry.over]
    return stored


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 8, 512])
async def test_damaged_ledger_is_read_as_it_was_or_is_an_error(tmp_path: Path, length: int) -> None:
    path, where = tmp_path / "starts.sqlite", random.Random(length)  # noqa: S311 -- the same places each time
    targets = ((number, 1) for number in range(1, 80))
    keys = sorted(entry_key("https://example.com", "resource", target) for target in targets)
    async with SQLiteLedger(path) as ledger:
        for number, key in enumerate(keys):
            entry = entry_of(key, idempotency_key="nightly", ref=REF, over=bool(number % 3))
            await ledger.write(entry, expected=0)
    whole, expected = path.read_bytes(), await everything(path, keys)
    errors = 0
    for _ in range(100):
        at = where.randrange(len(whole) - length)
        damaged = bytes(byte ^ where.randrange(1, 256) for byte in whole[at : at + length])
        path.write_bytes(whole[:at] + damaged + whole[at + length :])
        try:
            assert await everything(path, keys) == expected, at
        except LedgerError:
            errors += 1
    assert errors > 50


async def test_letter_that_changed_in_a_name_is_an_error_and_nothing_is_sent(
    tmp_path: Path,
) -> None:
    path = tmp_path / "starts.sqlite"
    async with Simulator(duration=0.1) as server:
        client = AltcraftClient(server.url, server.token, ledger=SQLiteLedger(path))
        await client.resources.refresh(24, database_id=1, idempotency_key="nightly")
        await client.aclose()
        assert client.ledger is not None
        await client.ledger.aclose()
        path.write_bytes(path.read_bytes().replace(b"nightly", b"nightlx"))
        async with (
            SQLiteLedger(path) as ledger,
            AltcraftClient(server.url, server.token, ledger=ledger) as other,
        ):
            with pytest.raises(LedgerError, match="damaged"):
                await other.resources.refresh(24, database_id=1, idempotency_key="nightly")
        assert sum(server.starts.values()) == 1


async def test_damaged_schema_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "starts.sqlite"
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)
    path.write_bytes(path.read_bytes().replace(b"altcraft_starts", b"altcr\xe1ft_starts", 1))
    with pytest.raises(LedgerError, match="cannot be used"):
        await everything(path, [KEY])


@pytest.mark.parametrize("change", ["over = 1", "revision = 7", "key = 'else'"])
async def test_entry_whose_columns_do_not_fit_it_is_an_error_at_opening(
    tmp_path: Path, change: str
) -> None:
    path = tmp_path / "starts.sqlite"
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)
    with sqlite3.connect(path) as stranger:
        stranger.execute(f"UPDATE altcraft_starts SET {change}")  # noqa: S608 -- our own words
    stranger.close()
    async with SQLiteLedger(path) as ledger:
        with pytest.raises(LedgerError, match="damaged"):
            await ledger.read(entry_key("https://example.com/api/v1.1", "resource", (99, 1)))


async def test_entry_without_a_checksum_is_read(tmp_path: Path) -> None:
    """As earlier versions wrote it."""
    path = tmp_path / "starts.sqlite"
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)
        with sqlite3.connect(path) as stranger:
            stranger.execute("UPDATE altcraft_starts SET entry = ?", (entry_of().to_json(),))
        stranger.close()
    assert await everything(path, [KEY]) == [entry_of()]
