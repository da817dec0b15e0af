"""Results as plain data, for JSON. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from altcraft_async import CountersReport, Failed, TaskRef, TaskStatus
from altcraft_async.cli.object_kinds import Outcome, Read
from altcraft_async.cli.totals import Totals

__all__ = ["outcome_data", "plain", "report_data", "status_data", "task_data", "totals_data"]


def report_data(
    report: CountersReport, ref: TaskRef | None = None, name: str | None = None
) -> dict[str, object]:
    """Return the rows of a report, with the columns of CSV, and its task if it came from one."""
    return {
        **({} if ref is None else {"task": task_data(ref)}),
        "rows": [plain(row._asdict()) for row in report.rows(name=name)],
        "in_progress": any(group.in_progress for group in report.groups),
    }


def plain(record: Mapping[str, object]) -> dict[str, object]:
    """Return a record with its times as text in ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in record.items()
    }


def task_data(ref: TaskRef) -> object:
    """Return a task as ``TaskRef.from_json`` reads it."""
    return msgspec.to_builtins(ref)


def status_data(task_id: str, status: TaskStatus) -> dict[str, object]:
    """Return the status of a task."""
    return {"task_id": task_id, "status": status.status, "progress": status.progress}


def outcome_data(outcome: Outcome, name: str | None = None) -> dict[str, object]:
    """Return the outcome of one of many refreshes or reads; a failure has an ``error``."""
    if isinstance(outcome, Failed):
        return {
            "target": outcome.target,
            "task": task_data(outcome.ref) if outcome.ref else None,
            "error": type(outcome.error).__name__,
            "message": str(outcome.error),
        }
    done = {"target": outcome.target, **report_data(outcome.value, outcome.ref, name)}
    if isinstance(outcome, Read):
        return done
    return {
        **done,
        "polls": outcome.polls,
        "seconds": round(outcome.seconds, 3),
    }


def totals_data(totals: Totals) -> dict[str, object]:
    """Return the totals of many refreshes."""
    return {
        "refreshes": totals.done,
        "completed": totals.completed,
        "failed": totals.failed,
        "polls": totals.polls,
        "seconds": round(totals.seconds, 3),
        "channels": msgspec.to_builtins(totals.channels),
    }
