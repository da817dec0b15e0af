"""Counters as CSV: one line per channel, the same titles everywhere."""

from __future__ import annotations

from altcraft_async import (
    Completed,
    CounterGroup,
    CountersReport,
    Failed,
    NotFoundError,
    SubscriptionCounters,
    TaskKind,
    TaskRef,
)
from altcraft_async.cli.csv_rows import columns, outcome_lines, report_lines
from altcraft_async.cli.totals import Outcome

CHANNELS = {"email": SubscriptionCounters(subscribed=842), "s\x1bms": SubscriptionCounters(all=9)}
REF = TaskRef(task_id="t", kind="resource", target=(24, 1))


def named(kind: TaskKind, line: tuple[str, ...]) -> dict[str, str]:
    """Return what a line says, by title."""
    cells = dict(zip(columns(kind), line, strict=True))
    return {title: text for title, text in cells.items() if text}


def report(**fields: object) -> CountersReport:
    """Make a report of one group."""
    known = {"database_id": 1, "channels": CHANNELS, **fields}
    return CountersReport((CounterGroup(**known),))  # type: ignore[arg-type]  # by name


def test_each_channel_has_a_line() -> None:
    """A line says what was counted, in which channel, and when; what is unsaid is empty."""
    counted = report(last_count_time="counted at 2026-01-02T03:04:05Z in 1.5s")
    email, sms = report_lines("resource", (24, 1), counted, "t")
    assert named("resource", email) == {
        "resource_id": "24",
        "database_id": "1",
        "channel": "email",
        "subscribed": "842",
        "counted_at": "2026-01-02T03:04:05+00:00",
        "task_id": "t",
    }
    assert named("resource", sms)["channel"] == "s\\x1bms"


def test_group_says_which_database_a_static_segment_is_in() -> None:
    """An id that was not asked for is taken from the answer."""
    line, *_ = report_lines("segment", (7, 24), report(resource_id=24, database_id=3))
    ids = {"segment_id": "7", "resource_id": "24", "database_id": "3"}
    assert named("segment", line).items() >= ids.items()


def test_unknown_task_has_the_ids_that_the_answer_says() -> None:
    """A bare task id does not tell what it counts."""
    line, *_ = report_lines("unknown", None, report())
    assert named("unknown", line)["database_id"] == "1"
    assert "resource_id" not in named("unknown", line)


def test_failed_refresh_has_one_line_that_says_why() -> None:
    """Nothing that was to be refreshed is missing from the file."""
    outcome: Outcome = Failed(target=(24, 1), ref=None, error=NotFoundError("no\nsuch"))
    (line,) = outcome_lines("resource", outcome)
    assert named("resource", line) == {
        "resource_id": "24",
        "database_id": "1",
        "error": "NotFoundError",
        "message": "no\\nsuch",
    }


def test_resource_that_could_not_be_looked_up_is_named() -> None:
    """A target without a database is the resource alone."""
    outcome: Outcome = Failed(target=(24,), ref=None, error=NotFoundError("no"))
    (line,) = outcome_lines("resource", outcome)
    assert named("resource", line)["resource_id"] == "24"


def test_completed_refresh_has_the_lines_of_its_report() -> None:
    """Lines of many refreshes are those of each, one after the other."""
    outcome: Outcome = Completed(target=(24, 1), ref=REF, value=report(), polls=3, seconds=1.0)
    assert list(outcome_lines("resource", outcome)) == list(
        report_lines("resource", (24, 1), report(), "t")
    )
