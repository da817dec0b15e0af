"""Bars of counters, printed into a string."""

from __future__ import annotations

import io
from collections.abc import Mapping

from rich.console import Console

from altcraft_async import SubscriptionCounters
from altcraft_async.cli.chart import Chart

EMAIL = SubscriptionCounters(subscribed=100, unsubscribed=50, hardbounced=0)
SMS = SubscriptionCounters(subscribed=25)


def drawn(
    channels: Mapping[str, SubscriptionCounters], *, width: int = 80, encoding: str = "utf-8"
) -> list[list[str]]:
    """Draw a chart into a file and return the words of each line."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width, highlight=False).print(Chart(channels))
    file.seek(0)
    return [line.split() for line in file.read().splitlines()]


def test_all_bars_have_one_scale_and_end_with_their_counter() -> None:
    rows = drawn({"email": EMAIL, "sms": SMS})
    assert [row[0] for row in rows] == ["email", "unsubscribed", "hardbounced", "sms"]
    lengths = [row[-2].count("█") for row in rows]
    assert lengths == [48, 24, 0, 12]
    assert [row[-1] for row in rows] == ["100", "50", "0", "25"]


def test_segments_get_bars_of_the_two_counters_that_they_send() -> None:
    counters = SubscriptionCounters(subscribed_sendable=4, unconfirmed_sendable=2)
    rows = drawn({"email": counters})
    assert [row[-3] for row in rows] == ["sendable", "sendable"]
    assert rows[0][-2].count("█") == 2 * rows[1][-2].count("█")


def test_narrow_screen_shortens_bars_and_nothing_else() -> None:
    rows = drawn({"email": EMAIL}, width=40)
    assert rows[0][:2] == ["email", "subscribed"]
    assert rows[0][-1] == "100"
    assert 8 <= rows[0][-2].count("█") < 24


def test_encoding_without_blocks_gets_dashes() -> None:
    rows = drawn({"email": EMAIL}, encoding="ascii")
    assert rows[0][-2].strip("-") == ""
    assert len(rows[0][-2]) == 48


def test_counters_of_zero_have_no_bar() -> None:
    assert drawn({"email": SubscriptionCounters(subscribed=0)}) == [["email", "subscribed", "0"]]


def test_channel_without_the_drawn_counters_is_left_out() -> None:
    assert drawn({"email": SubscriptionCounters(all=5)}) == []
