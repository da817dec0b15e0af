"""Counters as rows of CSV: one per channel, or one per failed refresh. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from altcraft_async import CountersReport, Failed, SubscriptionCounters, TaskKind
from altcraft_async.cli.object_kinds import ID_NAMES, Outcome, group_ids, named_ids
from altcraft_async.cli.safe_text import cell

__all__ = ["header", "outcome_rows", "report_rows"]

_COUNTERS = SubscriptionCounters.__struct_fields__

Row = tuple[str, ...]


def header(kind: TaskKind) -> Row:
    """Return the column titles, which are the same for every command that prints counters."""
    return (*ID_NAMES[kind], "channel", *_COUNTERS, "counted_at", "task_id", "error", "message")


def report_rows(
    kind: TaskKind, target: object, report: CountersReport, task_id: str = ""
) -> Iterator[Row]:
    """Return a row per channel of each group.

    Args:
        kind: Kind of the target.
        target: Target of the request, for ids that a group lacks.
        report: The report.
        task_id: Task that counted; empty if there was none.
    """
    for group in report.groups:
        counted_at = group.counted_at or group.updated
        for channel, counters in group.channels.items():
            yield _row(
                kind,
                {
                    **group_ids(group, named_ids(kind, target)),
                    "channel": channel,
                    **{name: getattr(counters, name) for name in _COUNTERS},
                    "counted_at": None if counted_at is None else counted_at.isoformat(),
                    "task_id": task_id,
                },
            )


def outcome_rows(kind: TaskKind, outcome: Outcome) -> Iterator[Row]:
    """Return the rows of one of many refreshes."""
    task_id = outcome.ref.task_id if outcome.ref else ""
    if not isinstance(outcome, Failed):
        yield from report_rows(kind, outcome.target, outcome.value, task_id)
        return
    yield _row(
        kind,
        {
            **named_ids(kind, outcome.target),
            "task_id": task_id,
            "error": type(outcome.error).__name__,
            "message": str(outcome.error),
        },
    )


def _row(kind: TaskKind, values: Mapping[str, object]) -> Row:
    return tuple(cell(values.get(name)) for name in header(kind))
