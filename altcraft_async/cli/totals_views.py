"""Many refreshes as tables, bars and plain data. No I/O."""

from __future__ import annotations

from typing import cast

import msgspec
from rich.console import RenderableType
from rich.text import Text

from altcraft_async import Failed
from altcraft_async.cli import tables
from altcraft_async.cli.chart import Chart
from altcraft_async.cli.safe_text import clean
from altcraft_async.cli.totals import FAILURES_KEPT, Outcome, Tally

__all__ = ["outcome_data", "tally_chart", "tally_data", "tally_views"]


def tally_views(tally: Tally) -> list[RenderableType]:
    """Show what many refreshes found, added up, what they took, and what failed."""
    totals = f"{tally.completed} of {tally.done} refreshes, {tally.polls} polls"
    return [
        *tables.counters_views(tally.channels),
        *_failures(tally),
        Text(f"{totals}, {tally.seconds:.1f} s"),
    ]


def tally_chart(tally: Tally) -> list[RenderableType]:
    """Show what many refreshes found as bars."""
    return [Chart(tally.channels), *tally_views(tally)[-1:]]


def tally_data(tally: Tally) -> dict[str, object]:
    """Return the totals of many refreshes as plain data."""
    return {
        "refreshes": tally.done,
        "completed": tally.completed,
        "failed": tally.failed,
        "polls": tally.polls,
        "seconds": round(tally.seconds, 3),
        "channels": msgspec.to_builtins(tally.channels),
    }


def outcome_data(outcome: Outcome) -> dict[str, object]:
    """Return one of many refreshes as plain data; ``error`` is there only if it failed."""
    if isinstance(outcome, Failed):
        return {
            "target": outcome.target,
            "task": tables.task_data(outcome.ref) if outcome.ref else None,
            "error": type(outcome.error).__name__,
            "message": str(outcome.error),
        }
    return {
        "target": outcome.target,
        **tables.report_data(outcome.value, outcome.ref),
        "polls": outcome.polls,
        "seconds": round(outcome.seconds, 3),
    }


def _failures(tally: Tally) -> list[Text]:
    lines = [Text(f"{_name(one)}: {clean(str(one.error))}") for one in tally.failures]
    more = tally.failed - FAILURES_KEPT
    return [*lines, *([Text(f"and {more} more that failed")] if more > 0 else [])]


def _name(failure: Failed) -> str:
    """Name what failed: by its ids, or by its task where those are unknown."""
    target = failure.target
    if isinstance(target, tuple):
        return clean(" ".join(map(str, cast("tuple[object, ...]", target))))
    return clean(failure.ref.task_id if failure.ref else str(target))
