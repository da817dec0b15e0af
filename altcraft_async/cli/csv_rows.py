"""Counters as flat records: one per channel, or one per failed refresh. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from altcraft_async import CounterRow, CountersReport, Failed, TaskKind
from altcraft_async.cli.json_data import plain
from altcraft_async.cli.object_kinds import Outcome, named_ids
from altcraft_async.cli.safe_text import cell

__all__ = [
    "HEADER",
    "Record",
    "csv_cells",
    "outcome_records",
    "outcome_rows",
    "report_records",
    "report_rows",
]

HEADER = (*CounterRow._fields, "task_id", "error", "message")
"""The column titles, which are the same for every command that prints counters."""

Record: TypeAlias = Mapping[str, object]
"""Values by column; a column that it lacks is empty."""

Row = tuple[str, ...]


def report_records(
    report: CountersReport, task_id: str = "", name: str | None = None
) -> list[Record]:
    """Return a record per channel of each group.

    Args:
        report: The report.
        task_id: Task that counted; empty if there was none.
        name: Name of what was counted, where known.
    """
    task = {"task_id": task_id or None}
    return [{**row._asdict(), **task} for row in report.rows(name=name)]


def outcome_records(kind: TaskKind, outcome: Outcome, name: str | None = None) -> list[Record]:
    """Return the records of one of many refreshes."""
    task_id = outcome.ref.task_id if outcome.ref else ""
    if not isinstance(outcome, Failed):
        return report_records(outcome.value, task_id, name)
    failure = {"error": type(outcome.error).__name__, "message": str(outcome.error)}
    ids = named_ids(kind, outcome.target)
    return [{"kind": kind, **ids, "name": name, "task_id": task_id or None, **failure}]


def report_rows(
    report: CountersReport, task_id: str = "", name: str | None = None
) -> Iterator[Row]:
    """Return the records of a report as rows of CSV."""
    return map(csv_cells, report_records(report, task_id, name))


def outcome_rows(kind: TaskKind, outcome: Outcome, name: str | None = None) -> Iterator[Row]:
    """Return the records of one of many refreshes as rows of CSV."""
    return map(csv_cells, outcome_records(kind, outcome, name))


def csv_cells(record: Record) -> Row:
    """Return a record as the cells of a row."""
    values = plain(record)
    return tuple(cell(values.get(name)) for name in HEADER)
