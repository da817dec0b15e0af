"""`SQLiteLedger`: what is true of the file, beyond what every ledger does."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from altcraft_async import (
    AltcraftClient,
    ConfigurationError,
    Constant,
    LedgerEntry,
    LedgerError,
    SQLiteLedger,
)
from altcraft_async.simulator import PretendClock, Simulator
from tests.support.forks import in_a_fork
from tests.support.ledgers import KEY, entry_of


def test_constructing_opens_no_file(tmp_path: Path) -> None:
    ledger = SQLiteLedger(tmp_path / "starts.sqlite")
    assert repr(ledger) == f"<SQLiteLedger {tmp_path}/starts.sqlite>"
    assert not list(tmp_path.iterdir())


class BytesPath:
    """A path of bytes, as `os` takes it."""

    def __fspath__(self) -> bytes:
        """Return bytes."""
        return b"starts.sqlite"


@pytest.mark.parametrize("path", ["", None, 5, b"starts.sqlite", BytesPath(), "a\0b", "\ud800"])
def test_argument_that_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^path: has to be the path of a file"):
        SQLiteLedger(cast("Any", path))


async def test_closing_an_unused_ledger_makes_no_file(tmp_path: Path) -> None:
    async with SQLiteLedger(tmp_path / "starts.sqlite"):
        pass
    assert not (tmp_path / "starts.sqlite").exists()


async def test_file_that_cannot_be_opened_is_a_ledger_error(tmp_path: Path) -> None:
    """Once the folder is there, the same ledger works."""
    async with SQLiteLedger(tmp_path / "missing" / "starts.sqlite") as ledger:
        with pytest.raises(LedgerError, match=r"missing/starts\.sqlite cannot be used"):
            await ledger.read(KEY)
        (tmp_path / "missing").mkdir()
        assert await ledger.write(entry_of(), expected=0)


async def test_file_that_is_no_database_is_a_ledger_error_and_stays_as_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "starts.sqlite"
    path.write_text("something else, and more than a hundred characters of it" * 10)
    async with SQLiteLedger(path) as ledger:
        with pytest.raises(LedgerError, match="not a database"):
            await ledger.write(entry_of(), expected=0)
    assert path.read_text().startswith("something else")


async def test_entry_that_cannot_be_read_is_a_ledger_error(tmp_path: Path) -> None:
    path = tmp_path / "starts.sqlite"
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)
        with sqlite3.connect(path) as stranger:
            stranger.execute("UPDATE altcraft_starts SET entry = '{}'")
        stranger.close()
        with pytest.raises(LedgerError, match="not an entry"):
            await ledger.read(KEY)
        with pytest.raises(LedgerError, match="not an entry"):
            _ = [entry async for entry in ledger.entries()]


async def test_writes_are_on_the_disk_when_they_return(tmp_path: Path) -> None:
    """The file is in WAL mode, and each commit is synced."""
    path = tmp_path / "starts.sqlite"
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)
        said = [
            await ledger._file.run(lambda own: own.execute(pragma).fetchone()[0])  # noqa: B023 -- awaited at once
            for pragma in ("PRAGMA journal_mode", "PRAGMA synchronous")
        ]
    assert said == ["wal", 2]


@pytest.mark.slow
async def test_file_that_stays_locked_for_five_seconds_is_a_ledger_error(tmp_path: Path) -> None:
    path = tmp_path / "starts.sqlite"
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"):
            await ledger.write(entry_of(revision=2), expected=1)
        stranger.execute("COMMIT")
        stranger.close()
        assert await ledger.write(entry_of(revision=2), expected=1)


async def test_ledger_of_the_parent_process_is_refused_in_a_fork(tmp_path: Path) -> None:
    """The fork lacks the thread that has the file, so waiting for it would never end."""
    ledger = SQLiteLedger(tmp_path / "starts.sqlite")
    await ledger.write(entry_of(), expected=0)

    async def use() -> str:
        try:
            await ledger.read(KEY)
        except LedgerError as refused:
            await ledger.aclose()
            return str(refused)
        return "no error"

    said = await asyncio.to_thread(in_a_fork, lambda: asyncio.run(use()))
    assert "forked" in said
    assert await ledger.read(KEY) == entry_of()
    await ledger.aclose()


async def test_one_ledger_works_in_several_event_loops(tmp_path: Path) -> None:
    ledger = SQLiteLedger(tmp_path / "starts.sqlite")
    await ledger.write(entry_of(), expected=0)
    assert await asyncio.to_thread(asyncio.run, ledger.read(KEY)) == entry_of()
    await ledger.aclose()


def test_importing_the_package_does_not_load_what_only_ledgers_need() -> None:
    # What measures coverage loads one of them before.
    imports = "from altcraft_async import SQLiteLedger"
    code = f"import sys; had = {{*sys.modules}}; {imports}; print(*{{*sys.modules}} - had)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 -- our own words
    loaded = set(ran.stdout.split())
    assert "altcraft_async" in loaded
    assert not loaded & {"sqlite3", "concurrent.futures.thread"}


class OnASlowDisk(SQLiteLedger):
    """A ledger that takes long enough for pretend time to pass."""

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Write, and take a while."""
        written = await super().write(entry, expected=expected)
        await asyncio.sleep(0.05)
        return written


async def test_pretend_time_that_passes_while_an_intent_is_written_does_not_shorten_its_lease(
    tmp_path: Path,
) -> None:
    """A lease goes by real time, of which a write takes little."""
    clock = PretendClock()
    async with (
        Simulator(duration=1e6, clock=clock.time) as server,
        OnASlowDisk(tmp_path / "starts.sqlite") as ledger,
        AltcraftClient(
            server.url, server.token, clock=clock, ledger=ledger, poll=Constant(60)
        ) as client,
    ):
        first = await client.resources.refresh_counters(24, database_id=1)
        first.add_done_callback(lambda _: None)  # time passes only while a task has a waiter
        began = clock.time()
        await client.resources.refresh_counters(25, database_id=1)
        assert clock.time() > began


async def test_new_file_that_another_process_locks_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself waits for every lock but the one that the journal mode needs."""
    path = tmp_path / "starts.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE theirs (number)")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO theirs VALUES (1)")
    async with SQLiteLedger(path) as ledger:
        asyncio.get_running_loop().call_later(0.1, other.close)
        assert await ledger.read(KEY) is None


async def test_unknown_task_is_polled_again_by_the_clock_of_the_client(tmp_path: Path) -> None:
    clock = PretendClock()
    async with (
        Simulator(duration=3600.0, clock=clock.time) as server,
        SQLiteLedger(tmp_path / "starts.sqlite") as ledger,
        AltcraftClient(server.url, server.token, clock=clock, ledger=ledger) as first,
        AltcraftClient(server.url, server.token, clock=clock, ledger=ledger) as second,
    ):
        lost = await first.resources.refresh_counters(24, database_id=1)
        server.world.forget(lost.ref.task_id)
        async with asyncio.timeout(5):
            found = await second.resources.refresh_counters(24, database_id=1)
        assert found.ref.task_id != lost.ref.task_id


@pytest.mark.slow
async def test_run_of_hundreds_leaves_only_entries_that_are_over(tmp_path: Path) -> None:
    async with (
        Simulator(duration=0.05) as server,
        SQLiteLedger(tmp_path / "starts.sqlite") as ledger,
    ):
        async with AltcraftClient(server.url, server.token, ledger=ledger) as client:
            targets = [(number, 1) for number in range(1, 201)]
            stream = client.resources.refresh_many(targets, idempotency_key="n")
            assert len([outcome async for outcome in stream]) == 200
        assert [entry async for entry in ledger.entries()] == []
        assert sum(server.starts.values()) == 200
