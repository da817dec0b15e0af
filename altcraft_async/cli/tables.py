"""Tables and lines for people. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from altcraft_async import (
    CounterGroup,
    CountersReport,
    SubscriptionCounters,
    TaskRef,
    TaskStatus,
)
from altcraft_async.cli.chart import Chart
from altcraft_async.cli.object_kinds import group_ids
from altcraft_async.cli.safe_text import cells, clean
from altcraft_async.models.task_words import task_word

__all__ = [
    "CountersTable",
    "counters_views",
    "details_table",
    "fits",
    "grid_table",
    "records_table",
    "report_views",
    "status_view",
    "task_view",
    "width_of",
]

_COUNTERS = (
    "subscribed",
    "unsubscribed",
    "hardbounced",
    "complained",
    "unconfirmed",
    "suspended",
    "invalid",
    "subscribed_sendable",
)
_SENDABLE = ("subscribed_sendable", "unconfirmed_sendable")  # segments send only these

_ORDER = ("segment", "resource", "database")  # of a headline

_UNLIMITED = 10_000  # columns, to measure a table without a limit


class CountersTable:
    """A row per channel; on a narrow screen a row per counter, then a table per channel."""

    def __init__(self, channels: Mapping[str, SubscriptionCounters]) -> None:
        """Show these channels in this order."""
        sent = (getattr(one, field) for one in channels.values() for field in _COUNTERS[:-1])
        has_all = not channels or any(value is not None for value in sent)
        fields = _COUNTERS if has_all else _SENDABLE
        titles = (field.removeprefix("subscribed_").replace("_", " ") for field in fields)
        self._grid = [["channel", *titles]]
        for name, counters in channels.items():
            self._grid.append([clean(name), *(_counter(counters, field) for field in fields)])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Choose what fits."""
        by_channel = grid_table(self._grid)
        if fits(by_channel, console, options):
            yield by_channel
            return
        titles, *channels = self._grid
        for tight in (False, True):
            together = _by_counter(titles, channels, tight=tight)
            if fits(together, console, options):
                yield together
                return
        for channel in channels:
            yield _by_counter(titles, [channel], tight=True)


def _by_counter(titles: Sequence[str], channels: Sequence[Sequence[str]], *, tight: bool) -> Table:
    (_, *names), *rows = zip(titles, *channels, strict=True)
    return grid_table([["", *names], *rows], tight=tight)


class _TerminalOnly:
    """Shows a view on a terminal, and nothing in a pipe or file."""

    def __init__(self, view: RenderableType) -> None:
        self._view = view

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        del options  # rich's signature
        if console.is_terminal:
            yield self._view


def report_views(
    report: CountersReport, ids: Mapping[str, int], *, bars_only: bool = False
) -> list[RenderableType]:
    """Show the counters of each group below a headline.

    Args:
        report: The report.
        ids: Ids of the request by name, for groups that lack them.
        bars_only: Draw bars instead of a table.
    """
    views: list[RenderableType] = []
    for group in report.groups:
        views.append(Text(_headline(group, ids)))
        views += [Chart(group.channels)] if bars_only else counters_views(group.channels)
    return views


def records_table(record_type: type[msgspec.Struct], rows: Iterable[tuple[str, ...]]) -> Table:
    """Show a row per record, from its cells."""
    table = _empty_table()
    for name in record_type.__struct_fields__:
        is_id = name == "id" or name.endswith("_id")
        table.add_column(_title(name), justify="right" if is_id else "left", no_wrap=is_id)
    for row in rows:
        table.add_row(*(Text(text or "-") for text in row))
    return table


def details_table(record: msgspec.Struct) -> Table:
    """Show a row per field of one record."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in zip(record.__struct_fields__, cells(record), strict=True):
        table.add_row(_title(name), Text(text or "-"))
    return table


def task_view(ref: TaskRef) -> Text:
    """Show a task as one word, with its target."""
    return Text(clean(task_word(ref)))


def status_view(status: TaskStatus) -> Text:
    """Show the status of a task: ``running 42 %``."""
    percent = "" if status.progress is None else f" {status.progress} %"
    return Text(clean(status.status) + percent)


def counters_views(channels: Mapping[str, SubscriptionCounters]) -> list[RenderableType]:
    """Show counters as a table, and on a terminal as bars below it."""
    if not channels:
        return [CountersTable(channels)]
    return [CountersTable(channels), _TerminalOnly(Text()), _TerminalOnly(Chart(channels))]


def fits(table: Table, console: Console, options: ConsoleOptions) -> bool:
    """Say whether a table can be shown without cutting anything."""
    return width_of(table, console, options) <= options.max_width


def width_of(table: Table, console: Console, options: ConsoleOptions) -> int:
    """Return the columns that a table takes without cutting anything."""
    return console.measure(table, options=options.update(width=_UNLIMITED)).maximum


def grid_table(grid: Sequence[Sequence[str]], *, tight: bool = False) -> Table:
    """Show lines of cells below the first, their titles; all but the first column are numbers.

    Args:
        grid: The lines.
        tight: Leave one blank between columns, not three.
    """
    titles, *rows = grid
    table = _empty_table()
    table.padding = (0, 0) if tight else table.padding
    for index, title in enumerate(titles):
        # A number is not folded; the first column may be.
        table.add_column(
            Text(title), justify="right" if index else "left", no_wrap=bool(index), overflow="fold"
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _empty_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _counter(counters: SubscriptionCounters, field: str) -> str:
    value: int | None = getattr(counters, field)
    return "-" if value is None else f"{value:,}"


def _headline(group: CounterGroup, requested: Mapping[str, int]) -> str:
    """Say what was counted and when: ``database 1, counted 2030-01-01 00:00:03+00:00``."""
    ids = group_ids(group, requested)
    parts = [f"{name} {ids[f'{name}_id']}" for name in _ORDER if f"{name}_id" in ids]
    if "database_id" not in ids:
        parts.append("unknown database")
    parts.append(_counted(group))
    if group.in_progress:
        parts.append(f"a newer refresh is running: {clean(group.refresh_task_id)}")
    return ", ".join(parts)


def _counted(group: CounterGroup) -> str:
    at = group.counted_at or group.updated
    if at is None:
        return "counted at an unknown time"
    took = group.count_duration
    duration = "" if took is None else f" in {took.total_seconds():.3g} s"
    return f"counted {at.isoformat(' ', 'seconds')}{duration}"


def _title(field: str) -> Text:
    return Text(field.replace("_", " "))
