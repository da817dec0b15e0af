"""Several processes that write one history, of which one is killed."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from altcraft_async.history import CounterHistory

ROOT = Path(__file__).parents[2]

# Writes rows one after the other, and prints the number of each that is on the disk.
WRITER = """
import asyncio, sys
from datetime import timedelta
from altcraft_async.history import CounterHistory
from tests.support.counts import NIGHT, row_of

async def main(path, resource_id, count):
    async with CounterHistory(path) as history:
        for number in range(count):
            at = NIGHT + timedelta(seconds=number)
            row = row_of(resource_id=resource_id, subscribed=number, refreshed_at=at)
            assert await history.append([row]) == 1
            print(number, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def start(path: Path, resource_id: int, count: int) -> subprocess.Popen[str]:
    """Start a process that writes so many rows of a resource."""
    arguments = [sys.executable, "-c", WRITER, str(path), str(resource_id), str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: S603 -- our own words


async def stored(path: Path) -> Counter[int | None]:
    """Return how many rows of each resource there are, after a check that none is missing."""
    async with CounterHistory(path) as history:
        rows = [row async for row in history.rows()]
    found = Counter(row.resource_id for row in rows)
    for resource_id, count in found.items():
        numbers = [row.subscribed for row in rows if row.resource_id == resource_id]
        assert numbers == list(range(count))
    return found


@pytest.mark.slow
def test_killed_writer_loses_no_row_that_was_written_and_stops_no_other(tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    for victim in range(1, 6):
        with start(path, victim, 100_000) as killed, start(path, 100 + victim, 300) as other:
            assert killed.stdout is not None
            printed = [killed.stdout.readline() for _ in range(40 * victim)]
            killed.kill()
            printed += killed.stdout.readlines()
            written = other.communicate(timeout=120)[0].split()
        found = asyncio.run(stored(path))
        # A row may be on the disk whose number was not printed any more.
        assert found[victim] - len(printed) in (0, 1)
        assert (other.returncode, found[100 + victim], len(written)) == (0, 300, 300)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.slow
def test_processes_that_write_the_same_rows_write_each_once(tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    same = WRITER.replace("== 1", "in (0, 1)")
    arguments = [sys.executable, "-c", same, str(path), "24", "300"]
    together = [subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(3)]  # noqa: S603 -- our own words
    for process in together:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert asyncio.run(stored(path)) == {24: 300}
