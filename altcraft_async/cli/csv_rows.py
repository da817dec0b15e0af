"""Counters as rows of CSV: one per channel, or one per failed refresh. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from altcraft_async import CounterRow, CountersReport, Failed, TaskKind
from altcraft_async.cli.json_data import plain
from altcraft_async.cli.object_kinds import Outcome, named_ids
from altcraft_async.cli.safe_text import cell

__all__ = ["HEADER", "outcome_rows", "report_rows"]

HEADER = (*CounterRow._fields, "task_id", "error", "message")
"""The column titles, which are the same for every command that prints counters."""

Row = tuple[str, ...]


def report_rows(
    report: CountersReport, task_id: str = "", name: str | None = None
) -> Iterator[Row]:
    """Return a row per channel of each group.

    Args:
        report: The report.
        task_id: Task that counted; empty if there was none.
        name: Name of what was counted, where known.
    """
    for row in report.rows(name=name):
        yield _row({**row._asdict(), "task_id": task_id})


def outcome_rows(kind: TaskKind, outcome: Outcome, name: str | None = None) -> Iterator[Row]:
    """Return the rows of one of many refreshes."""
    task_id = outcome.ref.task_id if outcome.ref else ""
    if not isinstance(outcome, Failed):
        yield from report_rows(outcome.value, task_id, name)
        return
    failure = {"error": type(outcome.error).__name__, "message": str(outcome.error)}
    ids = named_ids(kind, outcome.target)
    yield _row({"kind": kind, **ids, "name": name, "task_id": task_id, **failure})


def _row(values: Mapping[str, object]) -> Row:
    record = plain(values)
    return tuple(cell(record.get(name)) for name in HEADER)
