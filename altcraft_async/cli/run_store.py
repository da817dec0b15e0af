"""Named runs: what each is, and how its targets ended; a part of the file of the ledger.

The ledger has what was started, and decides what is started again. The tables
here are for people: they tell what a name stands for, and how far it has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

import msgspec

from altcraft_async import LedgerError
from altcraft_async.cli.directories import state_directory
from altcraft_async.starts.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    import sqlite3

__all__ = ["KEPT", "Ended", "Run", "RunStore", "default_path"]

Ended: TypeAlias = Literal["done", "failed", "running", "left"]
"""How a target ended; "running" after a wait, "left" without a start."""

KEPT = timedelta(days=8)
"""For how long the ledger remembers what has ended."""

_RESUMABLE = KEPT - timedelta(days=1)  # a run that goes on needs its entries until it is over

_SCHEMA = """
CREATE TABLE IF NOT EXISTS altcraft_runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, install TEXT NOT NULL, name TEXT NOT NULL,
    began TEXT NOT NULL, command TEXT NOT NULL, options TEXT NOT NULL,
    total INTEGER, is_over INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS altcraft_outcomes (
    run INTEGER NOT NULL, target TEXT NOT NULL, ended TEXT NOT NULL, PRIMARY KEY (run, target)
) WITHOUT ROWID;
"""
# The newest run of each name, the newest first.
_RUNS = (
    "SELECT number, install, name, began, command, options, total, is_over FROM altcraft_runs "
    "WHERE number IN (SELECT max(number) FROM altcraft_runs GROUP BY install, name) "
    "ORDER BY number DESC"
)
_ADD = (
    "INSERT INTO altcraft_runs (install, name, began, command, options, total) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
_NOTE = (
    "INSERT INTO altcraft_outcomes VALUES (?, ?, ?) "
    "ON CONFLICT DO UPDATE SET ended = excluded.ended WHERE ended <> 'done'"
)
_PURGE = """
DELETE FROM altcraft_outcomes WHERE run IN (SELECT number FROM altcraft_runs WHERE began < :old);
DELETE FROM altcraft_runs WHERE began < :old
"""


class Run(NamedTuple):
    """One run.

    Attributes:
        number: Of the run in its file.
        install: API root of its install.
        name: As people call it.
        began: When it began, aware.
        command: Words of its command, such as ``resources refresh-all``.
        options: Arguments of its command.
        total: How many targets it has; ``None`` until all are known.
        is_over: Whether nothing of it is left to do.
    """

    number: int
    install: str
    name: str
    began: datetime
    command: str
    options: Mapping[str, Any]
    total: int | None
    is_over: bool

    @property
    def key(self) -> str:
        """The idempotency key of its starts; a later run of the same name has another one."""
        return f"{self.name} {self.began.isoformat()}"

    @property
    def can_resume(self) -> bool:
        """Whether something is left, and the ledger still remembers what is done."""
        return not self.is_over and datetime.now(UTC) - self.began < _RESUMABLE


class RunStore:
    """The runs in one file; every method raises a `LedgerError` if it cannot be used."""

    def __init__(self, path: Path) -> None:
        """Remember the path."""
        self._file = SQLiteFile(
            path, error=LedgerError, name="ledger", application_id=0, prepare=_prepare
        )

    async def __aenter__(self) -> Self:
        """Open the file, and make it and its directory if they are missing."""
        directory = self._file.path.parent
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as refused:
            reason = refused.strerror or str(refused)
        else:
            await self._file.run(lambda _: None)
            return self
        msg = f"ledger: the directory {directory} cannot be made ({reason})"
        raise LedgerError(msg)

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self._file.aclose()

    async def begin(self, new: Run, resumed: int | None = None) -> Run:
        """Return the newest run of this name, if it can go on, and else add the new one.

        Args:
            new: Without a number.
            resumed: Number of the run to return even if it is over.
        """

        def work(connection: sqlite3.Connection) -> Run:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for run in _runs(connection):
                    is_same = (run.install, run.name) == (new.install, new.name)
                    if is_same and (run.can_resume or run.number == resumed):
                        return run
                for statement in _PURGE.split(";"):
                    connection.execute(statement, {"old": (new.began - KEPT).isoformat()})
                added = connection.execute(
                    _ADD,
                    (*new[1:3], new.began.isoformat(), new.command, _json(new.options), new.total),
                )
                return new._replace(number=added.lastrowid or 0)

        return await self._file.run(work, writes=True)

    async def go_on(self, run: Run, options: Mapping[str, Any]) -> set[str]:
        """Store the newest options of a run, and return the targets that are done."""

        def work(connection: sqlite3.Connection) -> set[str]:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(
                    "UPDATE altcraft_runs SET options = ? WHERE number = ?",
                    (_json(options), run.number),
                )
                connection.execute(
                    "DELETE FROM altcraft_outcomes WHERE run = ? AND ended IN ('running', 'left')",
                    (run.number,),
                )
            return {target for target, ended in _outcomes(connection, run) if ended == "done"}

        return await self._file.run(work, writes=True)

    async def note(self, run: Run, ended: Mapping[str, Ended]) -> None:
        """Note how targets ended; what is done stays done."""
        values = [(run.number, target, how) for target, how in ended.items()]

        def work(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(_NOTE, values)

        await self._file.run(work, writes=True)

    async def end(self, run: Run, *, total: int, is_over: bool) -> None:
        """Note that every target was tried, and whether nothing is left."""
        statement = "UPDATE altcraft_runs SET total = ?, is_over = ? WHERE number = ?"
        values = (total, is_over, run.number)
        await self._file.run(lambda own: own.execute(statement, values), writes=True)

    async def runs(self) -> list[Run]:
        """Return the newest run of each name, the newest first."""
        return await self._file.run(_runs)

    async def outcomes(self, run: Run) -> dict[str, Ended]:
        """Return how the targets of a run ended, as far as they did."""
        return await self._file.run(lambda own: dict(_outcomes(own, run)))


def default_path() -> Path:
    """Return the file of runs in the user's state directory.

    Raises:
        ConfigurationError: There is no such directory.
    """
    return state_directory("ledger") / "runs.sqlite"


def _prepare(connection: sqlite3.Connection) -> None:
    connection.executescript(_SCHEMA)


def _runs(connection: sqlite3.Connection) -> list[Run]:
    found = connection.execute(_RUNS)
    return [
        Run(
            *(number, install, name, datetime.fromisoformat(began), command),
            options=msgspec.json.decode(options),
            total=total,
            is_over=bool(is_over),
        )
        for number, install, name, began, command, options, total, is_over in found
    ]


def _outcomes(connection: sqlite3.Connection, run: Run) -> list[tuple[str, Ended]]:
    query = "SELECT target, ended FROM altcraft_outcomes WHERE run = ?"
    return connection.execute(query, (run.number,)).fetchall()


def _json(options: Mapping[str, Any]) -> str:
    return msgspec.json.encode(options).decode()
