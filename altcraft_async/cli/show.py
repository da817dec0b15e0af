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
    Completed,
    CounterGroup,
    CountersReport,
    Failed,
    SubscriptionCounters,
    TaskRef,
    TaskStatus,
)
from altcraft_async.cli.tally import Tally

__all__ = [
    "CountersTable",
    "clean",
    "outcome_data",
    "report_data",
    "report_views",
    "status_data",
    "status_view",
    "tally_data",
    "tally_views",
    "task_data",
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

_WIDE = 10_000  # columns, to ask a table how wide it would like to be


def clean(text: str) -> str:
    r"""Return the text as one line that no terminal takes for a command.

    Control characters, line breaks and invisible marks that turn the writing
    direction come out as escapes such as ``\x1b``.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


class CountersTable:
    """Counters by channel: one row per channel, or per figure where that is too wide to fit."""

    def __init__(self, channels: Mapping[str, SubscriptionCounters]) -> None:
        """Show these channels in this order."""
        self._channels = {clean(name): counters for name, counters in channels.items()}

    def by_channel(self) -> Table:
        """Return one row per channel."""
        table = _table("channel", *FIGURES)
        for name, counters in self._channels.items():
            table.add_row(Text(name), *(_figure(counters, title) for title in FIGURES))
        return table

    def by_figure(self) -> Table:
        """Return one row per figure."""
        table = _table("", *self._channels)
        for title in FIGURES:
            figures = (_figure(counters, title) for counters in self._channels.values())
            table.add_row(Text(title), *figures)
        return table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Choose what fits."""
        table = self.by_channel()
        wanted = console.measure(table, options=options.update(width=_WIDE)).maximum
        yield table if wanted <= options.max_width else self.by_figure()


def report_views(report: CountersReport, ref: TaskRef) -> list[RenderableType]:
    """Show the counters of each group, and when they were counted."""
    views: list[RenderableType] = []
    for group in report.groups:
        views += [Text(_headline(group, ref)), CountersTable(group.channels)]
    return views


def report_data(report: CountersReport, ref: TaskRef) -> dict[str, object]:
    """Return a report and its task as plain data."""
    return {"task": task_data(ref), "groups": [_group_data(group) for group in report.groups]}


def task_data(ref: TaskRef) -> object:
    """Return a task as plain data that ``TaskRef.from_json`` reads back."""
    return msgspec.to_builtins(ref)


def status_view(status: TaskStatus) -> Text:
    """Show how far a task is: ``running 42 %``."""
    percent = "" if status.progress is None else f" {status.progress} %"
    return Text(clean(status.status) + percent)


def status_data(task_id: str, status: TaskStatus) -> dict[str, object]:
    """Return how far a task is as plain data."""
    return {"task_id": task_id, "status": status.status, "progress": status.progress}


def tally_views(tally: Tally) -> list[RenderableType]:
    """Show what many refreshes found, added up, and what they took."""
    totals = (
        f"{tally.completed} of {tally.total} refreshes, {tally.looks} looks, {tally.seconds:.1f} s"
    )
    return [CountersTable(tally.channels), Text(totals)]


def tally_data(tally: Tally) -> dict[str, object]:
    """Return the totals of many refreshes as plain data."""
    return {
        "refreshes": tally.total,
        "completed": tally.completed,
        "failed": tally.failed,
        "looks": tally.looks,
        "seconds": round(tally.seconds, 3),
        "channels": msgspec.to_builtins(tally.channels),
    }


def outcome_data(outcome: Completed[CountersReport] | Failed) -> dict[str, object]:
    """Return one of many refreshes as plain data; ``error`` is there only if it failed."""
    if isinstance(outcome, Failed):
        kind = type(outcome.error).__name__
        task = task_data(outcome.ref) if outcome.ref else None
        return {
            "target": outcome.target,
            "task": task,
            "error": kind,
            "message": str(outcome.error),
        }
    return {
        "target": outcome.target,
        **report_data(outcome.value, outcome.ref),
        "polls": outcome.polls,
        "seconds": round(outcome.seconds, 3),
    }


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(Text(first))
    for title in others:
        table.add_column(Text(title), justify="right")
    return table


def _figure(counters: SubscriptionCounters, title: str) -> Text:
    value: int | None = getattr(counters, FIGURES[title])
    return Text("-" if value is None else str(value))


def _headline(group: CounterGroup, ref: TaskRef) -> str:
    """Say what was counted and when: ``database 1, counted 2030-01-01 00:00:03+00:00``."""
    database = "database unsaid" if group.database_id is None else f"database {group.database_id}"
    resource = group.resource_id
    if resource is None and ref.kind == "resource" and ref.target:
        resource = ref.target[0]
    parts = [] if resource is None else [f"resource {resource}"]
    parts += [database, _counted(group)]
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
