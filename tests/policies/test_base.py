"""Poll policies: their bounds, and the simple ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.errors import ConfigurationError
from altcraft_async.policies.adaptive import Adaptive
from altcraft_async.policies.base import (
    LONGEST_INTERVAL,
    SHORTEST_INTERVAL,
    Constant,
    Exponential,
    PollPolicy,
    PollState,
    checked_policy,
    poll_interval,
)

CORE = settings.get_profile("pure")


POSITIVE = st.floats(SHORTEST_INTERVAL, 1e6)
SHARE = st.floats(0, 1)
STATES = st.builds(
    PollState,
    waited=st.floats(0, 1e9),
    polls=st.integers(0, 10**6),
    progress=st.integers(-5, 200),
    earlier_waited=st.floats(0, 1e9),
    earlier_progress=st.integers(-5, 200),
    chance=st.floats(0, 1, exclude_max=True),
)
EXPONENTIAL = st.builds(
    Exponential, first=POSITIVE, factor=st.floats(1, 10), ceiling=POSITIVE, jitter=SHARE
)
ADAPTIVE = st.builds(
    Adaptive,
    first=POSITIVE,
    poll_cost=st.floats(0.001, 1),
    blind=st.floats(0.001, 100),
    ceiling=POSITIVE,
)
# Too high to limit a delay.
PATIENT = Adaptive(ceiling=1e9)


class Fixed:
    """A policy of a caller's that always returns one number."""

    def __init__(self, seconds: float) -> None:
        """Remember the number."""
        self.seconds = seconds

    def next_poll(self, state: PollState) -> float:
        """Return it."""
        assert isinstance(state, PollState)
        return self.seconds


@CORE
@given(st.builds(Constant, POSITIVE) | EXPONENTIAL | ADAPTIVE, STATES)
def test_delay_of_every_policy_is_finite_and_within_bounds(
    policy: PollPolicy, state: PollState
) -> None:
    assert 0 <= policy.next_poll(state) < math.inf
    assert SHORTEST_INTERVAL <= poll_interval(policy, state) <= LONGEST_INTERVAL


@CORE
@given(EXPONENTIAL | ADAPTIVE, STATES)
def test_delay_never_exceeds_the_ceiling(policy: Exponential | Adaptive, state: PollState) -> None:
    assert policy.next_poll(state) <= policy.ceiling
    assert poll_interval(policy, state) <= policy.ceiling


@CORE
@given(st.builds(Constant, POSITIVE), STATES)
def test_constant_delay_is_its_seconds_and_the_first_two_up_to_a_tenth_less(
    policy: Constant, state: PollState
) -> None:
    seconds = policy.next_poll(state)
    assert 0.9 * policy.seconds <= seconds <= policy.seconds
    assert state.polls <= 1 or seconds == policy.seconds


@pytest.mark.parametrize(
    ("returned", "kept"),
    [
        (math.nan, SHORTEST_INTERVAL),
        (-math.inf, SHORTEST_INTERVAL),
        (-1.0, SHORTEST_INTERVAL),
        (0.0, SHORTEST_INTERVAL),
        (1.5, 1.5),
        (1e9, LONGEST_INTERVAL),
        (math.inf, LONGEST_INTERVAL),
    ],
)
def test_delay_of_a_callers_policy_is_kept_within_bounds(returned: float, kept: float) -> None:
    assert poll_interval(Fixed(returned), PollState(waited=1)) == kept


@pytest.mark.parametrize(
    "policy", [Constant(1), Exponential(), Adaptive(), Fixed(1)], ids=lambda one: type(one).__name__
)
def test_object_with_next_poll_is_a_policy(policy: object) -> None:
    assert checked_policy(policy) is policy


@pytest.mark.parametrize("wrong", [None, 5, 0.5, "adaptive"])
def test_object_without_next_poll_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^poll: has to have a next_poll"):
        checked_policy(wrong)


@pytest.mark.parametrize(
    ("polls", "seconds"), [(0, 0.5), (1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (10**6, 30.0)]
)
def test_exponential_delay_doubles_up_to_the_ceiling(polls: int, seconds: float) -> None:
    assert Exponential().next_poll(PollState(waited=1, polls=polls, chance=0)) == seconds


def test_jitter_shortens_an_exponential_delay() -> None:
    policy = Exponential(first=10, jitter=0.2)
    assert policy.next_poll(PollState(waited=0, chance=0.5)) == pytest.approx(9)


def test_slowly_growing_delay_reaches_the_ceiling() -> None:
    policy = Exponential(first=0.5, factor=1.05, ceiling=30)
    assert policy.next_poll(PollState(waited=1, polls=200, chance=0)) == 30


def test_factor_that_overflows_gives_the_ceiling() -> None:
    policy = Exponential(factor=1e5, ceiling=30)
    assert policy.next_poll(PollState(waited=1, polls=64, chance=0)) == 30


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_setting_that_is_not_positive_and_finite_is_refused_by_name(wrong: float) -> None:
    with pytest.raises(ConfigurationError, match=r"^seconds: "):
        Constant(wrong)
    with pytest.raises(ConfigurationError, match=r"^first: "):
        Exponential(first=wrong)
    with pytest.raises(ConfigurationError, match=r"^ceiling: "):
        Exponential(ceiling=wrong)
    with pytest.raises(ConfigurationError, match=r"^factor: "):
        Exponential(factor=wrong)
    with pytest.raises(ConfigurationError, match=r"^first: "):
        Adaptive(first=wrong)
    with pytest.raises(ConfigurationError, match=r"^ceiling: "):
        Adaptive(ceiling=wrong)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
def test_jitter_outside_of_0_to_1_is_refused_by_name(wrong: float) -> None:
    with pytest.raises(ConfigurationError, match=r"^jitter: "):
        Exponential(jitter=wrong)


def test_first_polls_are_spread() -> None:
    first = [PATIENT.next_poll(PollState(waited=0, chance=chance / 10)) for chance in range(10)]
    assert len(set(first)) == len(first)
    assert 0 < min(first) < max(first) <= PATIENT.first


@pytest.mark.parametrize("stuck", [0, 30])
@CORE
@given(waited=st.floats(0.1, 1e6))
def test_delay_without_new_progress_is_a_share_of_the_time_waited(
    stuck: int, waited: float
) -> None:
    blind = PollState(
        waited=waited, polls=9, progress=stuck, earlier_waited=1, earlier_progress=stuck
    )
    twice = PollState(
        waited=2 * waited, polls=9, progress=stuck, earlier_waited=1, earlier_progress=stuck
    )
    share = PATIENT.next_poll(blind) / waited
    assert 0 < share < 1
    assert PATIENT.next_poll(twice) == pytest.approx(2 * PATIENT.next_poll(blind))


def linear(progress: int, duration: float = 1000.0) -> PollState:
    """Return the state of a task with linear progress that was polled at half of it before."""
    return PollState(
        waited=duration * progress / 100,
        polls=5,
        progress=progress,
        earlier_waited=duration * progress / 200,
        earlier_progress=progress // 2,
    )


def test_delays_get_shorter_towards_the_end() -> None:
    delays = [PATIENT.next_poll(linear(progress)) for progress in range(40, 100, 10)]
    assert delays == sorted(delays, reverse=True)
    assert delays[-1] < delays[0] / 3


@pytest.mark.parametrize("progress", range(40, 100, 10))
def test_poll_comes_about_when_linear_progress_ends(progress: int) -> None:
    at = linear(progress)
    assert at.waited + PATIENT.next_poll(at) == pytest.approx(1000, rel=0.1)


@CORE
@given(st.floats(0.1, 1e6), st.integers(1, 100))
def test_single_prediction_allows_a_delay_as_long_as_the_time_waited(
    waited: float, progress: int
) -> None:
    once = PollState(waited=waited, polls=1, progress=progress)
    assert PATIENT.next_poll(once) <= waited * 1.000001


def test_two_predictions_that_disagree_allow_no_longer_delay() -> None:
    slowed = PollState(waited=100, polls=5, progress=31, earlier_waited=10, earlier_progress=30)
    assert PATIENT.next_poll(slowed) <= 100


def test_two_predictions_that_agree_allow_a_longer_delay() -> None:
    assert PATIENT.next_poll(linear(20)) > linear(20).waited


@pytest.mark.parametrize(("progress", "earlier"), [(100, 50), (100, 99), (250, 50), (99, 50)])
def test_task_that_stays_at_its_end_is_not_polled_in_a_busy_loop(
    progress: int, earlier: int
) -> None:
    stuck = PollState(
        waited=1000, polls=9, progress=progress, earlier_waited=500, earlier_progress=earlier
    )
    assert 1 <= PATIENT.next_poll(stuck) <= 1000


def test_function_of_the_state_is_a_policy() -> None:
    def later(state: PollState) -> float:
        return state.waited + 1

    assert checked_policy(later).next_poll(PollState(waited=4.0)) == 5.0


@pytest.mark.parametrize("wrong", [Constant, "often", 5])
def test_class_of_a_policy_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^poll:"):
        checked_policy(wrong)
