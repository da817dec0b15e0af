"""Tables and JSON from models, printed into a string."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console, RenderableType

from altcraft_async import (
    BadRequestError,
    CounterGroup,
    CountersReport,
    Failed,
    SubscriptionCounters,
    TaskRef,
    TaskStatus,
)
from altcraft_async.cli import tables
from altcraft_async.cli.safe_text import clean
from altcraft_async.cli.totals_views import outcome_data

REF = TaskRef(task_id="t", kind="resource", target=(24, 1))
IDS = {"resource_id": 24, "database_id": 1}
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
    _, titles, _, row = printed(*tables.report_views(report(), IDS)).splitlines()
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
    lines = printed(tables.CountersTable({"email": COUNTERS}), width=40).splitlines()
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
        ({"database_id": None}, "resource 24, database 1, counted at a time unsaid"),
        ({"resource_id": 7}, "resource 7, database 1, counted at a time unsaid"),
        (
            {"in_progress": True, "refresh_task_id": "t2"},
            "resource 24, database 1, counted at a time unsaid, a newer count is running: t2",
        ),
    ],
)
def test_headline_says_what_was_counted_when(fields: dict[str, object], headline: str) -> None:
    """The line above a table says as much as the server did."""
    assert printed(tables.report_views(report(**fields), IDS)[0]) == f"{headline}\n"


def test_status_without_progress_is_a_word() -> None:
    """Progress that is not sent is not shown."""
    assert printed(tables.status_view(TaskStatus(status="queued"))) == "queued\n"


def test_headline_of_an_unknown_task_says_what_is_known() -> None:
    """Where neither the request nor the answer names a database, that is said."""
    (view, *_) = tables.report_views(report(database_id=None), {})
    assert printed(view) == "database unsaid, counted at a time unsaid\n"


def test_headline_of_a_segment_begins_with_it() -> None:
    """A segment, its resource and its database stand in this order."""
    ids = {"segment_id": 7, "resource_id": 24}
    assert printed(tables.report_views(report(), ids)[0]).startswith(
        "segment 7, resource 24, database 1, "
    )


def test_segments_are_shown_by_the_two_figures_that_they_send() -> None:
    """Columns that nobody sends would be dashes from top to bottom."""
    counters = SubscriptionCounters(subscribed_sendable=5, unconfirmed_sendable=2)
    titles, _, row = printed(tables.CountersTable({"email": counters})).splitlines()
    assert titles.split() == ["channel", "sendable", "unconfirmed", "sendable"]
    assert row.split() == ["email", "5", "2"]


def test_pipe_gets_a_table_and_no_bars() -> None:
    """Bars below a table are for people; who asks for bars gets them anywhere."""
    assert "█" not in printed(*tables.report_views(report(), IDS))
    bars = printed(*tables.report_views(report(), IDS, bars_only=True))
    assert "█" in bars
    assert "sendable" not in bars


def test_what_the_server_sends_commands_no_terminal() -> None:
    """Control characters, bidirectional marks and rich's markup come out as text."""
    evil = "\x1b[31m[red]\r\n\u202e\x9b[/red]:boom:"
    views = tables.report_views(report(channels={evil: COUNTERS}), IDS)
    assert clean(evil) in printed(*views)
    assert clean(evil) in printed(
        *tables.report_views(report(channels={evil: COUNTERS}), IDS, bars_only=True)
    )
    assert clean(evil) in printed(tables.status_view(TaskStatus(status=evil)))
    assert clean(evil) in printed(tables.task_view(TaskRef(task_id=evil)))


def test_failed_outcome_says_why() -> None:
    """A line of JSON for a failure has the error's class, its message, and the task if any."""
    failed = Failed(target=(24, 1), ref=None, error=BadRequestError("no"))
    assert outcome_data(failed) == {
        "target": (24, 1),
        "task": None,
        "error": "BadRequestError",
        "message": "no",
    }
    started = Failed(target=(24, 1), ref=REF, error=BadRequestError("no"))
    assert outcome_data(started)["task"] == tables.task_data(REF)
