"""A ledger of starts in one file, for all processes of one machine."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from altcraft_async.errors import ConfigurationError, LedgerError
from altcraft_async.models import LedgerEntry
from altcraft_async.models.representation import at_any_moment
from altcraft_async.starts.ledger import TaskLedger

if TYPE_CHECKING:
    import sqlite3
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["SQLiteLedger"]

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""Seconds to wait for a lock of another process; sqlite3's own default."""

PAGE = 500
"""Entries read at once, so that a slow iteration holds no lock."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS altcraft_starts (
    key TEXT PRIMARY KEY, revision INTEGER NOT NULL, over INTEGER NOT NULL, entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS altcraft_starts_open ON altcraft_starts (key) WHERE NOT over;
"""
_READ = "SELECT entry FROM altcraft_starts WHERE key = ?"
_INSERT = (
    "INSERT INTO altcraft_starts (key, revision, over, entry) VALUES (:key, :revision, :over, "
    ":entry) ON CONFLICT DO NOTHING"
)
_UPDATE = (
    "UPDATE altcraft_starts SET revision = :revision, over = :over, entry = :entry "
    "WHERE key = :key AND revision = :expected"
)
_OPEN = "SELECT key, entry FROM altcraft_starts WHERE NOT over AND key > ? ORDER BY key LIMIT ?"


class SQLiteLedger(TaskLedger):
    """A ledger in a SQLite file.

    Several processes of one machine can share the file. Machines cannot, as
    SQLite does not lock over a network. Each write is on the disk when it
    returns. The file grows with the number of targets.

    ```python
    from altcraft_async import AltcraftClient, SQLiteLedger

    async with SQLiteLedger("starts.sqlite") as ledger:
        mine = AltcraftClient("https://example.com", token="…", ledger=ledger)
    ```
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Remember the path; the first use opens the file, and makes it if it is missing.

        Args:
            path: Of the file. SQLite puts two more beside it while it is open.

        Raises:
            ConfigurationError: ``path`` is no path of a file.
        """
        self._path = _checked_path(path)
        self._closed = False
        self._process = 0
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    @at_any_moment
    def __repr__(self) -> str:
        """Show the path."""
        return f"<SQLiteLedger {self._path}>"

    async def read(self, key: str) -> LedgerEntry | None:
        """Look up the entry by its key."""
        rows = await self._run(lambda connection: connection.execute(_READ, (key,)).fetchall())
        return LedgerEntry.from_json(rows[0][0]) if rows else None

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Insert or update in one statement, which SQLite executes as a whole or not at all."""
        values = {
            "key": entry.key,
            "revision": entry.revision,
            "over": entry.over,
            "entry": entry.to_json(),
            "expected": expected,
        }
        statement = _UPDATE if expected else _INSERT
        changed = await self._run(lambda connection: connection.execute(statement, values).rowcount)
        return changed == 1

    async def entries(self) -> AsyncGenerator[LedgerEntry, None]:
        """Read page by page, in the order of the keys."""
        after = ""
        while rows := await self._page(after):
            for _, entry in rows:
                yield LedgerEntry.from_json(entry)
            after = rows[-1][0]

    async def aclose(self) -> None:
        """Close the file, after the reads and writes under way."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None and self._process == os.getpid():
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown(wait=False)

    async def _page(self, after: str) -> list[tuple[str, str]]:
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
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_thread, work)

    def _in_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        import sqlite3  # noqa: PLC0415 -- clients without a ledger do not need it

        try:
            if self._connection is None:
                self._connection = self._connect()
            return work(self._connection)
        except sqlite3.Error as failed:
            reason = str(failed)
        msg = f"ledger: {self._path} cannot be used ({reason})"
        raise LedgerError(msg)

    def _connect(self) -> sqlite3.Connection:
        import sqlite3  # noqa: PLC0415 -- as above

        # Without an isolation level, each statement is a transaction of its own.
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            # Readers do not wait for a writer, and writes survive a power cut.
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Change the journal mode, and wait for a lock, which SQLite does not do for this statement."""
    import sqlite3  # noqa: PLC0415 -- as above

    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as failed:
            if failed.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        else:
            return
        time.sleep(0.01)


def _checked_path(path: str | os.PathLike[str]) -> Path:
    # A configuration may hold anything.
    given = cast("object", os.fspath(path) if isinstance(path, os.PathLike) else path)
    if isinstance(given, str) and given and "\0" not in given:
        with suppress(UnicodeEncodeError):
            os.fsencode(given)
            return Path(given)
    msg = "path: has to be the path of a file"
    raise ConfigurationError(msg)
