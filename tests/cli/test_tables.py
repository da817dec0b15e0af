"""Tables and lines, printed into a string."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console, RenderableType

from altcraft_async import (
    AccessGroup,
    CounterGroup,
    CountersReport,
    DatabaseDetails,
    Resource,
    SegmentDetails,
    SubscriptionCounters,
    TaskRef,
    TaskStatus,
)
from altcraft_async.cli.safe_text import cells, clean
from altcraft_async.cli.tables import (
    CountersTable,
    details_table,
    records_table,
    report_views,
    status_view,
    task_view,
)

IDS = {"resource_id": 24, "database_id": 1}
COUNTERS = SubscriptionCounters(subscribed=842, unsubscribed=3, subscribed_sendable=800)


def printed(*views: RenderableType, width: int = 200) -> str:
    """Print into a string, without blanks at the ends of lines."""
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    for view in views:
        console.print(view)
    text = str(console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def report(**fields: object) -> CountersReport:
    """Make a report of one group."""
    known = {"database_id": 1, "channels": {"email": COUNTERS}, **fields}
    return CountersReport((CounterGroup(**known),))  # type: ignore[arg-type]  # by name


def test_counter_that_was_not_sent_is_a_dash() -> None:
    _, titles, _, row = printed(*report_views(report(), IDS)).splitlines()
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


def test_narrow_screen_gets_a_row_per_counter() -> None:
    lines = printed(CountersTable({"email": COUNTERS}), width=40).splitlines()
    assert lines[0].split() == ["email"]
    assert lines[2].split() == ["subscribed", "842"]
    assert lines[-1].split() == ["sendable", "800"]


def test_segments_get_columns_of_the_two_counters_that_they_send() -> None:
    counters = SubscriptionCounters(subscribed_sendable=5, unconfirmed_sendable=2)
    titles, _, row = printed(CountersTable({"email": counters})).splitlines()
    assert titles.split() == ["channel", "sendable", "unconfirmed", "sendable"]
    assert row.split() == ["email", "5", "2"]


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
        ({"database_id": None}, "resource 24, database 1, counted at an unknown time"),
        ({"resource_id": 7}, "resource 7, database 1, counted at an unknown time"),
        (
            {"in_progress": True, "refresh_task_id": "t2"},
            "resource 24, database 1, counted at an unknown time, a newer refresh is running: t2",
        ),
    ],
)
def test_headline_says_what_was_counted_when(fields: dict[str, object], headline: str) -> None:
    assert printed(report_views(report(**fields), IDS)[0]) == f"{headline}\n"


def test_headline_without_any_id_says_that_the_database_is_unknown() -> None:
    (view, *_) = report_views(report(database_id=None), {})
    assert printed(view) == "unknown database, counted at an unknown time\n"


def test_headline_of_a_segment_begins_with_the_segment() -> None:
    ids = {"segment_id": 7, "resource_id": 24}
    assert printed(report_views(report(), ids)[0]).startswith(
        "segment 7, resource 24, database 1, "
    )


def test_status_without_progress_is_one_word() -> None:
    assert printed(status_view(TaskStatus(status="queued"))) == "queued\n"


def test_pipe_gets_bars_only_instead_of_a_table() -> None:
    assert "█" not in printed(*report_views(report(), IDS))
    bars = printed(*report_views(report(), IDS, bars_only=True))
    assert "█" in bars
    assert "sendable" not in bars


def test_control_characters_and_markup_of_the_server_are_escaped() -> None:
    evil = "\x1b[31m[red]\r\n\u202e\x9b[/red]:boom:"
    views = report_views(report(channels={evil: COUNTERS}), IDS)
    assert clean(evil) in printed(*views)
    assert clean(evil) in printed(
        *report_views(report(channels={evil: COUNTERS}), IDS, bars_only=True)
    )
    assert clean(evil) in printed(status_view(TaskStatus(status=evil)))
    assert "[red]:boom:" in printed(task_view(TaskRef(task_id="[red]:boom:")))


def test_list_has_a_row_per_record_and_dashes_for_empty_cells() -> None:
    europe = AccessGroup(id=1, name="Europe")
    rows = [cells(Resource(id=3, name="News", groups=(europe,))), cells(Resource(id=10))]
    assert printed(records_table(Resource, rows)).splitlines() == [
        "id   name   groups",
        "──────────────────",
        " 3   News   Europe",
        "10   -      -",
    ]


def test_empty_list_has_its_titles() -> None:
    assert printed(records_table(Resource, [])).split()[:3] == ["id", "name", "groups"]


def test_details_have_a_row_per_field() -> None:
    assert printed(details_table(DatabaseDetails(id=1, name="[b]\x1b"))).splitlines() == [
        "id                   1",
        "name                 [b]\\x1b",
        "suppression list id  -",
        "description          -",
    ]


def test_rules_of_a_segment_are_shown_as_json() -> None:
    """Their shape is not documented."""
    details = SegmentDetails(id=7, rules=({"list_id": 1},))
    assert printed(details_table(details)).splitlines()[-1] == 'rules  {"list_id": 1}'


@pytest.mark.parametrize(("width", "tables"), [(51, 1), (45, 1), (24, 3)])
def test_narrow_screen_cuts_neither_counters_nor_their_names(width: int, tables: int) -> None:
    counters = SubscriptionCounters(subscribed=57_177_741, unsubscribed=7_457_468)
    view = CountersTable(dict.fromkeys(("email", "sms", "push"), counters))
    lines = printed(view, width=width).splitlines()
    rows = [line.split() for line in lines if line.startswith("unsubscribed")]
    assert rows == [["unsubscribed", *["7,457,468"] * (3 // tables)]] * tables
    assert max(map(len, lines)) <= width


def test_keys_of_details_and_ids_of_lists_are_whole_on_a_narrow_screen() -> None:
    details = printed(details_table(DatabaseDetails(id=1, name="A long name " * 9)), width=40)
    assert "suppression list id  -" in details
    row = cells(Resource(id=1_234_567, name="A long name " * 9))
    assert printed(records_table(Resource, [row]), width=30).splitlines()[2].startswith("1234567")
