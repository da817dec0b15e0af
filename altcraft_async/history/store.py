"""Counters over time in one SQLite file, to which rows are only added.

A series has the rows of one kind, its ids and one channel. The time of a row is
when its refresh was started, or else when the platform began to count, or else
when it stored the counters. Two rows of a series are the same refresh if their
times are equal. A refresh and a mere read of its counters have different times,
so a row that was only read is also the same if the platform's own time is.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import msgspec

from altcraft_async.errors import ConfigurationError, HistoryError
from altcraft_async.history.changes import time_of
from altcraft_async.models import CounterRow, SubscriptionCounters, TaskKind
from altcraft_async.models.counters import channel_order
from altcraft_async.models.representation import at_any_moment
from altcraft_async.models.targets import TARGET_IDS
from altcraft_async.models.validation import checked_choice, checked_id, checked_kind
from altcraft_async.starts.sqlite_file import SQLiteFile, UnusableFileError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["CounterHistory"]

VERSION = 1
"""Version of the tables. It goes up when an older reader would misread a newer file."""

PAGE = 500
"""Rows read at once, so that a slow iteration holds no lock."""

_APPLICATION_ID = 0x416C7448  # "AltH"

_IDS = ("resource_id", "database_id", "segment_id")  # 0 for none, as NULLs are never equal
_COUNTERS = SubscriptionCounters.__struct_fields__
_SERIES = ("kind", *_IDS, "channel")

# The times of the platform are kept as distances to that of the row, which need fewer bytes.
_ROW = ("series", "at", "is_refresh", "name", *_COUNTERS, "counted_after", "updated_after")

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, {", ".join(_SERIES)}, UNIQUE ({", ".join(_SERIES)})
);
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS counters (
    {", ".join(f'"{column}" INTEGER' for column in _ROW)}, PRIMARY KEY (series, at)
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {VERSION};
COMMIT;
"""

# A refresh and the reads of its counters are less than a day apart.
_ADD_ROW = f"""
INSERT INTO counters SELECT {", ".join(f":{column}" for column in _ROW)} WHERE NOT EXISTS (
    SELECT 1 FROM counters WHERE series = :series
    AND at BETWEEN :at - 86400000000 AND :at + 86400000000
    AND (at = :at OR NOT (is_refresh AND :is_refresh)
         AND at + coalesce(counted_after, updated_after)
             = :at + coalesce(:counted_after, :updated_after))
)
"""
_ROWS = f"""
SELECT at, is_refresh, (SELECT names.name FROM names WHERE id = counters.name),
    {", ".join(f'"{name}"' for name in _COUNTERS)}, at + counted_after, at + updated_after
FROM counters WHERE series = ?
"""
_FORWARD = f"{_ROWS} AND at > ? AND at <= ? ORDER BY at LIMIT {PAGE}"
_LATEST = f"{_ROWS} AND at <= ? ORDER BY at DESC LIMIT 1 OFFSET ?"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = -(2**63), 2**63 - 1

_Key: TypeAlias = tuple[Any, ...]  # kind, three ids and channel
_Stored: TypeAlias = tuple[_Key, str | None, dict[str, int | None]]  # series, name and numbers


class CounterHistory:
    """Counters over time in a SQLite file.

    Rows are added and never changed: a refresh that is written again stays as
    it is. Several processes of one machine can share the file. What `append`
    wrote is on the disk when it returns.

    ```python
    from altcraft_async.history import CounterHistory

    async with CounterHistory(":memory:") as history:  # in your program, a file
        report = await client.resources.refresh(24, database_id=1)
        await history.append(report.rows(name="News site"))
        async for row in history.rows(resource_id=24, channel="email"):
            print(row.refreshed_at, row.subscribed)
    ```
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Remember the path; ``async with`` or the first use opens the file, or makes it.

        SQLite puts two more files beside it while it is open.

        Raises:
            ConfigurationError: ``path`` is no path of a file.
        """
        self._file = SQLiteFile(
            path,
            error=HistoryError,
            name="history",
            application_id=_APPLICATION_ID,
            prepare=_prepare,
        )

    @at_any_moment
    def __repr__(self) -> str:
        """Show the path."""
        return f"<CounterHistory {self._file.path}>"

    async def append(self, rows: Iterable[CounterRow]) -> int:
        """Write rows in one transaction, and return how many were not there yet.

        Args:
            rows: As ``report.rows()`` or ``Completed.rows()`` gives them.

        Raises:
            ConfigurationError: A row is none, or has no time; nothing was written.
            HistoryError: The file cannot be used; nothing was written.
        """
        checked = [_checked(row) for row in rows]

        def write(connection: sqlite3.Connection) -> int:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                return sum(_add(connection, row) for row in checked)

        return await self._file.run(write, writes=True) if checked else 0

    async def rows(  # noqa: PLR0913 -- one argument per filter, all by name
        self,
        *,
        kind: TaskKind | None = None,
        resource_id: int | None = None,
        database_id: int | None = None,
        segment_id: int | None = None,
        channel: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncGenerator[CounterRow, None]:
        """Iterate over rows, series by series, each in the order of time; times are in UTC.

        Args:
            kind: Only of this kind.
            resource_id: Only of this resource.
            database_id: Only of this profile database.
            segment_id: Only of this segment.
            channel: Only of this channel; one that is not there has no rows.
            since: Only from this time on, aware.
            until: Only up to this time, aware.

        Raises:
            ConfigurationError: A filter is none.
            HistoryError: The file cannot be used.
        """
        if kind is not None:
            checked_choice("kind", kind, *TARGET_IDS, "unknown")
        if channel is not None:
            checked_kind("channel", channel, str)
        ids = zip(_IDS, (resource_id, database_id, segment_id), strict=True)
        numbers = {name: checked_id(name, one) for name, one in ids if one is not None}
        words = {"kind": kind, "channel": channel}
        wanted = {**numbers, **{name: one for name, one in words.items() if one is not None}}
        begin = _FIRST if since is None else _microseconds("since", since) - 1
        end = _LAST if until is None else _microseconds("until", until)
        for series, key in await self._file.run(lambda own: _series(own, wanted)):
            after: int | None = begin
            while after is not None:
                page = partial(_page, series=series, key=key, after=after, end=end)
                found, after = await self._file.run(page)
                for row in found:
                    yield row

    async def latest(
        self, *, until: datetime | None = None, previous: bool = False
    ) -> list[CounterRow]:
        """Return the last row of each series.

        Args:
            until: Only rows up to this time, aware; a series without any is left out.
            previous: Return the row before the last one instead; a series with a single
                row is left out.

        Raises:
            ConfigurationError: ``until`` is no aware time.
            HistoryError: The file cannot be used.
        """
        end = _LAST if until is None else _microseconds("until", until)

        def read(connection: sqlite3.Connection) -> list[CounterRow]:
            return [
                _row(key, found)
                for series, key in _series(connection, {})
                for found in connection.execute(_LATEST, (series, end, int(previous)))
            ]

        return await self._file.run(read)

    async def aclose(self) -> None:
        """Close the file, after the reads and writes under way; idempotent."""
        await self._file.aclose()

    async def __aenter__(self) -> Self:
        """Open the file, and make it if it is missing.

        Raises:
            HistoryError: It cannot be used, is something else, or of another version.
        """
        await self._file.run(lambda _: None)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or refuse those of another version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        msg = f"it is of version {version}, and this library reads version {VERSION}"
        raise UnusableFileError(msg)
    if not version:
        connection.executescript(_SCHEMA)


def _series(connection: sqlite3.Connection, wanted: Mapping[str, object]) -> list[tuple[int, _Key]]:
    """Return the series that match, each with its id, in the order of kinds, ids and channels."""
    where = " AND ".join(f"{name} = :{name}" for name in wanted) or "TRUE"
    found = connection.execute(f"SELECT id, {', '.join(_SERIES)} FROM series WHERE {where}", wanted)
    return sorted(
        ((series, (kind, *ids, channel)) for series, kind, *ids, channel in found),
        key=lambda one: (*one[1][:-1], channel_order(one[1][-1])),
    )


def _page(
    connection: sqlite3.Connection, *, series: int, key: _Key, after: int, end: int
) -> tuple[list[CounterRow], int | None]:
    """Return the next rows of a series, and the time after which there may be more."""
    found = connection.execute(_FORWARD, (series, after, end)).fetchall()
    return [_row(key, one) for one in found], found[-1][0] if len(found) == PAGE else None


def _row(key: _Key, stored: tuple[Any, ...]) -> CounterRow:
    kind, *ids, channel = key
    at, is_refresh, name, *counters, counted_at, updated = stored
    try:
        times = (_moment(counted_at), _moment(updated), _moment(at) if is_refresh else None)
    except (OverflowError, TypeError):
        reason = "a row is damaged"
    else:
        named_ids = (number or None for number in ids)
        return CounterRow._make((kind, *named_ids, name, channel, *counters, *times))
    raise UnusableFileError(reason)


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else _EPOCH + stored * _MICROSECOND


def _microseconds(name: str, moment: object) -> int:
    if isinstance(moment, datetime) and moment.tzinfo:
        return (moment - _EPOCH) // _MICROSECOND
    msg = f"{name}: has to be a datetime with a time zone"
    raise ConfigurationError(msg)


def _checked(row: CounterRow) -> _Stored:
    """Return what is stored of a row; refuse one that somebody made wrongly."""
    checked_kind("rows", row, CounterRow)
    try:
        one = msgspec.convert(tuple(row), CounterRow)
    except msgspec.ValidationError as refused:
        reason = re.sub(r"\$\[(\d+)\]", lambda at: CounterRow._fields[int(at[1])], str(refused))
    else:
        began = time_of(one)
        if began and all(value <= _LAST for value in one if isinstance(value, int)):
            return _stored(one, _microseconds("rows", began))
        reason = (
            "A number has more than 63 bits" if began else "A row needs a time, such as updated"
        )
    msg = f"rows: {reason}"
    raise ConfigurationError(msg)


def _stored(row: CounterRow, at: int) -> _Stored:
    counted, updated = (
        None if moment is None else _microseconds("rows", moment) - at
        for moment in (row.counted_at, row.updated)
    )
    key = (row.kind, row.resource_id or 0, row.database_id or 0, row.segment_id or 0, row.channel)
    values = {name: getattr(row, name) for name in _COUNTERS}
    times = {"at": at, "counted_after": counted, "updated_after": updated}
    return key, row.name, {**values, **times, "is_refresh": row.refreshed_at is not None}


def _add(connection: sqlite3.Connection, row: _Stored) -> bool:
    """Insert a row, and say whether it was not there yet."""
    key, name, values = row
    named = None if name is None else _id_of(connection, "names", ("name",), (name,))
    series = _id_of(connection, "series", _SERIES, key)
    added = connection.execute(_ADD_ROW, {**values, "series": series, "name": named})
    return added.rowcount == 1


def _id_of(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], values: tuple[object, ...]
) -> object:
    """Return the id of a row of a small table, to which it is added if it is missing."""
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING", values
    )
    find = f"SELECT id FROM {table} WHERE ({names}) = ({marks})"
    return connection.execute(find, values).fetchone()[0]
