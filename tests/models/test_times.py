"""Times and durations as the platform prints them."""

from __future__ import annotations

import math
from datetime import MINYEAR, UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.models.times import parse_go_duration, parse_time

CORE = settings.get_profile("pure")


@pytest.mark.parametrize("digits", range(10))
def test_fraction_of_0_to_9_digits_is_read_to_microseconds(digits: int) -> None:
    """Go trims trailing zeros."""
    fraction = "123456789"[:digits]
    at = parse_time(f"2024-04-19T13:31:08{'.' * bool(digits)}{fraction}Z")
    microseconds = int(fraction.ljust(6, "0")[:6])
    assert at == datetime(2024, 4, 19, 13, 31, 8, microseconds, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-04-19T13:31:08", datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC)),
        ("2024-04-19T15:31:08+02:00", datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC)),
        ("", None),
        ("now", None),
        ("2024-13-19T13:31:08Z", None),
        ("2024-04-19T25:31:08Z", None),
        ("2024-04-19T13:31:08+99:00", None),
        ("99999-04-19T13:31:08Z", None),
        ("1713533468", None),
        # Go's zero time: nothing was noted yet.
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00.000000000+00:00", None),
        ("0001-01-01T02:30:17+02:30", None),
        ("0000-12-31T19:03:58-04:56", None),
    ],
)
def test_time_is_aware_or_none(text: str, at: datetime | None) -> None:
    parsed = parse_time(text)
    assert parsed == at
    assert parsed is None or parsed.tzinfo


@CORE
@given(st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=-5)))))
@example(datetime(2, 1, 1, tzinfo=UTC))
def test_any_time_round_trips(at: datetime) -> None:
    assert parse_time(at.isoformat()) == (None if at.year == MINYEAR else at)


@CORE
@given(st.text() | st.text(alphabet="0123456789-:.TZ+W ", max_size=30))
@example("9" * 5000)
@example("\ud800")
@example("2024-04-19\ud80013:31:08Z")
def test_no_text_makes_parse_time_raise(text: str) -> None:
    parsed = parse_time(text)
    assert parsed is None or parsed.tzinfo


@pytest.mark.parametrize(
    ("text", "took"),
    [
        ("0s", timedelta()),
        ("0", timedelta()),
        ("90ns", timedelta()),
        ("850µs", timedelta(microseconds=850)),
        ("850μs", timedelta(microseconds=850)),
        ("850us", timedelta(microseconds=850)),
        ("231.374251ms", timedelta(microseconds=231374)),
        ("1.5s", timedelta(seconds=1.5)),
        ("2m3.04s", timedelta(minutes=2, seconds=3.04)),
        ("1h0m2s", timedelta(hours=1, seconds=2)),
        ("-1m30s", timedelta(seconds=-90)),
        (".5s", timedelta(seconds=0.5)),
        ("1.s", timedelta(seconds=1)),
        ("", None),
        ("-", None),
        ("5", None),
        ("s", None),
        (".s", None),
        ("1.5.5s", None),
        ("1d", None),
        ("1 s", None),
        ("soon", None),
        ("9" * 400 + "s", None),
        ("-" + "9" * 15 + "h", None),
    ],
)
def test_duration_of_go_is_read(text: str, took: timedelta | None) -> None:
    assert parse_go_duration(text) == took


def printed_by_go(nanoseconds: int) -> str:
    """Print a duration as Go's time.Duration.String() does."""

    def trimmed(number: int, digits: int) -> str:
        whole, part = divmod(number, 10**digits)
        return f"{whole}.{part:0{digits}}".rstrip("0").rstrip(".") if digits else str(whole)

    sign, left = "-" * (nanoseconds < 0), abs(nanoseconds)
    if left == 0:
        return "0s"
    for unit, digits in (("ns", 0), ("µs", 3), ("ms", 6)):
        if left < 10 ** (digits + 3):
            return f"{sign}{trimmed(left, digits)}{unit}"
    minutes, seconds = divmod(left, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{trimmed(seconds, 9)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


YEAR = 366 * 86400 * 10**9  # in nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (1, "1ns"),
        (1100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (245_000_000_000, "4m5s"),
        (245_001_000_000, "4m5.001s"),
        (18_367_001_000_000, "5h6m7.001s"),
        (480_000_000_001, "8m0.000000001s"),
        (2**63 - 1, "2562047h47m16.854775807s"),
        (-(2**63), "-2562047h47m16.854775808s"),
    ],
)
def test_durations_are_printed_as_by_go(nanoseconds: int, text: str) -> None:
    """The table is that of Go's own tests."""
    assert printed_by_go(nanoseconds) == text


@CORE
@given(st.integers(-YEAR // 1000, YEAR // 1000))
def test_whole_microseconds_printed_by_go_round_trip(microseconds: int) -> None:
    took = timedelta(microseconds=microseconds)
    assert parse_go_duration(printed_by_go(microseconds * 1000)) == took


@CORE
@given(st.integers(-(10**12), 10**12) | st.integers(-YEAR, YEAR))
def test_nanoseconds_printed_by_go_are_read_to_the_microsecond(nanoseconds: int) -> None:
    took = parse_go_duration(printed_by_go(nanoseconds))
    assert took is not None
    assert abs(took // timedelta(microseconds=1) - nanoseconds / 1000) <= 1


def test_longest_duration_of_go_is_read_to_the_microsecond() -> None:
    took = timedelta(hours=2562047, minutes=47, seconds=16, microseconds=854775)
    assert parse_go_duration("2562047h47m16.854775s") == took


@CORE
@given(st.text() | st.text(alphabet="0123456789.-hmsµμun", max_size=30))
@example("9" * 5000 + "h")
@example("٣s")
def test_no_text_makes_parse_go_duration_raise(text: str) -> None:
    took = parse_go_duration(text)
    assert took is None or math.isfinite(took.total_seconds())


def test_date_alone_is_no_time() -> None:
    assert parse_time("2024-04-19") is None
