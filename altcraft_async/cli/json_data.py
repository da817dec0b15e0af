"""Results as plain data, for JSON. No I/O."""

from __future__ import annotations

import msgspec

from altcraft_async import CounterGroup, CountersReport, Failed, TaskRef, TaskStatus
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.totals import Totals

__all__ = ["outcome_data", "report_data", "status_data", "task_data", "totals_data"]


def report_data(report: CountersReport, ref: TaskRef | None = None) -> dict[str, object]:
    """Return a report, with its task if it came from one."""
    task = {} if ref is None else {"task": task_data(ref)}
    return {**task, "groups": [_group_data(group) for group in report.groups]}


def task_data(ref: TaskRef) -> object:
    """Return a task as ``TaskRef.from_json`` reads it."""
    return msgspec.to_builtins(ref)


def status_data(task_id: str, status: TaskStatus) -> dict[str, object]:
    """Return the status of a task."""
    return {"task_id": task_id, "status": status.status, "progress": status.progress}


def outcome_data(outcome: Outcome) -> dict[str, object]:
    """Return the outcome of one of many refreshes; a failure has an ``error``."""
    if isinstance(outcome, Failed):
        return {
            "target": outcome.target,
            "task": task_data(outcome.ref) if outcome.ref else None,
            "error": type(outcome.error).__name__,
            "message": str(outcome.error),
        }
    return {
        "target": outcome.target,
        **report_data(outcome.value, outcome.ref),
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


def _group_data(group: CounterGroup) -> dict[str, object]:
    at, took = group.counted_at, group.count_duration
    return {
        **msgspec.to_builtins(group),
        "counted_at": None if at is None else at.isoformat(),
        "count_seconds": None if took is None else took.total_seconds(),
    }
