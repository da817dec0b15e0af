"""`SQLiteLedger` whose file is gone, locked or damaged: an error, and nothing is sent."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from altcraft_async import AltcraftClient, LedgerError, SQLiteLedger
from altcraft_async.simulator import Simulator
from tests.support.ledgers import KEY, entry_of


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
