"""Reports and their counters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.models import CounterGroup, CountersReport, SubscriptionCounters

CORE = settings.get_profile("pure")
EMAIL = SubscriptionCounters(all=10, subscribed=8)
GROUP = CounterGroup(database_id=1, channels={"email": EMAIL, "sms": SubscriptionCounters()})
REPORT = CountersReport((GROUP,))


def test_report_of_one_group_reads_as_a_mapping_of_channels() -> None:
    assert REPORT["email"] is EMAIL
    assert list(REPORT) == ["email", "sms"]
    assert "email" in REPORT
    assert "viber" not in REPORT
    assert REPORT.channels == GROUP.channels


def test_missing_channel_is_a_key_error_with_the_others() -> None:
    with pytest.raises(KeyError, match="no channel 'viber' in this report, only email, sms"):
        REPORT["viber"]


def test_missing_channel_of_an_empty_group_is_a_key_error_that_says_so() -> None:
    report = CountersReport((CounterGroup(database_id=1, channels={}),))
    with pytest.raises(KeyError, match="only none"):
        report["email"]


@pytest.mark.parametrize("groups", [(), (GROUP, GROUP)])
def test_channels_of_a_report_without_exactly_one_group_are_a_lookup_error(
    groups: tuple[CounterGroup, ...],
) -> None:
    report = CountersReport(groups)
    for use in (
        lambda: report["email"],
        lambda: "email" in report,
        lambda: list(report),
        lambda: report.channels,
    ):
        with pytest.raises(LookupError, match=f"has {len(groups)} groups, not one") as caught:
            use()
        assert not isinstance(caught.value, KeyError)


@pytest.mark.parametrize(
    ("sentence", "at", "took"),
    [
        (
            "counted at 2024-04-19T13:31:08Z in 231.374251ms",
            datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC),
            timedelta(microseconds=231374),
        ),
        (
            "counted at 2024-04-19T13:31:08Z in soon",
            datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC),
            None,
        ),
        ("counted at noon in 1.5s", None, timedelta(seconds=1.5)),
        ("counted at noon in no time", None, None),
        ("counted at 0001-01-01T00:00:00Z in 0s", None, None),
        ("never counted", None, None),
        ("counted at  in ", None, None),
        ("", None, None),
    ],
)
def test_each_half_of_last_count_time_is_read_or_none(
    sentence: str, at: datetime | None, took: timedelta | None
) -> None:
    group = CounterGroup(database_id=1, channels={}, last_count_time=sentence)
    assert (group.counted_at, group.count_duration) == (at, took)
    assert group.last_count_time == sentence


@CORE
@given(st.text() | st.builds("counted at {} in {}".format, st.text(), st.text()))
def test_no_last_count_time_raises(sentence: str) -> None:
    group = CounterGroup(database_id=1, channels={}, last_count_time=sentence)
    assert group.counted_at is None or group.counted_at.tzinfo
    assert group.count_duration is None or isinstance(group.count_duration, timedelta)
