"""One SQLite file that several processes of a machine share, used from a thread of its own."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from altcraft_async.errors import AltcraftError, ConfigurationError

if TYPE_CHECKING:
    import sqlite3
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["BUSY_SECONDS", "SQLiteFile", "UnusableFileError"]

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""Seconds to wait for a lock of another process, for all that wait together."""


class UnusableFileError(Exception):
    """What is in the file cannot be used; the text says why. `SQLiteFile` replaces it."""


class SQLiteFile:
    """A file that is opened at its first use, and made if it is missing.

    Each write is on the disk when it returns. A file that is deleted or
    replaced while it is open is an error, as other processes no longer see
    what is written here. The same goes for a fork, which lacks the thread.

    Attributes:
        path: Of the file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        error: type[AltcraftError],
        name: str,
        application_id: int,
        prepare: Callable[[sqlite3.Connection], None],
    ) -> None:
        """Remember the path.

        Args:
            path: Of the file.
            error: What is raised where it cannot be used.
            name: What it is, for errors.
            application_id: Number in its header that tells it from other databases.
            prepare: Called once with the open file; makes the tables and checks what is there.

        Raises:
            ConfigurationError: ``path`` is no path of a file.
        """
        self.path = _checked_path(path)
        self._error, self._name = error, name
        self._application_id, self._prepare = application_id, prepare
        self._closed = False
        self._process = 0
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._unlocked_at = 0.0
        self._files: dict[Path, tuple[int, int] | None] = {}

    async def run(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = False) -> T:
        """Use the connection, in the one thread that has it.

        Args:
            work: Called with the connection. Each statement is a transaction of its own.
            writes: Whether it needs the lock that writers have one after the other.
        """
        if self._closed:
            what = "is closed"
            raise self._failed(what)
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- clients without a file need no threads

            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"altcraft-{self._name}")
            self._process = os.getpid()
        if self._process != os.getpid():
            what = "was opened before this process was forked; open it again"
            raise self._failed(what)
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._in_thread, work, time.monotonic(), writes
        )

    async def aclose(self) -> None:
        """Close the file, after the reads and writes under way; idempotent."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None and self._process == os.getpid():
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown(wait=False)

    def _failed(self, what: str) -> AltcraftError:
        return self._error(f"{self._name}: {self.path} {what}")

    def _in_thread(
        self,
        work: Callable[[sqlite3.Connection], T],
        asked_at: float,
        writes: bool,  # noqa: FBT001 -- an executor passes arguments by position
    ) -> T:
        import sqlite3  # noqa: PLC0415 -- clients without a file do not need it

        # A call that queued does not wait anew for a lock that stopped the calls before it.
        give_up = max(asked_at, self._unlocked_at) + BUSY_SECONDS
        try:
            if self._connection is None:
                self._connection = self._connect(give_up)
            _wait_for_locks(self._connection, give_up)
            result = work(self._connection)
        # A UnicodeError comes from a damaged schema.
        except (sqlite3.Error, UnicodeError, UnusableFileError) as failed:
            reason = self._reason(failed)
        else:
            if writes:
                self._unlocked_at = time.monotonic()
            # What was just read or written does not count in a file that no other process sees.
            if all(opened and _identity(file) == opened for file, opened in self._files.items()):
                return result
            reason = "it was deleted, replaced or emptied after this process opened it"
        what = f"cannot be used ({reason})"
        raise self._failed(what)

    def _reason(self, failed: Exception) -> str:
        """Say why; of a file that cannot be opened, SQLite tells no more than that."""
        if str(failed) == "unable to open database file":
            try:
                self.path.open("ab").close()
            except OSError as refused:
                return refused.strerror or str(refused)
        return str(failed)

    def _connect(self, give_up: float) -> sqlite3.Connection:
        import sqlite3  # noqa: PLC0415 -- as above

        # Without an isolation level, each statement is a transaction of its own.
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            _wait_for_locks(connection, give_up)
            self._refuse_others(connection)
            # Readers do not wait for a writer, and writes survive a power cut.
            _write_ahead(connection, give_up)
            connection.execute("PRAGMA synchronous = FULL")
            self._prepare(connection)
            self._files = _files_of(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_others(self, connection: sqlite3.Connection) -> None:
        """Refuse a database of another program before anything in it changes."""
        with connection:  # both in one transaction, as another process may be making the tables
            connection.execute("BEGIN")
            (found,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if found != self._application_id and (found or tables):
            msg = f"it is a SQLite database, but no {self._name}"
            raise UnusableFileError(msg)

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


def _files_of(connection: sqlite3.Connection, path: Path) -> dict[Path, tuple[int, int] | None]:
    """Return the files of a database that have to stay: the path's own, and the newest writes."""
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
