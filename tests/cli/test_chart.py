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
    """Draw into a file; gives the words of each line."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width, highlight=False).print(Chart(channels))
    file.seek(0)
    return [line.split() for line in file.read().splitlines()]


def test_bars_are_as_long_as_their_figures() -> None:
    """All bars are to one scale, and each has its figure behind it."""
    rows = drawn({"email": EMAIL, "sms": SMS})
    assert [row[0] for row in rows] == ["email", "unsubscribed", "hardbounced", "sms"]
    lengths = [row[-2].count("█") for row in rows]
    assert lengths == [48, 24, 0, 12]
    assert [row[-1] for row in rows] == ["100", "50", "0", "25"]


def test_bars_of_segments_are_the_two_figures_that_they_send() -> None:
    """Where no state is sent, the two sendable figures are drawn."""
    counters = SubscriptionCounters(subscribed_sendable=4, unconfirmed_sendable=2)
    rows = drawn({"email": counters})
    assert [row[-3] for row in rows] == ["sendable", "sendable"]
    assert rows[0][-2].count("█") == 2 * rows[1][-2].count("█")


def test_narrow_screen_gets_short_bars_and_whole_figures() -> None:
    """Room is taken from the bars, never from what is said."""
    rows = drawn({"email": EMAIL}, width=40)
    assert rows[0][:2] == ["email", "subscribed"]
    assert rows[0][-1] == "100"
    assert 8 <= rows[0][-2].count("█") < 24


def test_screen_without_blocks_gets_dashes() -> None:
    """An encoding that has no blocks gets bars of ASCII."""
    rows = drawn({"email": EMAIL}, encoding="ascii")
    assert rows[0][-2].strip("-") == ""
    assert len(rows[0][-2]) == 48


def test_nothing_but_zeros_draws_no_bar() -> None:
    """Figures of 0 are said, and divide nothing."""
    assert drawn({"email": SubscriptionCounters(subscribed=0)}) == [["email", "subscribed", "0"]]


def test_figures_that_are_not_sent_are_left_out() -> None:
    """A channel without any of the figures has no bar."""
    assert drawn({"email": SubscriptionCounters(all=5)}) == []
