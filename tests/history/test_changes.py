"""What changed between two rows, and limits for it."""

from __future__ import annotations

import math

import pytest

from altcraft_async import ConfigurationError
from altcraft_async.history import Change, Limit, changes
from tests.support.counts import row_of


def change(before: int, now: int) -> Change:
    """Return a change of the subscribers from last night to this one."""
    return Change(row_of(1, subscribed=before), row_of(subscribed=now), "subscribed")


@pytest.mark.parametrize(
    ("before", "now", "difference", "percent"),
    [
        (800, 840, 40, 5.0),
        (800, 760, -40, -5.0),
        (5, 5, 0, 0.0),
        (0, 0, 0, 0.0),
        (0, 3, 3, math.inf),
    ],
)
def test_change_has_a_difference_and_a_share(
    before: int, now: int, difference: int, percent: float
) -> None:
    found = change(before, now)
    assert (found.difference, found.percent) == (difference, percent)


def test_changes_pair_the_rows_of_each_series() -> None:
    before = [row_of(1, subscribed=5), row_of(1, channel="sms", subscribed=7)]
    now = [row_of(channel="sms", subscribed=8), row_of(subscribed=4)]
    sms, email = changes(before, now, "subscribed")
    assert (sms.now.channel, sms.difference, email.difference) == ("sms", 1, -1)


def test_series_that_was_not_counted_since_or_not_before_has_no_change() -> None:
    old, new = row_of(1), row_of(channel="sms")
    assert changes([old], [old, new], "subscribed") == []


def test_counter_that_was_not_sent_has_no_change() -> None:
    assert changes([row_of(1)], [row_of(subscribed=None)], "subscribed") == []
    assert changes([row_of(1)], [row_of()], "invalid") == []


def test_counter_that_does_not_exist_is_an_error_that_names_the_argument() -> None:
    with pytest.raises(ConfigurationError, match=r"^counter: .*'hardbounced'.*, not 'bounces'"):
        changes([], [], "bounces")


@pytest.mark.parametrize(
    ("text", "passing", "not_passing"),
    [
        ("subscribed>+5%", (100, 106), (100, 105)),
        ("subscribed<-5%", (100, 94), (100, 95)),
        ("subscribed>+10", (0, 11), (0, 10)),
        (" subscribed < -10 ", (50, 39), (50, 40)),
        ("subscribed<+0.5%", (1000, 1004), (1000, 1005)),
        ("subscribed>+5%", (0, 1), (0, 0)),
    ],
)
def test_limit_is_passed_beyond_its_number(
    text: str, passing: tuple[int, int], not_passing: tuple[int, int]
) -> None:
    limit = Limit.parse(text)
    assert limit.is_passed_by(change(*passing))
    assert not limit.is_passed_by(change(*not_passing))


@pytest.mark.parametrize(
    "text", ["", "subscribed", "subscribed=+5", "subscribed>+5%%", "subscribed>+x"]
)
def test_text_that_is_no_limit_is_an_error_that_shows_one(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^limit: .*'hardbounced>\+5%'"):
        Limit.parse(text)


@pytest.mark.parametrize(
    ("text", "meant"), [("all>5 %", "all>+5%"), ("all<5", "all<-5"), ("all > 0.5", "all>+0.5")]
)
def test_limit_without_a_sign_is_an_error_that_shows_it_with_one(text: str, meant: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Limit.parse(text)
    assert str(caught.value).startswith("limit: needs a sign")
    assert f"as in '{meant}', not '{text}'" in str(caught.value)


def test_limit_of_an_unknown_counter_is_an_error_that_lists_the_counters() -> None:
    with pytest.raises(ConfigurationError, match=r"^limit: .*'subscribed'.*, not 'subscribers'"):
        Limit.parse("subscribers>+5%")
