"""What people see of a history: a line chart, changes since some moments, and movers. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from altcraft_async import CounterRow, SubscriptionCounters
from altcraft_async.cli.line_chart import LineChart
from altcraft_async.cli.safe_text import clean
from altcraft_async.cli.tables import fits, grid_table
from altcraft_async.history import Change
from altcraft_async.history.changes import time_of

__all__ = ["change_data", "channel_views", "movers_view", "series_name"]

_COUNTERS = SubscriptionCounters.__struct_fields__


class _ChangesTable:
    """The changes since some moments beside each other, or below each other on a narrow screen."""

    def __init__(self, grid: Sequence[Sequence[str]]) -> None:
        self._grid = grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        whole = grid_table(self._grid)
        if fits(whole, console, options):
            yield whole
            return
        label, now, *moments = zip(*self._grid, strict=True)
        for moment in moments:
            yield grid_table(list(zip(label, now, moment, strict=True)))


def channel_views(
    rows: Sequence[CounterRow], counter: str, earlier: Mapping[str, CounterRow | None]
) -> list[RenderableType]:
    """Show one channel: a line of a counter, and all counters now and since some moments.

    Args:
        rows: Of one series, in the order of time; at least one.
        counter: The counter of the line.
        earlier: What each moment has, by the word for it; ``None`` where nothing is that old.
    """
    newest = rows[-1]
    points = [
        (moment, value)
        for row in rows
        if (moment := time_of(row)) and (value := getattr(row, counter)) is not None
    ]
    shown = [name for name in _COUNTERS if getattr(newest, name) is not None]
    since = [f"since {word}" for word in earlier]
    grid = [["", "now", *since], ["", "", *map(_time, earlier.values())]]
    grid += [
        [name.replace("_", " "), f"{getattr(newest, name):,}"]
        + [_moved(before, newest, name) for before in earlier.values()]
        for name in shown
    ]
    count = f"{len(rows)} counts, the newest of" if len(rows) > 1 else "1 count of"
    shown_counter = counter.replace("_", " ")
    title = Text(f"{series_name(newest)}: {shown_counter}, {count} {_time(newest)}")
    chart: list[RenderableType] = [LineChart(points)] if points else []
    return [title, *chart, Text(), _ChangesTable(grid), Text()]


def movers_view(title: str, movers: Sequence[Change]) -> list[RenderableType]:
    """Show changes, one a line."""
    if not movers:
        return [Text(f"{title}: none")]
    grid = [[title, "before", "now", "change"]]
    grid += [
        [
            series_name(one.now),
            f"{getattr(one.before, one.counter):,}",
            f"{getattr(one.now, one.counter):,}",
            _shown(one),
        ]
        for one in movers
    ]
    return [grid_table(grid), Text()]


def series_name(row: CounterRow) -> str:
    """Name the series of a row: ``resource 24 Shop, database 1, email``."""
    number = {"segment": row.segment_id, "database": row.database_id}.get(row.kind, row.resource_id)
    ids = {"resource": row.resource_id, "database": row.database_id}
    others = [f"{kind} {one}" for kind, one in ids.items() if one and kind != row.kind]
    name = [row.name] if row.name else []
    return clean(", ".join([" ".join([row.kind, str(number), *name]), *others, row.channel]))


def change_data(change: Change) -> dict[str, object]:
    """Return a change as plain data, for JSON and CSV."""
    before, now = change.before, change.now
    ids = {name: getattr(now, name) for name in CounterRow._fields[:6]}
    return {
        **ids,
        "counter": change.counter,
        "before": getattr(before, change.counter),
        "now": getattr(now, change.counter),
        "difference": change.difference,
        "percent": round(change.percent, 2) if math.isfinite(change.percent) else None,
        "before_at": _iso(before),
        "now_at": _iso(now),
    }


def _moved(before: CounterRow | None, now: CounterRow, counter: str) -> str:
    """Return the change of a counter for a table; a dash where there is nothing to compare."""
    if before is None or getattr(before, counter) is None:
        return "-"
    return _shown(Change(before, now, counter))


def _shown(change: Change) -> str:
    if not change.difference:
        return "="
    share = f"{change.percent:+,.1f} %" if math.isfinite(change.percent) else "from 0"
    return f"{change.difference:+,} ({share})"


def _time(row: CounterRow | None) -> str:
    moment = time_of(row) if row else None
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else "-"


def _iso(row: CounterRow) -> str | None:
    moment = time_of(row)
    return moment.isoformat() if moment else None
