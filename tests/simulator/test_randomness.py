"""Durations, progress curves and times: what a pretend task looks like from outside."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.models import parse_go_duration, parse_time
from altcraft_async.simulator.randomness import (
    Curve,
    CurveName,
    check_curve,
    check_duration,
    dice,
    draw_duration,
    draw_shape,
)
from altcraft_async.simulator.timestamps import count_sentence, go_duration, instant, rfc3339

CURVES: tuple[CurveName, ...] = ("linear", "noisy", "back", "front", "stuck", "stall")


def test_the_same_dice_fall_alike_and_others_do_not() -> None:
    """Dice depend on what they are about and on nothing else."""
    assert dice(1, "x").random() == dice(1, "x").random()
    assert dice(1, "x").random() != dice(2, "x").random()


def test_a_number_of_seconds_is_every_tasks_duration() -> None:
    """A plain duration is taken as it is."""
    assert draw_duration(3, dice(0)) == 3


def test_a_range_is_log_uniform() -> None:
    """Half of the durations lie below the geometric mean of the range, all of them in it."""
    rng = dice("range")
    drawn = [draw_duration((0.5, 5.0), rng) for _ in range(4_000)]
    assert min(drawn) >= 0.5
    assert max(drawn) <= 5.0
    assert statistics.median(drawn) == pytest.approx(math.sqrt(0.5 * 5), rel=0.1)


def test_a_drawing_of_ones_own_is_used_but_never_below_zero() -> None:
    """A callable draws the duration; what it draws below zero is zero."""
    assert draw_duration(lambda _rng: 7.0, dice(0)) == 7.0
    assert draw_duration(lambda _rng: -1.0, dice(0)) == 0.0


@pytest.mark.parametrize("duration", [-1.0, math.nan, (0.0, 1.0), (2.0, 1.0), (1.0, math.inf)])
def test_a_duration_no_task_can_take_is_refused(duration: float | tuple[float, float]) -> None:
    """Negative seconds and empty ranges are errors that name the argument."""
    with pytest.raises(ValueError, match="duration"):
        check_duration(duration)


@pytest.mark.parametrize("duration", [0, math.inf, (1.0, 1.0)])
def test_a_duration_at_the_edge_is_fine(duration: float | tuple[float, float]) -> None:
    """No time at all, for ever, and a range of one number are possible."""
    check_duration(duration)


def test_a_curve_without_a_meaning_is_refused_with_those_there_are() -> None:
    """A misspelt curve is an error that lists the names."""
    wrong: Curve = "liner"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType] -- the point
    with pytest.raises(ValueError, match="linear, noisy"):
        check_curve(wrong)


@pytest.mark.parametrize("name", CURVES)
def test_every_named_curve_stays_near_its_bar(name: CurveName) -> None:
    """No named curve leaves the bar by more than the noise of three points."""
    check_curve(name)
    shape = draw_shape(name, dice(name))
    assert all(-0.03 <= shape(step / 100) <= 1.03 for step in range(101))


def test_curves_differ_as_their_names_say() -> None:
    """Half-way, back is behind linear, front ahead, stuck at nothing and stall at its height."""
    half = {name: draw_shape(name, dice(0))(0.5) for name in CURVES}
    assert half["stuck"] == 0 < half["back"] < half["linear"] < half["front"]
    assert 0.6 <= half["stall"] == draw_shape("stall", dice(0))(0.99) <= 0.95


def test_noisy_tasks_differ_and_sometimes_go_backwards() -> None:
    """Each noisy task has a shape of its own, and some of them report less than before."""
    shapes = [draw_shape("noisy", dice(number)) for number in range(20)]
    bars = [[shape(step / 100) for step in range(101)] for shape in shapes]
    assert len({tuple(bar) for bar in bars}) == 20
    assert any(later < earlier for bar in bars for earlier, later in pairwise(bar))


def test_a_shape_of_ones_own_is_used() -> None:
    """A callable is the curve."""
    own: Curve = math.sqrt
    check_curve(own)
    assert draw_shape(own, dice(0)) is own


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
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    """The unit follows the size, fractions lose their zeros."""
    assert go_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**6).map(lambda millis: millis / 1000))
def test_the_model_reads_back_every_duration(seconds: float) -> None:
    """What the simulator writes, the library's own reader takes for the same duration."""
    read = parse_go_duration(go_duration(seconds))
    assert read is not None
    assert read.total_seconds() == pytest.approx(seconds)


@given(st.floats(min_value=0, max_value=1e9))
def test_the_model_reads_back_every_time(now: float) -> None:
    """Times are whole milliseconds, so writing them loses nothing."""
    assert parse_time(rfc3339(instant(now))) == instant(now)


def test_the_sentence_on_a_count_names_whole_seconds() -> None:
    """The sentence has the second the count began in, and how long it took."""
    assert count_sentence(instant(61.9), 0.0125) == "counted at 2030-01-01T00:01:01Z in 12.5ms"
