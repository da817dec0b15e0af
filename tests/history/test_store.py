"""`CounterHistory`: rows go in once and come out as they were."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest

from altcraft_async import (
    ConfigurationError,
    CounterRow,
    HistoryError,
    LedgerError,
    SQLiteLedger,
)
from altcraft_async.history import CounterHistory, store
from altcraft_async.models import SubscriptionCounters
from altcraft_async.simulator import Simulator
from tests.support.api_calls import client_of
from tests.support.counts import NIGHT, night, row_of


@pytest.fixture
async def history(tmp_path: Path) -> AsyncGenerator[CounterHistory, None]:
    async with CounterHistory(tmp_path / "counters.sqlite") as opened:
        yield opened


async def all_of(history: CounterHistory) -> list[CounterRow]:
    return [row async for row in history.rows()]


async def test_rows_come_out_as_they_were(history: CounterHistory) -> None:
    every_counter = dict.fromkeys(SubscriptionCounters.__struct_fields__, 2**63 - 1)
    segment = row_of(kind="segment", database_id=None, segment_id=7, name=None, updated=None)
    rows = [row_of(**every_counter), segment._replace(subscribed=None, subscribed_sendable=0)]
    assert await history.append(rows) == 2
    assert await all_of(history) == rows


async def test_times_of_other_zones_are_the_same_times_in_utc(history: CounterHistory) -> None:
    elsewhere = NIGHT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await history.append([row_of(refreshed_at=elsewhere)])
    (row,) = await all_of(history)
    assert row.refreshed_at == NIGHT
    assert row.refreshed_at is not None
    assert row.refreshed_at.tzinfo is UTC


async def test_refresh_that_is_written_twice_is_there_once_as_it_was(
    history: CounterHistory,
) -> None:
    assert await history.append([row_of()]) == 1
    assert await history.append([row_of(), row_of(subscribed=1, name="Renamed")]) == 0
    assert await all_of(history) == [row_of()]


@pytest.mark.parametrize("refresh_first", [True, False])
async def test_counters_that_are_read_again_are_the_refresh_that_counted_them(
    history: CounterHistory,
    refresh_first: bool,  # noqa: FBT001 -- pytest passes it by name
) -> None:
    rows = [row_of(), row_of(refreshed_at=None)]
    for row in rows if refresh_first else reversed(rows):
        await history.append([row])
    assert len(await all_of(history)) == 1


async def test_two_refreshes_are_both_there_though_the_platform_says_the_same_time(
    history: CounterHistory,
) -> None:
    """What it says of a count is undocumented, and must not lose a refresh."""
    stale = row_of().counted_at
    await history.append([row_of(1, counted_at=stale), row_of(counted_at=stale)])
    assert len(await all_of(history)) == 2


async def test_refreshes_of_other_kinds_ids_and_channels_are_others(
    history: CounterHistory,
) -> None:
    rows = [
        row_of(),
        row_of(channel="sms"),
        row_of(database_id=2),
        row_of(resource_id=25),
        row_of(kind="database"),
        row_of(kind="segment", segment_id=7),
    ]
    assert await history.append(rows) == len(rows)


async def test_row_that_was_only_read_has_the_time_of_its_count(history: CounterHistory) -> None:
    rows = [row_of(1, refreshed_at=None), row_of(refreshed_at=None, counted_at=None)]
    assert await history.append([*rows, *rows]) == 2
    assert await all_of(history) == rows


async def test_filters_choose_series_and_times(history: CounterHistory) -> None:
    rows = [row_of(days, channel=channel) for channel in ("email", "sms") for days in (2, 1, 0)]
    await history.append([*rows, row_of(resource_id=25)])
    chosen = history.rows(resource_id=24, channel="sms", since=night(1), until=night(0))
    assert [row async for row in chosen] == rows[-2:]
    chosen = history.rows(kind="resource", resource_id=25, database_id=1)
    assert [row.resource_id async for row in chosen] == [25]
    assert [row async for row in history.rows(segment_id=7)] == []


async def test_channels_come_in_one_order_and_times_ascend(history: CounterHistory) -> None:
    channels = ("zulu", "push", "alpha", "email", "sms")
    await history.append([row_of(days, channel=name) for days in (0, 1) for name in channels])
    found = await all_of(history)
    assert [row.channel for row in found[::2]] == ["email", "sms", "push", "alpha", "zulu"]
    assert [row.refreshed_at for row in found[:2]] == [night(1), night(0)]


async def test_iteration_over_several_pages_has_each_row_once(history: CounterHistory) -> None:
    rows = [row_of(refreshed_at=NIGHT + timedelta(hours=hour)) for hour in range(2 * store.PAGE)]
    await history.append(reversed(rows))
    assert await all_of(history) == rows


async def test_latest_has_the_last_row_of_each_series_up_to_a_time(
    history: CounterHistory,
) -> None:
    await history.append([row_of(2), row_of(1), row_of(0), row_of(0, channel="sms")])
    assert await history.latest() == [row_of(0), row_of(0, channel="sms")]
    assert await history.latest(until=night(1)) == [row_of(1)]
    assert await history.latest(until=night(9)) == []


async def test_latest_can_have_the_row_before_the_last_of_each_series(
    history: CounterHistory,
) -> None:
    email = [row_of(2), row_of(1), row_of(0)]
    sms = [row_of(days, channel="sms") for days in (5, 4)]
    await history.append([*email, *sms, row_of(0, channel="push")])
    assert await history.latest(previous=True) == [email[1], sms[0]]
    assert await history.latest(until=night(1), previous=True) == [email[0], sms[0]]


async def test_refreshes_of_a_client_go_in_with_their_names(history: CounterHistory) -> None:
    async with Simulator(duration=0) as server, client_of(server.url, server.token) as client:
        rows = (await client.resources.refresh(24, database_id=1)).rows(name="News site")
    assert await history.append(rows) == 3
    assert await all_of(history) == rows
    assert {row.name for row in rows} == {"News site"}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (tuple(row_of()), "rows: has to be CounterRow, not tuple"),
        (row_of(subscribed="842"), "rows: Expected `int | null`, got `str` - at `subscribed`"),
        (row_of(subscribed=True), "rows: Expected `int | null`, got `bool` - at `subscribed`"),
        (row_of(subscribed=2**63), "rows: A number has more than 63 bits"),
        (row_of(channel=None), "rows: Expected `str`, got `null` - at `channel`"),
        (row_of(kind="resources"), "rows: Invalid enum value 'resources' - at `kind`"),
        (row_of(refreshed_at=None, counted_at=None, updated=None), "rows: A row needs a time"),
        (row_of(updated=datetime(2030, 1, 1)), "rows: has to be a datetime with a time zone"),  # noqa: DTZ001 -- the fault
    ],
)
async def test_broken_row_is_refused_and_nothing_is_written(
    history: CounterHistory, row: object, fault: str
) -> None:
    with pytest.raises(ConfigurationError, match="^" + re.escape(fault)):
        await history.append([row_of(), cast("CounterRow", row)])
    assert await all_of(history) == []


@pytest.mark.parametrize(
    ("filters", "argument"),
    [
        ({"kind": "resources"}, "kind"),
        ({"resource_id": "24"}, "resource_id"),
        ({"channel": 5}, "channel"),
        ({"since": datetime(2030, 1, 1)}, "since"),  # noqa: DTZ001 -- the fault
        ({"until": "yesterday"}, "until"),
    ],
)
async def test_wrong_filter_is_an_error_that_names_it(
    history: CounterHistory,
    filters: Any,  # noqa: ANN401 -- of wrong types
    argument: str,
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{argument}: "):
        _ = [row async for row in history.rows(**filters)]


async def test_missing_folder_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"^history: .*a\.sqlite .*No such file or directory"):
        await CounterHistory(tmp_path / "missing" / "a.sqlite").__aenter__()


async def test_folder_that_cannot_be_written_is_an_error_that_says_so() -> None:
    with pytest.raises(HistoryError, match=r"^history: /proc/a\.sqlite cannot be used \(\w+"):
        await CounterHistory("/proc/a.sqlite").__aenter__()


async def test_folder_in_place_of_the_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="Is a directory"):
        await CounterHistory(tmp_path).__aenter__()


async def test_file_that_is_something_else_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    path.write_text("something else, and more than a hundred characters of it" * 10)
    with pytest.raises(HistoryError, match="not a database"):
        await CounterHistory(path).append([row_of()])
    assert path.read_text().startswith("something else")


async def test_database_of_another_program_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE counters (id)")
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="it is a SQLite database, but no history"):
        await CounterHistory(path).append([row_of()])
    assert path.read_bytes() == before


async def test_history_and_ledger_refuse_the_file_of_each_other(tmp_path: Path) -> None:
    async with SQLiteLedger(tmp_path / "starts.sqlite") as ledger:
        assert await ledger.read("key") is None
        with pytest.raises(HistoryError, match="no history"):
            await CounterHistory(tmp_path / "starts.sqlite").__aenter__()
    async with CounterHistory(tmp_path / "counters.sqlite"):
        with pytest.raises(LedgerError, match="no ledger"):
            await SQLiteLedger(tmp_path / "counters.sqlite").read("key")


async def test_history_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    async with CounterHistory(path):
        pass
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 2")
    with pytest.raises(HistoryError, match=r"version 2, and this library reads version 1"):
        await CounterHistory(path).__aenter__()


async def test_closed_history_is_an_error(history: CounterHistory) -> None:
    await history.aclose()
    await history.aclose()
    with pytest.raises(HistoryError, match="is closed"):
        await history.append([row_of()])


async def test_row_that_is_damaged_in_the_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    async with CounterHistory(path) as history:
        await history.append([row_of()])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("UPDATE counters SET updated_after = 1 << 62")
        with pytest.raises(HistoryError, match="damaged"):
            await all_of(history)
        with pytest.raises(HistoryError, match="damaged"):
            await history.latest()


async def test_many_processes_worth_of_openers_make_one_history(tmp_path: Path) -> None:
    """All of them find a new file at once."""
    opened = [CounterHistory(tmp_path / "counters.sqlite") for _ in range(8)]
    rows = [row_of(resource_id=number) for number in range(1, 9)]
    added = await asyncio.gather(*(one.append(rows) for one in opened))
    assert sum(added) == len(rows)
    assert await all_of(opened[0]) == rows
    await asyncio.gather(*(one.aclose() for one in opened))


async def test_repr_shows_the_path(tmp_path: Path) -> None:
    assert repr(CounterHistory(tmp_path / "a")) == f"<CounterHistory {tmp_path}/a>"
