"""What the progress of one task says about its end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.policies.base import PollState
from altcraft_async.policies.progress import linear_end, linear_range, poll_at

CORE = settings.get_profile("pure")

COST, BLIND = 0.012, 0.25


def curved(exponent: float, gone: float, before: float) -> PollState:
    """Return the state of a task of a hundred seconds whose progress is ``gone ** exponent``."""
    return PollState(
        waited=100 * gone,
        polls=5,
        progress=int(100 * gone**exponent),
        earlier_waited=100 * before,
        earlier_progress=int(100 * before**exponent),
    )


@CORE
@given(st.floats(0.01, 1e6), st.integers(1, 99))
def test_linear_end_lies_in_its_range(waited: float, progress: int) -> None:
    earliest, latest = linear_range(waited, progress)
    assert waited <= earliest < linear_end(waited, progress) < latest


def test_without_progress_the_range_is_empty() -> None:
    assert linear_range(10.0, 0) == (0.0, 0.0)


@pytest.mark.parametrize("exponent", [0.6, 1.0, 1.5, 2.0, 2.4])
def test_two_polls_give_the_exponent(exponent: float) -> None:
    state = curved(exponent, 0.7, 0.4)
    assert state.waited + 30 == pytest.approx(poll_at(state, COST, BLIND), rel=0.06)


@pytest.mark.parametrize("exponent", [0.5, 1.5, 2.0])
def test_curved_progress_is_polled_at_twice_the_time_waited_at_most(exponent: float) -> None:
    state = curved(exponent, 0.3, 0.15)
    assert poll_at(state, COST, BLIND) <= 2 * state.waited


def test_linear_progress_is_polled_at_three_times_the_time_waited_at_most() -> None:
    state = curved(1.0, 0.2, 0.1)
    assert poll_at(state, COST, BLIND) == pytest.approx(3 * state.waited)


@pytest.mark.parametrize(("progress", "share"), [(30, 0.25), (80, 0.25), (90, 0.111), (99, 0.05)])
def test_stalled_progress_is_polled_after_what_seems_left_or_a_share(
    progress: int, share: float
) -> None:
    state = PollState(
        waited=100, polls=5, progress=progress, earlier_waited=80, earlier_progress=progress
    )
    assert poll_at(state, COST, BLIND) == pytest.approx(100 * (1 + share), rel=0.001)


@pytest.mark.parametrize("earlier", [100.0, math.nextafter(100.0, 0), 200.0, 0.0])
def test_two_moves_without_time_between_give_no_exponent(earlier: float) -> None:
    state = PollState(waited=100, polls=5, progress=60, earlier_waited=earlier, earlier_progress=50)
    assert 100 <= poll_at(state, COST, BLIND) <= 200


@CORE
@given(
    st.floats(0, 1e9),
    st.integers(-5, 200),
    st.floats(0, 1e9),
    st.integers(-5, 200),
    st.floats(1e-6, 1e3),
)
def test_poll_comes_between_now_and_three_times_the_time_waited(
    waited: float, progress: int, earlier_waited: float, earlier_progress: int, cost: float
) -> None:
    state = PollState(
        waited=waited,
        polls=9,
        progress=progress,
        earlier_waited=earlier_waited,
        earlier_progress=earlier_progress,
    )
    assert waited <= poll_at(state, cost, BLIND) <= 3 * waited
