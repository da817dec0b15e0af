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


def test_making_one_opens_nothing(tmp_path: Path) -> None:
    """A ledger can be made anywhere, and says where it is."""
    ledger = SQLiteLedger(tmp_path / "starts.sqlite")
    assert repr(ledger) == f"<SQLiteLedger {tmp_path}/starts.sqlite>"
    assert not list(tmp_path.iterdir())


class BytesPath:
    """A path as `os` takes it, of a kind that nobody has."""

    def __fspath__(self) -> bytes:
        """Return bytes."""
        return b"starts.sqlite"


@pytest.mark.parametrize("path", ["", None, 5, b"starts.sqlite", BytesPath(), "a\0b", "\ud800"])
def test_what_is_no_path_is_refused(path: object) -> None:
    """A wrong argument is refused by name."""
    with pytest.raises(ConfigurationError, match=r"^path: has to be the path of a file"):
        SQLiteLedger(cast("Any", path))


async def test_closing_one_that_was_never_used_makes_no_file(tmp_path: Path) -> None:
    """Without a first use there is nothing to close."""
    async with SQLiteLedger(tmp_path / "starts.sqlite"):
        pass
    assert not (tmp_path / "starts.sqlite").exists()


async def test_file_that_cannot_be_opened_is_a_ledger_error(tmp_path: Path) -> None:
    """A missing folder is said with the path, and once it is there all is well."""
    async with SQLiteLedger(tmp_path / "missing" / "starts.sqlite") as ledger:
        with pytest.raises(LedgerError, match=r"missing/starts\.sqlite cannot be used"):
            await ledger.read(KEY)
        (tmp_path / "missing").mkdir()
        assert await ledger.write(entry_of(), expected=0)


async def test_file_that_is_something_else_is_a_ledger_error(tmp_path: Path) -> None:
    """Nothing is written into a file that is no database."""
    path = tmp_path / "starts.sqlite"
    path.write_text("something else, and more than a hundred characters of it" * 10)
    async with SQLiteLedger(path) as ledger:
        with pytest.raises(LedgerError, match="not a database"):
            await ledger.write(entry_of(), expected=0)
    assert path.read_text().startswith("something else")


async def test_entry_of_a_stranger_is_a_ledger_error(tmp_path: Path) -> None:
    """An entry that cannot be read is not taken for none."""
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
        connection = ledger._connection
        assert connection is not None
        said = [
            await ledger._run(lambda own: own.execute(pragma).fetchone()[0])  # noqa: B023 -- awaited at once
            for pragma in ("PRAGMA journal_mode", "PRAGMA synchronous")
        ]
    assert said == ["wal", 2]


@pytest.mark.slow
async def test_file_that_stays_locked_is_a_ledger_error(tmp_path: Path) -> None:
    """Another process that keeps the file locked is waited for, but not for ever."""
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


async def test_ledger_of_the_process_that_was_forked_is_refused(tmp_path: Path) -> None:
    """The thread that has the file is not there in the fork, so waiting for it would never end."""
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


async def test_one_ledger_serves_several_loops(tmp_path: Path) -> None:
    """Unlike a client, a ledger belongs to no loop."""
    ledger = SQLiteLedger(tmp_path / "starts.sqlite")
    await ledger.write(entry_of(), expected=0)
    assert await asyncio.to_thread(asyncio.run, ledger.read(KEY)) == entry_of()
    await ledger.aclose()


@pytest.mark.parametrize("module", ["sqlite3", "concurrent.futures.thread"])
def test_importing_the_package_does_not_load_what_only_ledgers_need(module: str) -> None:
    """Who has no ledger does not pay for it."""
    # What measures coverage loads one of them before.
    there = f"{module!r} in sys.modules"
    code = f"import sys; had = {there}; import altcraft_async; sys.exit({there} and not had)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 -- our own words


class OnASlowDisk(SQLiteLedger):
    """A ledger that takes long enough for pretend time to pass."""

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Write, and take a while."""
        written = await super().write(entry, expected=expected)
        await asyncio.sleep(0.05)
        return written


async def test_pretend_time_that_passes_while_an_intent_is_written_does_not_count(
    tmp_path: Path,
) -> None:
    """A lease goes by real time, of which a write takes little, so it is sent."""
    clock = PretendClock()
    async with (
        Simulator(duration=1e6, clock=clock.time) as server,
        OnASlowDisk(tmp_path / "starts.sqlite") as ledger,
        AltcraftClient(
            server.url, server.token, clock=clock, ledger=ledger, poll=Constant(60)
        ) as client,
    ):
        first = await client.resources.refresh_counters(24, database_id=1)
        first.add_done_callback(lambda _: None)  # time passes as long as somebody waits for it
        began = clock.time()
        await client.resources.refresh_counters(25, database_id=1)
        assert clock.time() > began


async def test_doubt_in_a_task_passes_by_the_clock_of_the_client(tmp_path: Path) -> None:
    """A task that the platform has forgotten is waited for in pretend time as well."""
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


async def test_many_targets_are_started_by_one_file(tmp_path: Path) -> None:
    """A run of hundreds leaves an entry for each, all of them over."""
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
