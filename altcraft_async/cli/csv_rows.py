"""Counters as lines of CSV: one per channel, or one for a refresh that failed. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from altcraft_async import CountersReport, Failed, SubscriptionCounters, TaskKind
from altcraft_async.cli.object_kinds import IDS, named_ids
from altcraft_async.cli.safe_text import cell
from altcraft_async.cli.totals import Outcome

__all__ = ["columns", "outcome_lines", "report_lines"]

_FIGURES = SubscriptionCounters.__struct_fields__

Line = tuple[str, ...]


def columns(kind: TaskKind) -> Line:
    """Return the titles; every command that prints counters has them, whatever it knows."""
    return (*IDS[kind], "channel", *_FIGURES, "counted_at", "task_id", "error", "message")


def report_lines(
    kind: TaskKind, target: object, report: CountersReport, task_id: str = ""
) -> Iterator[Line]:
    """Return a line per channel of each group.

    Args:
        kind: What was counted.
        target: Its ids, for what a group does not say.
        report: What came.
        task_id: Task that counted, empty where none did.
    """
    for group in report.groups:
        said = {"database_id": group.database_id, "resource_id": group.resource_id}
        ids = {
            **named_ids(kind, target),
            **{name: value for name, value in said.items() if value is not None},
        }
        counted_at = group.counted_at or group.updated
        for channel, counters in group.channels.items():
            yield _line(
                kind,
                {
                    **ids,
                    "channel": channel,
                    **{name: getattr(counters, name) for name in _FIGURES},
                    "counted_at": None if counted_at is None else counted_at.isoformat(),
                    "task_id": task_id,
                },
            )


def outcome_lines(kind: TaskKind, outcome: Outcome) -> Iterator[Line]:
    """Return the lines of one of many refreshes."""
    task_id = outcome.ref.task_id if outcome.ref else ""
    if not isinstance(outcome, Failed):
        yield from report_lines(kind, outcome.target, outcome.value, task_id)
        return
    yield _line(
        kind,
        {
            **named_ids(kind, outcome.target),
            "task_id": task_id,
            "error": type(outcome.error).__name__,
            "message": str(outcome.error),
        },
    )


def _line(kind: TaskKind, known: Mapping[str, object]) -> Line:
    return tuple(cell(known.get(name)) for name in columns(kind))
