"""Tables and JSON from models, printed into a string."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console, RenderableType

from altcraft_async import (
    BadRequestError,
    Completed,
    CounterGroup,
    CountersReport,
    Failed,
    SubscriptionCounters,
    TaskRef,
    TaskStatus,
)
from altcraft_async.cli import show
from altcraft_async.cli.tally import Tally

REF = TaskRef(task_id="t", kind="resource", target=(24, 1))
COUNTERS = SubscriptionCounters(subscribed=842, unsubscribed=3, subscribed_sendable=800)


def printed(*views: RenderableType, width: int = 200) -> str:
    """Print into a string."""
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    for view in views:
        console.print(view)
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO


def report(**fields: object) -> CountersReport:
    """Make a report of one group."""
    known = {"database_id": 1, "channels": {"email": COUNTERS}, **fields}
    return CountersReport((CounterGroup(**known),))  # type: ignore[arg-type]  # by name


def test_figures_stand_under_their_titles() -> None:
    """A figure that an endpoint does not send is a dash."""
    _, titles, _, row = printed(*show.report_views(report(), REF)).splitlines()
    shown = dict(zip(titles.split(), row.split(), strict=True))
    assert shown == {
        "channel": "email",
        "subscribed": "842",
        "unsubscribed": "3",
        "hardbounced": "-",
        "complained": "-",
        "unconfirmed": "-",
        "suspended": "-",
        "invalid": "-",
        "sendable": "800",
    }


def test_narrow_screen_gets_a_row_per_figure() -> None:
    """Where a row per channel does not fit, the table is turned and no figure is cut."""
    lines = printed(show.CountersTable({"email": COUNTERS}), width=40).splitlines()
    assert lines[0].split() == ["email"]
    assert lines[2].split() == ["subscribed", "842"]
    assert lines[-1].split() == ["sendable", "800"]


@pytest.mark.parametrize(
    ("fields", "headline"),
    [
        (
            {"last_count_time": "counted at 2026-01-02T03:04:05Z in 231.374251ms"},
            "resource 24, database 1, counted 2026-01-02 03:04:05+00:00 in 0.231 s",
        ),
        (
            {"updated": datetime(2026, 1, 2, tzinfo=UTC)},
            "resource 24, database 1, counted 2026-01-02 00:00:00+00:00",
        ),
        ({"database_id": None}, "resource 24, database unsaid, counted at a time unsaid"),
        ({"resource_id": 7}, "resource 7, database 1, counted at a time unsaid"),
        (
            {"in_progress": True, "refresh_task_id": "t2"},
            "resource 24, database 1, counted at a time unsaid, a newer count is running: t2",
        ),
    ],
)
def test_headline_says_what_was_counted_when(fields: dict[str, object], headline: str) -> None:
    """The line above a table says as much as the server did."""
    assert printed(show.report_views(report(**fields), REF)[0]) == f"{headline}\n"


def test_status_without_progress_is_a_word() -> None:
    """Progress that is not sent is not shown."""
    assert printed(show.status_view(TaskStatus(status="queued"))) == "queued\n"


def test_what_the_server_sends_commands_no_terminal() -> None:
    """Control characters, bidirectional marks and rich's markup come out as text."""
    evil = "\x1b[31m[red]\r\n\u202e\x9b[/red]:boom:"
    assert show.clean(evil) == "\\x1b[31m[red]\\r\\n\\u202e\\x9b[/red]:boom:"
    views = show.report_views(report(channels={evil: COUNTERS}), REF)
    assert show.clean(evil) in printed(*views)
    assert show.clean(evil) in printed(show.status_view(TaskStatus(status=evil)))


def test_names_of_other_alphabets_stay_readable() -> None:
    """Only what cannot be printed is escaped."""
    assert show.clean("Рассылка €") == "Рассылка €"


def test_tally_adds_up_what_was_completed() -> None:
    """Sums are per channel over everything completed; what nobody sends stays unsaid."""
    done = Completed(target=(24, 1), ref=REF, value=report(), polls=3, seconds=1.0)
    error = BadRequestError("no")
    tally = Tally(3)
    assert list(tally.counting([(1, 1), (2, 1), (3, 1)])) == [(1, 1), (2, 1), (3, 1)]
    for outcome in (done, done):
        tally.add(outcome)
    assert (tally.done, tally.running) == (2, 1)
    tally.add(Failed(target=(3, 1), ref=None, error=error))
    tally.add(Failed(target=(4, 1), ref=None, error=BadRequestError("again")))
    assert (tally.completed, tally.failed, tally.looks) == (2, 2, 6)
    assert tally.first_failure is error
    assert tally.channels["email"] == SubscriptionCounters(
        subscribed=1684, unsubscribed=6, subscribed_sendable=1600
    )


def test_failed_outcome_says_why() -> None:
    """A line of JSON for a failure has the error's class, its message, and the task if any."""
    failed = Failed(target=(24, 1), ref=None, error=BadRequestError("no"))
    assert show.outcome_data(failed) == {
        "target": (24, 1),
        "task": None,
        "error": "BadRequestError",
        "message": "no",
    }
    started = Failed(target=(24, 1), ref=REF, error=BadRequestError("no"))
    assert show.outcome_data(started)["task"] == show.task_data(REF)
