"""What a page shows of a history."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from altcraft_async import ConfigurationError
from altcraft_async.history import CounterHistory
from altcraft_async.monitor import HistoryMonitor, Monitor
from altcraft_async.monitor.history_lines import LINES, POINTS, HistoryLines
from altcraft_async.monitor.views import What
from tests.monitor.test_page import part
from tests.support.counts import NIGHT, row_of


async def test_line_has_the_last_counts_of_its_series_only() -> None:
    days = range(POINTS + 10)
    async with CounterHistory(":memory:") as history:
        await history.append(row_of(day, subscribed=10_000 - day) for day in days)
        await history.append([row_of(channel="sms", subscribed=5)])
        of_segment = row_of(kind="segment", segment_id=7, subscribed=None, subscribed_sendable=1)
        await history.append([of_segment])
        first, sms, segment = (await HistoryLines(history).read()).lines
    assert (first.what, first.channel) == (What("resource", (24, 1), "Shop"), "email")
    assert [count for _, count in first.points] == [*range(10_001 - POINTS, 10_001)]
    assert first.points[-1][0] == NIGHT.timestamp()
    assert sms.points == [(NIGHT.timestamp(), 5)]
    assert (segment.what.target, segment.points) == ((7, 24, 1), [(NIGHT.timestamp(), 1)])


async def test_largest_series_are_shown() -> None:
    sizes = range(1, LINES + 9)
    async with CounterHistory(":memory:") as history:
        await history.append(row_of(resource_id=size, subscribed=size) for size in sizes)
        await history.append([row_of(resource_id=999, subscribed=None)])
        lines = (await HistoryLines(history).read()).lines
    assert [line.points[-1][1] for line in lines] == [*range(LINES + 8, 8, -1)]


async def test_unreadable_file_is_told_beside_what_was_known(tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    async with CounterHistory(path) as history:
        await history.append([row_of()])
        lines = HistoryLines(history, seconds=0)
        known = await lines.read()
        assert (len(known.lines), known.problem) == (1, None)
        path.unlink()
        broken = await lines.read()
    assert broken.lines == known.lines
    assert "was deleted, replaced or emptied" in (broken.problem or "")


async def test_page_of_a_client_has_the_lines_too() -> None:
    async with CounterHistory(":memory:") as history, aiohttp.ClientSession() as browser:
        await history.append([row_of(), row_of(1)])
        monitor = Monitor(history=history)
        async with monitor.serve(port=0) as url, browser.get(f"{url}events") as response:
            (line,) = (await part(response, "lines"))["lines"]
    assert len(line["points"]) == 2


async def test_page_of_a_history_says_that_it_is_of_the_past() -> None:
    async with CounterHistory(":memory:") as history:
        assert (await HistoryMonitor(history, "counters").view()).summary.past


def test_something_else_than_a_history_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^history: "):
        Monitor(history=cast("Any", "counters.sqlite"))
    with pytest.raises(ConfigurationError, match=r"^history: "):
        HistoryMonitor(cast("Any", None), "counters")
