"""From models to what is printed: tables for people, plain data for programs. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

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
from altcraft_async.cli.chart import Chart, OnTerminal
from altcraft_async.cli.safe_text import clean

__all__ = [
    "CountersTable",
    "counters_views",
    "groups_data",
    "report_data",
    "report_views",
    "status_data",
    "status_view",
    "task_data",
    "task_view",
]

FIGURES = {
    "subscribed": "subscribed",
    "unsubscribed": "unsubscribed",
    "hardbounced": "hardbounced",
    "complained": "complained",
    "unconfirmed": "unconfirmed",
    "suspended": "suspended",
    "invalid": "invalid",
    "sendable": "subscribed_sendable",
}
"""Columns of a table of counters, and the attribute that each shows."""

SENDABLE = {"sendable": "subscribed_sendable", "unconfirmed sendable": "unconfirmed_sendable"}
"""The same where no more is sent: segments have these alone."""

_ORDER = ("segment", "resource", "database")  # of a headline

_WIDE = 10_000  # columns, to ask a table how wide it would like to be


class CountersTable:
    """Counters by channel: one row per channel, or per figure where that is too wide to fit."""

    def __init__(self, channels: Mapping[str, SubscriptionCounters]) -> None:
        """Show these channels in this order."""
        self._channels = {clean(name): counters for name, counters in channels.items()}
        states = [name for name in FIGURES.values() if name != "subscribed_sendable"]
        said = (getattr(one, name) is not None for one in channels.values() for name in states)
        self._figures = FIGURES if any(said) or not channels else SENDABLE

    def by_channel(self) -> Table:
        """Return one row per channel."""
        table = _table("channel", *self._figures)
        for name, counters in self._channels.items():
            figures = (_figure(counters, field) for field in self._figures.values())
            table.add_row(Text(name), *figures)
        return table

    def by_figure(self) -> Table:
        """Return one row per figure."""
        table = _table("", *self._channels)
        for title, field in self._figures.items():
            figures = (_figure(counters, field) for counters in self._channels.values())
            table.add_row(Text(title), *figures)
        return table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Choose what fits."""
        table = self.by_channel()
        wanted = console.measure(table, options=options.update(width=_WIDE)).maximum
        yield table if wanted <= options.max_width else self.by_figure()


def report_views(
    report: CountersReport, ids: Mapping[str, int], *, bars_only: bool = False
) -> list[RenderableType]:
    """Show the counters of each group, what was counted and when.

    Args:
        report: What came.
        ids: What was asked for, by name, where a group does not say it.
        bars_only: Whether to draw bars instead of a table.
    """
    views: list[RenderableType] = []
    for group in report.groups:
        views.append(Text(_headline(group, ids)))
        views += [Chart(group.channels)] if bars_only else counters_views(group.channels)
    return views


def counters_views(channels: Mapping[str, SubscriptionCounters]) -> list[RenderableType]:
    """Show counters as a table, and to a person as bars below it as well."""
    if not channels:
        return [CountersTable(channels)]
    return [CountersTable(channels), OnTerminal(Text()), OnTerminal(Chart(channels))]


def groups_data(report: CountersReport) -> dict[str, object]:
    """Return a report as plain data."""
    return {"groups": [_group_data(group) for group in report.groups]}


def report_data(report: CountersReport, ref: TaskRef) -> dict[str, object]:
    """Return a report and its task as plain data."""
    return {"task": task_data(ref), **groups_data(report)}


def task_data(ref: TaskRef) -> object:
    """Return a task as plain data that ``TaskRef.from_json`` reads back."""
    return msgspec.to_builtins(ref)


def task_view(ref: TaskRef) -> Text:
    """Show a task as its id, for ``task wait``."""
    return Text(clean(ref.task_id))


def status_view(status: TaskStatus) -> Text:
    """Show how far a task is: ``running 42 %``."""
    percent = "" if status.progress is None else f" {status.progress} %"
    return Text(clean(status.status) + percent)


def status_data(task_id: str, status: TaskStatus) -> dict[str, object]:
    """Return how far a task is as plain data."""
    return {"task_id": task_id, "status": status.status, "progress": status.progress}


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(Text(first))
    for title in others:
        table.add_column(Text(title), justify="right")
    return table


def _figure(counters: SubscriptionCounters, field: str) -> Text:
    value: int | None = getattr(counters, field)
    return Text("-" if value is None else str(value))


def _headline(group: CounterGroup, ids: Mapping[str, int]) -> str:
    """Say what was counted and when: ``database 1, counted 2030-01-01 00:00:03+00:00``."""
    said = {"database_id": group.database_id, "resource_id": group.resource_id}
    known = {**ids, **{name: value for name, value in said.items() if value is not None}}
    parts = [f"{name} {known[f'{name}_id']}" for name in _ORDER if f"{name}_id" in known]
    parts += [] if "database_id" in known else ["database unsaid"]
    parts.append(_counted(group))
    if group.in_progress:
        parts.append(f"a newer count is running: {clean(group.refresh_task_id)}")
    return ", ".join(parts)


def _counted(group: CounterGroup) -> str:
    at = group.counted_at or group.updated
    if at is None:
        return "counted at a time unsaid"
    took = group.count_duration
    duration = "" if took is None else f" in {took.total_seconds():.3g} s"
    return f"counted {at.isoformat(' ', 'seconds')}{duration}"


def _group_data(group: CounterGroup) -> dict[str, object]:
    took = group.count_duration
    return {
        **msgspec.to_builtins(group),
        "counted_at": _time_data(group.counted_at),
        "count_seconds": None if took is None else took.total_seconds(),
    }


def _time_data(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
