"""A ledger of starts in one file, for all processes of one machine."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from altcraft_async.errors import LedgerError
from altcraft_async.models import LedgerEntry
from altcraft_async.models.representation import at_any_moment
from altcraft_async.models.validation import checked_positive
from altcraft_async.starts.ledger import WEEK, TaskLedger
from altcraft_async.starts.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SQLiteLedger"]

PURGE_SECONDS = 600.0
"""Seconds between two looks for entries that were kept long enough."""

PAGE = 500
"""Entries read at once, so that a slow iteration holds no lock."""

_SEAL_LENGTH = 8  # hex digits of a CRC-32

# `over` is 0, or when the entry was written as over, in seconds since 1970; earlier versions
# wrote 1 there, and such an entry is kept until its target is started again.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS altcraft_starts (
    key TEXT PRIMARY KEY, revision INTEGER NOT NULL, over INTEGER NOT NULL, entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS altcraft_starts_open ON altcraft_starts (key) WHERE NOT over;
CREATE INDEX IF NOT EXISTS altcraft_starts_over ON altcraft_starts (over) WHERE over > 1;
"""
_ALL = "SELECT key, revision, over, entry FROM altcraft_starts"
_READ = f"{_ALL} WHERE key = ?"
_INSERT = (
    "INSERT INTO altcraft_starts (key, revision, over, entry) VALUES (:key, :revision, :over, "
    ":entry) ON CONFLICT DO NOTHING"
)
_UPDATE = (
    "UPDATE altcraft_starts SET revision = :revision, over = :over, entry = :entry "
    "WHERE key = :key AND revision = :expected"
)
_PURGE = "DELETE FROM altcraft_starts WHERE over > 1 AND over < ?"
_OPEN = f"{_ALL} WHERE NOT over AND key > ? ORDER BY key LIMIT ?"

_Row = tuple[object, object, object, object]
"""Key, revision, over and entry; in a damaged file they can be anything."""


class SQLiteLedger(TaskLedger):
    """A ledger in a SQLite file.

    Several processes of one machine can share the file. Machines cannot, as
    SQLite does not lock over a network. Each write is on the disk when it
    returns. The file grows with the number of starts in the last ``keep`` seconds.

    If the file is deleted or replaced while it is open, each use raises a
    `LedgerError`, as other processes no longer see what is written here. Put
    the file back, or open a new ledger. Opening reads the whole file; if it is
    damaged, that is a `LedgerError` too, as a start may be missing in it.

    ```python
    from altcraft_async import AltcraftClient, SQLiteLedger

    async with SQLiteLedger("starts.sqlite") as ledger:
        mine = AltcraftClient("https://example.com", token="…", ledger=ledger)
    ```
    """

    def __init__(self, path: str | os.PathLike[str], *, keep: float = WEEK) -> None:
        """Remember the path; the first use opens the file, and makes it if it is missing.

        Args:
            path: Of the file. SQLite puts two more beside it while it is open.
            keep: Seconds for which an entry is kept after its task has ended, so that
                a call with the same ``idempotency_key`` finds it. Other entries stay.

        Raises:
            ConfigurationError: ``path`` is no path of a file, or ``keep`` is not positive.
        """
        self._file = SQLiteFile(
            path, error=LedgerError, name="ledger", application_id=0, prepare=_prepare
        )
        self._keep = checked_positive("keep", keep)
        self._purge_at = 0.0

    @at_any_moment
    def __repr__(self) -> str:
        """Show the path."""
        return f"<SQLiteLedger {self._file.path}>"

    async def read(self, key: str) -> LedgerEntry | None:
        """Look up the entry by its key."""
        rows = await self._file.run(lambda connection: connection.execute(_READ, (key,)).fetchall())
        return _entry_of(rows[0]) if rows else None

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Insert or update in one statement, which SQLite executes as a whole or not at all."""
        now = self.now().timestamp()
        over = max(int(now), 1) if entry.over else 0
        values = {
            "key": entry.key,
            "revision": entry.revision,
            "over": over,
            "entry": _sealed(entry.key, entry.revision, over, entry.to_json()),
            "expected": expected,
        }
        statement = _UPDATE if expected else _INSERT

        def write(connection: sqlite3.Connection) -> bool:
            if time.monotonic() >= self._purge_at:
                connection.execute(_PURGE, (now - self._keep,))
                self._purge_at = time.monotonic() + PURGE_SECONDS
            return connection.execute(statement, values).rowcount == 1

        return await self._file.run(write, writes=True)

    async def entries(self) -> AsyncGenerator[LedgerEntry, None]:
        """Read page by page, in the order of the keys."""
        after = ""
        while rows := await self._page(after):
            for row in rows:
                entry = _entry_of(row)
                yield entry
                after = entry.key

    async def aclose(self) -> None:
        """Close the file, after the reads and writes under way."""
        await self._file.aclose()

    async def _page(self, after: str) -> list[_Row]:
        return await self._file.run(
            lambda connection: connection.execute(_OPEN, (after, PAGE)).fetchall()
        )


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the table, and read the whole file: damage could make an entry seem not to be there.

    Raises:
        LedgerError: It is damaged.
    """
    connection.executescript(_SCHEMA)
    for (said,) in connection.execute("PRAGMA integrity_check(1)"):
        if said != "ok":
            raise _damaged(said)
    for row in connection.execute(_ALL):
        _json_of(row)


def _entry_of(row: _Row) -> LedgerEntry:
    """Return the entry of a row.

    Raises:
        LedgerError: It is damaged, or of another version.
    """
    return LedgerEntry.from_json(_json_of(row))


def _json_of(row: _Row) -> str:
    *columns, stored = row
    text = str(stored)
    if text.startswith("{"):
        return text  # without a checksum, as earlier versions wrote it
    entry = text[_SEAL_LENGTH:]
    if text != _sealed(*columns, entry):
        reason = "the checksum of an entry is wrong"
        raise _damaged(reason)
    return entry


def _sealed(*columns: object) -> str:
    """Return the last column with a checksum of all before it."""
    seal = zlib.crc32("\n".join(map(str, columns)).encode(errors="replace"))
    return f"{seal:0{_SEAL_LENGTH}x}{columns[-1]}"


def _damaged(reason: str) -> LedgerError:
    msg = f"ledger: the file is damaged, so starts may be missing in it ({reason})"
    return LedgerError(msg)
