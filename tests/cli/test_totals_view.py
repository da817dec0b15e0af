"""The end of many refreshes, printed into a string."""

from __future__ import annotations

import io

from rich.console import Console

from altcraft_async import BadRequestError, Failed
from altcraft_async.cli.totals import ReadTotals, Totals
from altcraft_async.cli.totals_view import totals_views


def printed(totals: Totals) -> list[str]:
    """Return the printed lines."""
    screen = io.StringIO()
    console = Console(file=screen, width=100, markup=False, highlight=False)
    for view in totals_views(totals):
        console.print(view)
    return screen.getvalue().splitlines()


def test_reasons_of_failures_come_with_counts_the_most_frequent_first() -> None:
    totals = Totals()
    for number, reason in enumerate(["rare", *["often\x1b"] * 5], start=1):
        totals.add(Failed(target=(number, 1), ref=None, error=BadRequestError(reason)))
    assert printed(totals) == [
        "5 failed: often\\x1b",
        "  resource 2, database 1; resource 3, database 1; resource 4, database 1; 2 more",
        "1 failed: rare",
        "  resource 1, database 1",
        "0 of 6 refreshes, 0 polls, 0.0 s",
    ]


def test_large_totals_have_separators() -> None:
    totals = Totals()
    totals.completed, totals.polls = 12_345, 67_890
    assert printed(totals) == ["12,345 of 12,345 refreshes, 67,890 polls, 0.0 s"]


def test_reads_have_no_polls() -> None:
    assert printed(ReadTotals()) == ["0 of 0 reads, 0.0 s"]
