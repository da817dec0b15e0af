"""How the largest series of a history went on; reads only what is new, and writes nothing."""

from __future__ import annotations

import math
import time
from contextlib import aclosing
from datetime import timedelta
from heapq import nlargest

from altcraft_async.errors import HistoryError
from altcraft_async.history import CounterHistory
from altcraft_async.history.changes import time_of
from altcraft_async.models import CounterRow
from altcraft_async.models.targets import TARGET_IDS
from altcraft_async.models.validation import checked_kind
from altcraft_async.monitor.views import Line, Lines, What

__all__ = ["LINES", "POINTS", "HistoryLines"]

LINES, POINTS = 12, 60
"""Series that are shown, those with the most subscribers, and the last counts of each."""

SECONDS = 30.0
"""Between two reads, as rows come all the time while a run goes on."""

_FIRST_SPAN, _LAST_SPAN = timedelta(hours=1), timedelta(days=3 * 365)


class HistoryLines:
    """The lines of a page."""

    def __init__(self, history: CounterHistory, *, seconds: float = SECONDS) -> None:
        """Remember what to read, after so many seconds again.

        Raises:
            ConfigurationError: It is no history.
        """
        checked_kind("history", history, CounterHistory)
        self._history = history
        self._known: dict[CounterRow, Line] = {}  # by the last row of the series
        self._seconds, self._read_at = seconds, -math.inf

    async def read(self) -> Lines:
        """Return the lines; if the file cannot be read, the old ones and the reason."""
        problem = None
        if time.monotonic() >= self._read_at + self._seconds:
            try:
                latest = [row for row in await self._history.latest() if _count(row) is not None]
                largest = nlargest(LINES, latest, key=lambda row: _count(row) or 0)
                self._known = {
                    row: self._known.get(row) or await self._line(row) for row in largest
                }
            except HistoryError as error:
                problem = str(error)
            self._read_at = time.monotonic()
        return Lines(list(self._known.values()), problem)

    async def _line(self, last: CounterRow) -> Line:
        """Look back further and further until there are enough rows."""
        until, span, found = time_of(last), _FIRST_SPAN, list[CounterRow]()
        assert until is not None  # noqa: S101 -- each row of a history has a time
        while len(found) < POINTS and span < _LAST_SPAN:
            span *= 4
            rows = self._history.rows(
                kind=last.kind,
                resource_id=last.resource_id,
                database_id=last.database_id,
                segment_id=last.segment_id,
                channel=last.channel,
                since=until - span,
            )
            async with aclosing(rows):
                found = [row async for row in rows if row[:4] == last[:4]]
        ids = (getattr(last, name) for name in TARGET_IDS.get(last.kind, ()))
        what = What(last.kind, tuple(one for one in ids if one is not None) or None, last.name)
        return Line(what, last.channel, [_point(row) for row in found[-POINTS:]])


def _point(row: CounterRow) -> tuple[float, int | None]:
    at = time_of(row)
    return at.timestamp() if at else 0.0, _count(row)


def _count(row: CounterRow) -> int | None:
    """Return the subscribers, or those of them that segments have."""
    return row.subscribed_sendable if row.subscribed is None else row.subscribed
