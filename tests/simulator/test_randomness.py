"""Durations and progress curves of pretend tasks."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import pytest

from altcraft_async.simulator.randomness import (
    Curve,
    CurveName,
    check_curve,
    check_duration,
    draw_duration,
    draw_shape,
    seeded_random,
)

CURVES: tuple[CurveName, ...] = ("linear", "noisy", "back", "front", "stuck", "stall")


def test_seeded_random_depends_on_its_key_only() -> None:
    assert seeded_random(1, "x").random() == seeded_random(1, "x").random()
    assert seeded_random(1, "x").random() != seeded_random(2, "x").random()


def test_number_of_seconds_is_the_duration() -> None:
    assert draw_duration(3, seeded_random(0)) == 3


def test_range_is_log_uniform() -> None:
    rng = seeded_random("range")
    drawn = [draw_duration((0.5, 5.0), rng) for _ in range(4_000)]
    assert min(drawn) >= 0.5
    assert max(drawn) <= 5.0
    assert statistics.median(drawn) == pytest.approx(math.sqrt(0.5 * 5), rel=0.1)


def test_function_draws_the_duration_but_never_below_zero() -> None:
    assert draw_duration(lambda _rng: 7.0, seeded_random(0)) == 7.0
    assert draw_duration(lambda _rng: -1.0, seeded_random(0)) == 0.0


@pytest.mark.parametrize("duration", [-1.0, math.nan, (0.0, 1.0), (2.0, 1.0), (1.0, math.inf)])
def test_impossible_duration_is_refused(duration: float | tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="duration"):
        check_duration(duration)


@pytest.mark.parametrize("duration", [0, math.inf, (1.0, 1.0)])
def test_zero_infinite_and_single_value_durations_are_accepted(
    duration: float | tuple[float, float],
) -> None:
    check_duration(duration)


def test_unknown_curve_is_refused_with_the_known_names() -> None:
    wrong: Curve = "liner"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType] -- the point
    with pytest.raises(ValueError, match="linear, noisy"):
        check_curve(wrong)


@pytest.mark.parametrize("name", CURVES)
def test_named_curve_stays_within_0_and_1_but_for_noise(name: CurveName) -> None:
    check_curve(name)
    shape = draw_shape(name, seeded_random(name))
    assert all(-0.03 <= shape(step / 100) <= 1.03 for step in range(101))


def test_curves_differ_at_half_time_as_their_names_say() -> None:
    half = {name: draw_shape(name, seeded_random(0))(0.5) for name in CURVES}
    assert half["stuck"] == 0 < half["back"] < half["linear"] < half["front"]
    assert 0.6 <= half["stall"] == draw_shape("stall", seeded_random(0))(0.99) <= 0.95


def test_noisy_tasks_differ_and_sometimes_go_backwards() -> None:
    shapes = [draw_shape("noisy", seeded_random(number)) for number in range(20)]
    reports = [[shape(step / 100) for step in range(101)] for shape in shapes]
    assert len({tuple(report) for report in reports}) == 20
    assert any(later < earlier for report in reports for earlier, later in pairwise(report))


def test_function_is_used_as_the_curve() -> None:
    own: Curve = math.sqrt
    check_curve(own)
    assert draw_shape(own, seeded_random(0)) is own
