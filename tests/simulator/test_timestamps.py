"""Times and durations as the platform writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.models.times import parse_go_duration, parse_time
from altcraft_async.simulator.timestamps import go_duration, instant, last_count_time, rfc3339


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (9e-8, "90ns"),
        (0.00085, "850µs"),
        (0.0125, "12.5ms"),
        (0.231374251, "231.374251ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (123.04, "2m3.04s"),
        (3602, "1h0m2s"),
    ],
)
def test_duration_is_written_as_go_does(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**6).map(lambda millis: millis / 1000))
def test_written_duration_is_read_back_by_the_models(seconds: float) -> None:
    read = parse_go_duration(go_duration(seconds))
    assert read is not None
    assert read.total_seconds() == pytest.approx(seconds)


@given(st.floats(min_value=0, max_value=1e9))
def test_written_time_is_read_back_by_the_models(now: float) -> None:
    assert parse_time(rfc3339(instant(now))) == instant(now)


def test_last_count_time_has_the_start_in_whole_seconds_and_the_duration() -> None:
    assert last_count_time(instant(61.9), 0.0125) == "counted at 2030-01-01T00:01:01Z in 12.5ms"
