"""What a task's own bar says of its end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.policies.base import PollState
from altcraft_async.policies.progress import linear_end, linear_range, poll_at

CORE = settings.get_profile("pure")

COST, BLIND = 0.012, 0.25


def bent(bend: float, gone: float, before: float) -> PollState:
    """Return what is seen of a task of a hundred seconds whose bar shows ``gone ** bend``."""
    return PollState(
        waited=100 * gone,
        polls=5,
        progress=int(100 * gone**bend),
        earlier_waited=100 * before,
        earlier_progress=int(100 * before**bend),
    )


@CORE
@given(st.floats(0.01, 1e6), st.integers(1, 99))
def test_linear_end_lies_in_its_bracket(waited: float, progress: int) -> None:
    """What an even bar shows in whole percents leaves a bracket, and its end is in there."""
    soonest, latest = linear_range(waited, progress)
    assert waited <= soonest < linear_end(waited, progress) < latest


def test_bar_at_its_beginning_has_no_bracket() -> None:
    """Without progress, nothing is said of the end."""
    assert linear_range(10.0, 0) == (0.0, 0.0)


@pytest.mark.parametrize("bend", [0.6, 1.0, 1.5, 2.0, 2.4])
def test_two_polls_tell_the_bend(bend: float) -> None:
    """Past half of its time, a task is polled about when its bar will be full, however bent."""
    seen = bent(bend, 0.7, 0.4)
    assert seen.waited + 30 == pytest.approx(poll_at(seen, COST, BLIND), rel=0.06)


@pytest.mark.parametrize("bend", [0.5, 1.5, 2.0])
def test_bent_bar_is_not_trusted_beyond_twice_the_time(bend: float) -> None:
    """A bar that is not even is polled again no later than at twice the time waited."""
    seen = bent(bend, 0.3, 0.15)
    assert poll_at(seen, COST, BLIND) <= 2 * seen.waited


def test_even_bar_is_not_trusted_beyond_three_times_the_time() -> None:
    """At 15 and 20 percent of an even bar the end is five times as far, the poll three times."""
    seen = bent(1.0, 0.2, 0.1)
    assert poll_at(seen, COST, BLIND) == pytest.approx(3 * seen.waited)


@pytest.mark.parametrize(("progress", "share"), [(30, 0.25), (80, 0.25), (90, 0.111), (99, 0.05)])
def test_bar_that_stands_still_is_polled_at_after_what_seems_left(
    progress: int, share: float
) -> None:
    """A quarter of the time waited is too much where a tenth seems to be left."""
    seen = PollState(
        waited=100, polls=5, progress=progress, earlier_waited=80, earlier_progress=progress
    )
    assert poll_at(seen, COST, BLIND) == pytest.approx(100 * (1 + share), rel=0.001)


@pytest.mark.parametrize("earlier", [100.0, math.nextafter(100.0, 0), 200.0, 0.0])
def test_moves_without_time_between_tell_no_bend(earlier: float) -> None:
    """Two polls in one moment, or in the wrong order, are no trouble."""
    seen = PollState(waited=100, polls=5, progress=60, earlier_waited=earlier, earlier_progress=50)
    assert 100 <= poll_at(seen, COST, BLIND) <= 200


@CORE
@given(
    st.floats(0, 1e9),
    st.integers(-5, 200),
    st.floats(0, 1e9),
    st.integers(-5, 200),
    st.floats(1e-6, 1e3),
)
def test_moment_is_near_and_never_past(
    waited: float, progress: int, earlier_waited: float, earlier_progress: int, cost: float
) -> None:
    """Whatever was seen, the next poll comes within three times the time waited."""
    seen = PollState(
        waited=waited,
        polls=9,
        progress=progress,
        earlier_waited=earlier_waited,
        earlier_progress=earlier_progress,
    )
    assert waited <= poll_at(seen, cost, BLIND) <= 3 * waited
