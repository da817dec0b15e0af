"""The end of many refreshes, for people. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.text import Text

from altcraft_async.cli.chart import Chart
from altcraft_async.cli.objects_table import ObjectsTable
from altcraft_async.cli.safe_text import clean
from altcraft_async.cli.tables import counters_views
from altcraft_async.cli.totals import FailureGroup, ReadTotals, Totals

__all__ = ["totals_views"]


def totals_views(totals: Totals, *, bars_only: bool = False) -> list[RenderableType]:
    """Show sums, the largest objects and the failures, or bars alone, above a line of totals."""
    line = Text(_totals_line(totals))
    if bars_only:
        return [Chart(totals.channels), line]
    views = counters_views(totals.channels) if totals.channels else []
    if len(totals.objects) > 1:
        views += [Text(), ObjectsTable(totals.objects), Text()]
    return [*views, *_failures(totals.failures.values()), line]


def _totals_line(totals: Totals) -> str:
    counts = f"{totals.completed:,} of {totals.done:,} {totals.what}"
    polls = "" if isinstance(totals, ReadTotals) else f", {totals.polls:,} polls"
    return f"{counts}{polls}, {totals.seconds:.1f} s"


def _failures(groups: Iterable[FailureGroup]) -> list[Text]:
    """Show each reason with its count, and below it what the first of its failures are about."""
    lines: list[Text] = []
    for group in sorted(groups, key=lambda one: -one.count):
        more = group.count - len(group.labels)
        about = [*group.labels, *([f"{more:,} more"] if more else [])]
        lines.append(Text(f"{group.count:,} failed: {clean(group.reason)}"))
        lines.append(Text(clean(f"  {'; '.join(about)}")))
    return lines
