"""Counters as flat rows."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from altcraft_async import (
    Completed,
    CounterGroup,
    CounterRow,
    CountersReport,
    ResourceTarget,
    SegmentTarget,
    SubscriptionCounters,
    TaskRef,
)
from altcraft_async.simulator import Simulator
from tests.support.api_calls import client_of

EMAIL = SubscriptionCounters(all=10, subscribed=8, hardbounced=1)
SENDABLE = SubscriptionCounters(subscribed_sendable=5, unconfirmed_sendable=0)
AT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def report() -> CountersReport:
    """Return a report of two databases."""
    groups = (
        CounterGroup(database_id=1, resource_id=24, channels={"email": EMAIL, "sms": EMAIL}),
        CounterGroup(database_id=2, resource_id=24, channels={"push": EMAIL}, updated=AT),
    )
    return CountersReport(groups, "resource", ResourceTarget(24, 1), AT)


def test_report_has_a_row_per_group_and_channel() -> None:
    email, sms, push = report().rows(name="Shop")
    assert (email.channel, sms.channel, push.channel) == ("email", "sms", "push")
    assert (email.database_id, push.database_id) == (1, 2)
    assert (email.updated, push.updated) == (None, AT)
    assert email == CounterRow(
        kind="resource",
        resource_id=24,
        database_id=1,
        segment_id=None,
        name="Shop",
        channel="email",
        all=10,
        subscribed=8,
        unsubscribed=None,
        complained=None,
        hardbounced=1,
        unconfirmed=None,
        suspended=None,
        invalid=None,
        subscribed_sendable=None,
        unconfirmed_sendable=None,
        counted_at=None,
        updated=None,
        refreshed_at=AT,
    )


def test_counters_of_a_row_are_those_of_the_struct_in_its_order() -> None:
    names = SubscriptionCounters.__struct_fields__
    first = CounterRow._fields.index(names[0])
    assert CounterRow._fields[first : first + len(names)] == names


def test_row_of_a_segment_has_its_id() -> None:
    group = CounterGroup(database_id=None, resource_id=24, channels={"email": SENDABLE})
    (row,) = CountersReport((group,), "segment", SegmentTarget(7, 24)).rows()
    assert (row.segment_id, row.resource_id, row.database_id) == (7, 24, None)
    assert (row.subscribed_sendable, row.all, row.name) == (5, None, None)


def test_completed_refresh_has_the_rows_of_its_report() -> None:
    ref = TaskRef(task_id="t", kind="resource", target=(24, 1), started_at=AT)
    outcome = Completed(target=ResourceTarget(24, 1), ref=ref, value=report(), polls=3, seconds=1.0)
    assert outcome.rows(name="Shop") == report().rows(name="Shop")


async def test_refresh_names_its_target_where_the_answer_does_not() -> None:
    async with Simulator(duration=0) as server, client_of(server.url, server.token) as client:
        handle = await client.resources.refresh_counters(24, database_id=1)
        refreshed = (await handle).rows()
        read = (await client.resources.get_counters(24, database_id=1)).rows()
    for rows in (refreshed, read):
        assert {(row.kind, row.resource_id, row.database_id) for row in rows} == {
            ("resource", 24, 1)
        }
    assert {row.refreshed_at for row in refreshed} == {handle.ref.started_at}
    assert {row.refreshed_at for row in read} == {None}


def test_rows_go_into_csv_and_a_database_as_they_are() -> None:
    rows = report().rows()
    by_position, by_name = io.StringIO(), io.StringIO()
    csv.writer(by_position).writerows(rows)
    csv.DictWriter(by_name, CounterRow._fields).writerows(rows)  # type: ignore[arg-type]  # mapping enough
    assert by_position.getvalue() == by_name.getvalue()
    assert [
        line["channel"]
        for line in csv.DictReader(io.StringIO(by_name.getvalue()), CounterRow._fields)
    ] == ["email", "sms", "push"]
    with closing(sqlite3.connect(":memory:")) as database:
        columns = ", ".join(f'"{name}"' for name in CounterRow._fields)
        database.execute(f"CREATE TABLE counters ({columns})")
        marks = ", ".join("?" * len(CounterRow._fields))
        database.executemany(
            f"INSERT INTO counters VALUES ({marks})",  # noqa: S608 -- question marks
            [(*row[:-3], *map(str, row[-3:])) for row in rows],
        )
        assert database.execute("SELECT sum(subscribed) FROM counters").fetchone() == (24,)


def test_columns_that_are_no_fields_are_refused_by_csv() -> None:
    with pytest.raises(ValueError, match="dict contains fields not in fieldnames"):
        csv.DictWriter(io.StringIO(), ["channel"]).writerows(report().rows())  # type: ignore[arg-type]  # as above
