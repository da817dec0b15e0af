"""A ledger of starts in one file, for all processes of one machine."""

from __future__ import annotations

import asyncio
import math
import os
import time
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from altcraft_async.errors import ConfigurationError, LedgerError
from altcraft_async.models import LedgerEntry
from altcraft_async.models.representation import at_any_moment
from altcraft_async.models.validation import checked_positive
from altcraft_async.starts.ledger import WEEK, TaskLedger

if TYPE_CHECKING:
    import sqlite3
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["SQLiteLedger"]

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""Seconds to wait for a lock of another process, for all that wait together."""

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
        self._path = _checked_path(path)
        self._keep = checked_positive("keep", keep)
        self._purge_at = 0.0
        self._closed = False
        self._process = 0
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._unlocked_at = 0.0
        self._files: dict[Path, tuple[int, int] | None] = {}

    @at_any_moment
    def __repr__(self) -> str:
        """Show the path."""
        return f"<SQLiteLedger {self._path}>"

    async def read(self, key: str) -> LedgerEntry | None:
        """Look up the entry by its key."""
        rows = await self._run(lambda connection: connection.execute(_READ, (key,)).fetchall())
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
            changed = connection.execute(statement, values).rowcount
            self._unlocked_at = time.monotonic()
            return changed == 1

        return await self._run(write)

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
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None and self._process == os.getpid():
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown(wait=False)

    async def _page(self, after: str) -> list[_Row]:
        return await self._run(
            lambda connection: connection.execute(_OPEN, (after, PAGE)).fetchall()
        )

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Use the connection, in the one thread that has it."""
        if self._closed:
            msg = f"ledger: {self._path} is closed"
            raise LedgerError(msg)
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- clients without a ledger need no threads

            self._thread = ThreadPoolExecutor(1, thread_name_prefix="altcraft-ledger")
            self._process = os.getpid()
        if self._process != os.getpid():
            msg = f"ledger: {self._path} was opened before this process was forked; open it again"
            raise LedgerError(msg)
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._in_thread, work, time.monotonic()
        )

    def _in_thread(self, work: Callable[[sqlite3.Connection], T], asked_at: float) -> T:
        import sqlite3  # noqa: PLC0415 -- clients without a ledger do not need it

        # A call that queued does not wait anew for a lock that stopped the calls before it.
        give_up = max(asked_at, self._unlocked_at) + BUSY_SECONDS
        try:
            if self._connection is None:
                self._connection = self._connect(give_up)
            _wait_for_locks(self._connection, give_up)
            result = work(self._connection)
        except (sqlite3.Error, UnicodeError) as failed:  # the latter from a damaged schema
            reason = str(failed)
        else:
            # What was just read or written does not count in a file that no other process sees.
            if all(opened and _identity(file) == opened for file, opened in self._files.items()):
                return result
            reason = "it was deleted, replaced or emptied after this process opened it"
        msg = f"ledger: {self._path} cannot be used ({reason})"
        raise LedgerError(msg)

    def _connect(self, give_up: float) -> sqlite3.Connection:
        import sqlite3  # noqa: PLC0415 -- as above

        # Without an isolation level, each statement is a transaction of its own.
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            # Readers do not wait for a writer, and writes survive a power cut.
            _write_ahead(connection, give_up)
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            _check(connection)
            self._files = _files_of(connection, self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _wait_for_locks(connection: sqlite3.Connection, give_up: float) -> None:
    """Let each statement wait for a lock until then; a late one still tries once."""
    left = max(0, math.ceil((give_up - time.monotonic()) * 1000))
    connection.execute(f"PRAGMA busy_timeout = {left}")


def _write_ahead(connection: sqlite3.Connection, give_up: float) -> None:
    """Change the journal mode, and wait for a lock, which SQLite does not do for this statement."""
    import sqlite3  # noqa: PLC0415 -- as above

    while True:
        _wait_for_locks(connection, give_up)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as failed:
            if failed.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        else:
            return
        time.sleep(0.01)


def _check(connection: sqlite3.Connection) -> None:
    """Read the whole file, as the entry of a damaged place could seem not to be there.

    Raises:
        LedgerError: It is damaged.
    """
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


def _files_of(connection: sqlite3.Connection, path: Path) -> dict[Path, tuple[int, int] | None]:
    """Return the files of a ledger that have to stay: the path's own, and the newest writes."""
    (_, _, file), *_ = connection.execute("PRAGMA database_list")
    names = (path.absolute(), Path(f"{file}-wal")) if file else ()  # none in memory
    return {name: _identity(name) for name in names}


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from any other; ``None`` where it is gone or empty."""
    try:
        found = file.stat()
    except OSError:
        return None
    is_empty = not found.st_size and not file.name.endswith("-wal")
    return None if is_empty else (found.st_dev, found.st_ino)


def _checked_path(path: str | os.PathLike[str]) -> Path:
    # A configuration may hold anything.
    given = cast("object", os.fspath(path) if isinstance(path, os.PathLike) else path)
    if isinstance(given, str) and given and "\0" not in given:
        with suppress(UnicodeEncodeError):
            os.fsencode(given)
            return Path(given)
    msg = "path: has to be the path of a file"
    raise ConfigurationError(msg)
