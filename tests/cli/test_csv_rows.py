"""Counters as CSV: one row per channel, the same columns everywhere."""

from __future__ import annotations

import csv
import io
from typing import Literal

import pytest

from altcraft_async import (
    Completed,
    CounterGroup,
    CountersReport,
    Failed,
    NotFoundError,
    ResourceTarget,
    SubscriptionCounters,
    TaskKind,
    TaskRef,
)
from altcraft_async.cli.csv_rows import header, outcome_rows, report_rows
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.results import outcome_printer, print_report

CHANNELS = {"email": SubscriptionCounters(subscribed=842), "s\x1bms": SubscriptionCounters(all=9)}
REF = TaskRef(task_id="t", kind="resource", target=(24, 1))


def named(kind: TaskKind, row: tuple[str, ...]) -> dict[str, str]:
    """Return the cells that are not empty, by column."""
    cells = dict(zip(header(kind), row, strict=True))
    return {title: text for title, text in cells.items() if text}


def report(**fields: object) -> CountersReport:
    """Make a report of one group."""
    known = {"database_id": 1, "channels": CHANNELS, **fields}
    return CountersReport((CounterGroup(**known),))  # type: ignore[arg-type]  # by name


def test_each_channel_has_a_row_with_ids_counters_and_time() -> None:
    counted = report(last_count_time="counted at 2026-01-02T03:04:05Z in 1.5s")
    email, sms = report_rows("resource", (24, 1), counted, "t")
    assert named("resource", email) == {
        "resource_id": "24",
        "database_id": "1",
        "channel": "email",
        "subscribed": "842",
        "counted_at": "2026-01-02T03:04:05+00:00",
        "task_id": "t",
    }
    assert named("resource", sms)["channel"] == "s\\x1bms"


def test_database_of_a_static_segment_is_taken_from_the_answer() -> None:
    row, *_ = report_rows("segment", (7, 24), report(resource_id=24, database_id=3))
    ids = {"segment_id": "7", "resource_id": "24", "database_id": "3"}
    assert named("segment", row).items() >= ids.items()


def test_task_without_a_target_has_the_ids_of_the_answer() -> None:
    row, *_ = report_rows("unknown", None, report())
    assert named("unknown", row)["database_id"] == "1"
    assert "resource_id" not in named("unknown", row)


def test_failed_refresh_has_one_row_with_its_error() -> None:
    outcome: Outcome = Failed(target=(24, 1), ref=None, error=NotFoundError("no\nsuch"))
    (row,) = outcome_rows("resource", outcome)
    assert named("resource", row) == {
        "resource_id": "24",
        "database_id": "1",
        "error": "NotFoundError",
        "message": "no\\nsuch",
    }


def test_resource_that_could_not_be_looked_up_has_a_row_without_a_database() -> None:
    outcome: Outcome = Failed(target=(24,), ref=None, error=NotFoundError("no"))
    (row,) = outcome_rows("resource", outcome)
    assert named("resource", row)["resource_id"] == "24"
    assert "database_id" not in named("resource", row)


def test_completed_refresh_has_the_rows_of_its_report() -> None:
    outcome: Outcome = Completed(
        target=ResourceTarget(24, 1), ref=REF, value=report(), polls=3, seconds=1.0
    )
    assert list(outcome_rows("resource", outcome)) == list(
        report_rows("resource", (24, 1), report(), "t")
    )


@pytest.mark.parametrize(("form", "shown"), [("csv", "'=1+1"), ("csv-raw", "=1+1")])
def test_formula_in_the_name_of_a_channel_is_live_in_raw_csv_only(
    capsys: pytest.CaptureFixture[str], form: Literal["csv", "csv-raw"], shown: str
) -> None:
    value = report(channels={"=1+1": SubscriptionCounters(all=9)})
    print_report(value, form, "resource", (24, 1))
    outcome_printer(form, "resource")(
        Completed(target=ResourceTarget(24, 1), ref=REF, value=value, polls=3, seconds=1.0)
    )
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["channel"] for row in rows] == [shown, "channel", shown]
    assert rows[0]["all"] == "9"
