"""When a task is polled again."""

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
SEEN = st.builds(
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
# Far enough away that it is not what limits a pause.
PATIENT = Adaptive(ceiling=1e9)


class Says:
    """A policy of somebody else, which says what it was made with."""

    def __init__(self, seconds: float) -> None:
        """Keep what to say."""
        self.seconds = seconds

    def next_poll(self, seen: PollState) -> float:
        """Say it."""
        assert isinstance(seen, PollState)
        return self.seconds


@CORE
@given(st.builds(Constant, POSITIVE) | EXPONENTIAL | ADAPTIVE, SEEN)
def test_pause_of_every_policy_is_finite_and_within_bounds(
    policy: PollPolicy, seen: PollState
) -> None:
    """No policy makes a busy loop, waits forever or says a negative number."""
    assert 0 <= policy.next_poll(seen) < math.inf
    assert SHORTEST_INTERVAL <= poll_interval(policy, seen) <= LONGEST_INTERVAL


@CORE
@given(EXPONENTIAL | ADAPTIVE, SEEN)
def test_pause_is_never_above_the_ceiling(policy: Exponential | Adaptive, seen: PollState) -> None:
    """A ceiling is the longest pause, whatever was seen."""
    assert policy.next_poll(seen) <= policy.ceiling
    assert poll_interval(policy, seen) <= policy.ceiling


@CORE
@given(st.builds(Constant, POSITIVE), SEEN)
def test_constant_pause_is_never_above_its_seconds(policy: Constant, seen: PollState) -> None:
    """A constant policy spreads its first poll to the early side, and the others not at all."""
    seconds = policy.next_poll(seen)
    assert 0.9 * policy.seconds <= seconds <= policy.seconds
    assert seen.polls == 0 or seconds == policy.seconds


@pytest.mark.parametrize(
    ("said", "kept"),
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
def test_policy_of_somebody_else_is_kept_within_bounds(said: float, kept: float) -> None:
    """Whatever a policy says becomes a pause that makes sense."""
    assert poll_interval(Says(said), PollState(waited=1)) == kept


@pytest.mark.parametrize(
    "policy", [Constant(1), Exponential(), Adaptive(), Says(1)], ids=lambda one: type(one).__name__
)
def test_object_with_next_poll_is_a_policy(policy: object) -> None:
    """Any object with the one method can pace polls."""
    assert checked_policy(policy) is policy


@pytest.mark.parametrize("wrong", [None, 5, 0.5, "adaptive"])
def test_what_cannot_pace_polls_is_refused(wrong: object) -> None:
    """An object without the method is refused under the name of the argument."""
    with pytest.raises(ConfigurationError, match=r"^poll: has to have a next_poll"):
        checked_policy(wrong)


@pytest.mark.parametrize(
    ("polls", "seconds"), [(0, 0.5), (1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (10**6, 30.0)]
)
def test_exponential_pause_doubles_up_to_the_ceiling(polls: int, seconds: float) -> None:
    """The pauses are first, first * factor and so on, and then the ceiling."""
    assert Exponential().next_poll(PollState(waited=1, polls=polls, chance=0)) == seconds


def test_exponential_pause_is_shortened_by_chance() -> None:
    """Jitter takes at most its share off a pause."""
    policy = Exponential(first=10, jitter=0.2)
    assert policy.next_poll(PollState(waited=0, chance=0.5)) == pytest.approx(9)


def test_slowly_growing_pause_arrives_at_the_ceiling() -> None:
    """Every factor above 1 reaches the ceiling in the end."""
    policy = Exponential(first=0.5, factor=1.05, ceiling=30)
    assert policy.next_poll(PollState(waited=1, polls=200, chance=0)) == 30


def test_steeply_growing_pause_is_the_ceiling() -> None:
    """However large the factor, the pause is a number."""
    policy = Exponential(factor=1e5, ceiling=30)
    assert policy.next_poll(PollState(waited=1, polls=64, chance=0)) == 30


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_policy_that_could_not_be_waited_for_is_refused(wrong: float) -> None:
    """Seconds and shares of time are positive and finite, and the error names the argument."""
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
def test_share_outside_of_0_to_1_is_refused(wrong: float) -> None:
    """A share is a share."""
    with pytest.raises(ConfigurationError, match=r"^jitter: "):
        Exponential(jitter=wrong)


def test_first_poll_is_spread_by_chance() -> None:
    """Tasks that were started together are not polled together, nor later than said."""
    first = [PATIENT.next_poll(PollState(waited=0, chance=chance / 10)) for chance in range(10)]
    assert len(set(first)) == len(first)
    assert 0 < min(first) < max(first) <= PATIENT.first


@pytest.mark.parametrize("stuck", [0, 30])
@CORE
@given(waited=st.floats(0.1, 1e6))
def test_blind_pause_is_proportional_to_the_time_waited(stuck: int, waited: float) -> None:
    """Without usable progress a pause is a fixed share of the time waited."""
    blind = PollState(
        waited=waited, polls=9, progress=stuck, earlier_waited=1, earlier_progress=stuck
    )
    twice = PollState(
        waited=2 * waited, polls=9, progress=stuck, earlier_waited=1, earlier_progress=stuck
    )
    share = PATIENT.next_poll(blind) / waited
    assert 0 < share < 1
    assert PATIENT.next_poll(twice) == pytest.approx(2 * PATIENT.next_poll(blind))


def evenly(progress: int, duration: float = 1000.0) -> PollState:
    """Return what is seen of a task of even progress that was seen at half of it before."""
    return PollState(
        waited=duration * progress / 100,
        polls=5,
        progress=progress,
        earlier_waited=duration * progress / 200,
        earlier_progress=progress // 2,
    )


def test_poll_comes_the_sooner_the_nearer_the_end() -> None:
    """The pauses get shorter as progress says that less is left."""
    pauses = [PATIENT.next_poll(evenly(progress)) for progress in range(40, 100, 10)]
    assert pauses == sorted(pauses, reverse=True)
    assert pauses[-1] < pauses[0] / 3


@pytest.mark.parametrize("progress", range(40, 100, 10))
def test_poll_comes_about_when_even_progress_ends(progress: int) -> None:
    """Where two predictions agree, the next poll is near the end they predict."""
    at = evenly(progress)
    assert at.waited + PATIENT.next_poll(at) == pytest.approx(1000, rel=0.1)


@CORE
@given(st.floats(0.1, 1e6), st.integers(1, 100))
def test_single_prediction_is_not_trusted_beyond_twice_the_time(
    waited: float, progress: int
) -> None:
    """Until a second prediction agrees, a pause is at most as long as the time waited."""
    once = PollState(waited=waited, polls=1, progress=progress)
    assert PATIENT.next_poll(once) <= waited * 1.000001


def test_second_prediction_that_disagrees_is_not_trusted_either() -> None:
    """A bar that slows down from 30 to 31 percent has proved nothing."""
    slowed = PollState(waited=100, polls=5, progress=31, earlier_waited=10, earlier_progress=30)
    assert PATIENT.next_poll(slowed) <= 100


def test_prediction_that_is_agreed_with_is_trusted_further() -> None:
    """At 20 percent of an even bar the end is four times as far away, and so is the poll."""
    assert PATIENT.next_poll(evenly(20)) > evenly(20).waited


@pytest.mark.parametrize(("progress", "earlier"), [(100, 50), (100, 99), (250, 50), (99, 50)])
def test_full_bar_does_not_make_a_busy_loop(progress: int, earlier: int) -> None:
    """A task that stays at its end is polled in pauses that grow with it."""
    stuck = PollState(
        waited=1000, polls=9, progress=progress, earlier_waited=500, earlier_progress=earlier
    )
    assert 1 <= PATIENT.next_poll(stuck) <= 1000


def test_function_of_what_was_seen_is_a_policy() -> None:
    """A function is taken as it is."""

    def later(seen: PollState) -> float:
        return seen.waited + 1

    assert checked_policy(later).next_poll(PollState(waited=4.0)) == 5.0


@pytest.mark.parametrize("wrong", [Constant, "often", 5])
def test_what_is_no_policy_is_refused(wrong: object) -> None:
    """A class is no policy, though it has the method: it still has to be called."""
    with pytest.raises(ConfigurationError, match=r"^poll:"):
        checked_policy(wrong)
