"""Counters as CSV: one row per channel, the same columns everywhere."""

from __future__ import annotations

import csv
import io
from typing import Literal

import pytest

from altcraft_async import (
    Completed,
    CounterGroup,
    CounterRow,
    CountersReport,
    Failed,
    NotFoundError,
    ResourceTarget,
    SubscriptionCounters,
    TaskRef,
)
from altcraft_async.cli.csv_rows import HEADER, outcome_rows, report_rows
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.results import outcome_printer, print_report
from altcraft_async.cli.totals import Totals

CHANNELS = {"email": SubscriptionCounters(subscribed=842), "s\x1bms": SubscriptionCounters(all=9)}
REF = TaskRef(task_id="t", kind="resource", target=(24, 1))


def named(row: tuple[str, ...]) -> dict[str, str]:
    """Return the cells that are not empty, by column."""
    cells = dict(zip(HEADER, row, strict=True))
    return {title: text for title, text in cells.items() if text}


def report(**fields: object) -> CountersReport:
    """Make a report of one group."""
    known = {"database_id": 1, "resource_id": 24, "channels": CHANNELS, **fields}
    group = CounterGroup(**known)  # type: ignore[arg-type]  # by name
    return CountersReport((group,), kind="resource", target=ResourceTarget(24, 1))


def test_columns_are_those_of_a_counter_row_then_task_and_error() -> None:
    assert [*CounterRow._fields, "task_id", "error", "message"] == list(HEADER)


def test_each_channel_has_a_row_with_ids_name_counters_and_time() -> None:
    counted = report(last_count_time="counted at 2026-01-02T03:04:05Z in 1.5s")
    email, sms = report_rows(counted, "t", "News site")
    assert named(email) == {
        "kind": "resource",
        "resource_id": "24",
        "database_id": "1",
        "name": "News site",
        "channel": "email",
        "subscribed": "842",
        "counted_at": "2026-01-02T03:04:05+00:00",
        "task_id": "t",
    }
    assert named(sms)["channel"] == "s\\x1bms"


def test_failed_refresh_has_one_row_with_its_error() -> None:
    outcome: Outcome = Failed(target=(24, 1), ref=None, error=NotFoundError("no\nsuch"))
    (row,) = outcome_rows("resource", outcome, "News site")
    assert named(row) == {
        "kind": "resource",
        "resource_id": "24",
        "database_id": "1",
        "name": "News site",
        "error": "NotFoundError",
        "message": "no\\nsuch",
    }


def test_resource_that_could_not_be_looked_up_has_a_row_without_a_database() -> None:
    outcome: Outcome = Failed(target=(24,), ref=None, error=NotFoundError("no"))
    (row,) = outcome_rows("resource", outcome)
    assert named(row)["resource_id"] == "24"
    assert "database_id" not in named(row)


def test_completed_refresh_has_the_rows_of_its_report() -> None:
    outcome: Outcome = Completed(
        target=ResourceTarget(24, 1), ref=REF, value=report(), polls=3, seconds=1.0
    )
    assert list(outcome_rows("resource", outcome)) == list(report_rows(report(), "t"))


@pytest.mark.parametrize(("form", "shown"), [("csv", "'=1+1"), ("csv-raw", "=1+1")])
def test_formula_in_the_name_of_a_channel_is_live_in_raw_csv_only(
    capsys: pytest.CaptureFixture[str], form: Literal["csv", "csv-raw"], shown: str
) -> None:
    value = report(channels={"=1+1": SubscriptionCounters(all=9)})
    print_report(value, form, "resource", (24, 1))
    outcome_printer(form, "resource", Totals())(
        Completed(target=ResourceTarget(24, 1), ref=REF, value=value, polls=3, seconds=1.0)
    )
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["channel"] for row in rows] == [shown, "channel", shown]
    assert rows[0]["all"] == "9"
