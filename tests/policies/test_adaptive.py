"""`Adaptive`: polls when a task is likely to be over, and learns from finished tasks."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.errors import ConfigurationError
from altcraft_async.policies.adaptive import Adaptive
from altcraft_async.policies.base import SHORTEST_INTERVAL, FinishedTask, PollState, poll_interval

CORE = settings.get_profile("pure")

# In any order, so that time and progress may stand still and go backwards.
POLLS = st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 100)), max_size=20)
FINISHED = st.builds(
    FinishedTask,
    kind=st.just("resource"),
    target=st.sampled_from([None, (1, 1), (2, 1)]),
    polls=POLLS,
    seconds=st.floats(0, 1e7),
    called=st.booleans(),
    in_flight=st.integers(0, 10**6),
)
STATES = st.builds(
    PollState,
    waited=st.floats(0, 1e9),
    polls=st.integers(0, 10**6),
    progress=st.integers(-5, 200),
    earlier_waited=st.floats(0, 1e9),
    earlier_progress=st.integers(-5, 200),
    chance=st.floats(0, 1, exclude_max=True),
    kind=st.just("resource"),
    target=st.sampled_from([None, (1, 1), (2, 1)]),
)


def with_calls(state: PollState, calls: float) -> PollState:
    """Return the state of a task at whose end a call is expected."""
    return msgspec.structs.replace(state, calls=calls)


CALLED_STATES = st.builds(with_calls, STATES, st.floats(0.5, 0.99))


def linear(gone: float) -> float:
    """Return linear progress."""
    return gone


def never(_gone: float) -> float:
    """Return no progress."""
    return 0.0


def late(gone: float) -> float:
    """Return progress that is slow at first."""
    return gone**2


def early(gone: float) -> float:
    """Return progress that is slow at last."""
    return 1 - (1 - gone) ** 2


Curve = Callable[[float], float]


class Run:
    """A task of a given duration, polled as a policy says."""

    def __init__(
        self, policy: Adaptive, duration: float, *, curve: Curve = linear, target: int = 0
    ) -> None:
        """Poll until it is over, and let the policy learn."""
        self.waits: list[float] = []
        polls: list[tuple[float, int]] = []
        newest: tuple[float, int] = (0.0, 0)
        earlier = newest
        waited, progress = 0.0, 0
        while waited < duration:
            state = PollState(
                waited=waited,
                polls=len(polls),
                progress=progress,
                earlier_waited=earlier[0],
                earlier_progress=earlier[1],
                kind="resource",
                target=(target, 1),
            )
            waited += poll_interval(policy, state)
            self.waits.append(waited)
            if waited < duration:
                progress = int(100 * curve(waited / duration))
                polls.append((waited, progress))
                earlier = newest
                if progress > newest[1]:
                    newest = (waited, progress)
        self.lateness = waited / duration - 1
        policy.learn(FinishedTask(kind="resource", target=(target, 1), polls=polls, seconds=waited))


def taught(durations: list[float], *, curve: Curve = linear) -> Adaptive:
    """Return a policy that learned from tasks of these durations, each of another target."""
    policy = Adaptive()
    for target, duration in enumerate(durations):
        Run(policy, duration, curve=curve, target=target)
    return policy


@CORE
@given(st.lists(FINISHED, max_size=100), STATES | CALLED_STATES, st.floats(SHORTEST_INTERVAL, 1e6))
def test_delay_is_within_bounds_whatever_was_learned(
    history: list[FinishedTask], state: PollState, ceiling: float
) -> None:
    policy = Adaptive(ceiling=ceiling)
    for finished in history:
        policy.learn(finished)
    assert policy.next_poll(state) <= ceiling
    assert SHORTEST_INTERVAL <= poll_interval(policy, state) <= max(ceiling, SHORTEST_INTERVAL)


@CORE
@given(st.lists(FINISHED, max_size=60), STATES)
def test_delay_is_bounded_by_the_time_waited_whatever_was_learned(
    history: list[FinishedTask], state: PollState
) -> None:
    """At most the time waited, or seven times that with progress."""
    policy = Adaptive(ceiling=1e12)
    for finished in history:
        policy.learn(finished)
    longest = 7 if state.progress > 0 else 1
    # The poll of a task right after it was attached counts as no poll.
    is_first = state.polls == 0 or (state.polls == 1 and state.waited < policy.first / 2)
    assert is_first or policy.next_poll(state) <= longest * state.waited * 1.000001


@CORE
@given(st.lists(FINISHED, max_size=60), STATES)
def test_policy_is_a_function_of_what_it_was_told(
    history: list[FinishedTask], state: PollState
) -> None:
    one, other = Adaptive(), Adaptive()
    for finished in history:
        one.learn(finished)
        other.learn(finished)
    assert one.next_poll(state) == other.next_poll(state)


@pytest.mark.parametrize("curve", [late, early])
def test_end_of_curved_progress_is_found_without_history(curve: Curve) -> None:
    runs = [Run(Adaptive(), duration, curve=curve) for duration in (7, 30, 100)]
    assert all(len(run.waits) < 22 for run in runs)
    assert sum(run.lateness for run in runs) / 3 < 0.03


@pytest.mark.parametrize("curve", [late, early])
def test_curve_of_progress_is_learned(curve: Curve) -> None:
    dice = random.Random(5)  # noqa: S311 -- made-up durations
    durations = [dice.lognormvariate(3, 1.2) for _ in range(600)]
    policy = taught(durations[:-100], curve=curve)
    warm = [Run(policy, one, curve=curve, target=-n) for n, one in enumerate(durations[-100:])]
    assert sum(len(one.waits) for one in warm) / 100 < 9
    assert sum(one.lateness for one in warm) / 100 < 0.03


def test_tasks_that_stop_showing_progress_are_still_polled_in_time() -> None:
    policy = taught([10.0 + n % 30 for n in range(300)])
    waits = Run(policy, 500, curve=never).waits
    assert all(later <= 2.001 * sooner for sooner, later in pairwise(waits))


def test_end_of_linear_progress_is_found_without_history() -> None:
    run = Run(Adaptive(), 100)
    assert len(run.waits) < 15
    assert run.lateness < 0.05


def test_delays_without_progress_are_a_share_of_the_time_waited() -> None:
    run = Run(Adaptive(), 100, curve=never)
    ratios = [later / sooner for sooner, later in zip(run.waits, run.waits[1:], strict=False)]
    assert all(1.2 < ratio <= 1.25 for ratio in ratios)


def test_learning_saves_polls_with_linear_progress() -> None:
    dice = random.Random(1)  # noqa: S311 -- made-up durations
    durations = [dice.lognormvariate(3, 1.2) for _ in range(600)]
    cold = [Run(Adaptive(), duration, target=n) for n, duration in enumerate(durations[-100:])]
    policy = taught(durations[:-100])
    warm = [Run(policy, duration, target=-n) for n, duration in enumerate(durations[-100:])]
    assert sum(len(one.waits) for one in warm) < 0.85 * sum(len(one.waits) for one in cold)
    assert sum(one.lateness for one in warm) / 100 < 0.03


def test_durations_are_learned_without_progress() -> None:
    dice = random.Random(2)  # noqa: S311 -- made-up durations
    policy = taught([dice.uniform(19, 21) for _ in range(300)], curve=never)
    cold = [Run(Adaptive(), dice.uniform(19, 21), curve=never) for _ in range(50)]
    warm = [Run(policy, dice.uniform(19, 21), curve=never, target=-n) for n in range(50)]
    assert sum(len(one.waits) for one in warm) < 0.6 * sum(len(one.waits) for one in cold)
    assert sum(one.lateness for one in warm) < sum(one.lateness for one in cold)


def test_target_is_expected_to_take_as_long_as_before() -> None:
    dice = random.Random(3)  # noqa: S311 -- made-up durations
    usual = {target: dice.lognormvariate(3, 1.2) for target in range(100)}
    policy = Adaptive()
    for _ in range(6):
        for target, duration in usual.items():
            Run(policy, duration * dice.uniform(0.97, 1.03), curve=never, target=target)
    known = [Run(policy, usual[n], curve=never, target=n) for n in usual]
    others = [Run(policy, usual[n], curve=never, target=1000 + n) for n in usual]
    assert sum(len(one.waits) for one in known) < 0.7 * sum(len(one.waits) for one in others)
    assert sum(one.lateness for one in known) < sum(one.lateness for one in others)


def test_task_that_takes_far_longer_than_all_before_is_still_polled() -> None:
    policy = taught([20.0] * 200, curve=never)
    run = Run(policy, 500, curve=never)
    gaps = zip(run.waits, run.waits[1:], strict=False)
    assert all(later <= 2.01 * sooner for sooner, later in gaps if sooner > 25)


def test_first_polls_are_spread_over_half_of_the_delay() -> None:
    policy = Adaptive(first=1.0)
    firsts = [policy.next_poll(PollState(waited=0, chance=chance)) for chance in (0, 0.5, 0.999)]
    assert firsts == [1.0, 0.75, pytest.approx(0.5, abs=0.01)]


def test_memory_of_targets_is_bounded() -> None:
    policy = Adaptive()
    for target in range(10_000):
        policy.learn(FinishedTask(kind="resource", target=(target, 1), polls=[], seconds=1.0))
    assert len(policy._last_durations) == 4096


@pytest.mark.parametrize("name", ["first", "poll_cost", "blind", "ceiling"])
@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), "5"])
def test_setting_that_is_no_positive_number_is_refused_by_name(name: str, wrong: float) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}:"):
        Adaptive(**{name: wrong})


def test_repr_shows_the_settings() -> None:
    assert repr(Adaptive(first=2)) == (
        "Adaptive(first=2, poll_cost=0.012, blind=0.25, ceiling=300)"
    )


def test_wider_estimate_does_not_replace_a_narrower_one() -> None:
    """The target took now this, now that long, so it is expected to take as long as any task."""
    dice = random.Random(4)  # noqa: S311 -- made-up durations
    policy = Adaptive()
    for _ in range(4):
        for target in range(60):
            Run(policy, 20 * dice.uniform(0.9, 1.1), curve=never, target=target)
    for target in range(60):
        Run(policy, 20 * dice.choice([0.1, 10.0]), curve=never, target=target)
    state = PollState(waited=15, polls=3, kind="resource", target=(1, 1))
    assert 0 < policy.next_poll(state) <= 15


def test_task_that_outlasts_every_similar_one_is_polled_by_its_own_progress() -> None:
    policy = Adaptive()
    for target in range(40):
        policy.learn(
            FinishedTask(kind="resource", target=(target, 1), polls=[(10.0, 55)], seconds=10.2)
        )
    state = PollState(waited=10, polls=1, progress=59, target=None)
    fresh = Adaptive()
    assert policy.next_poll(state) == fresh.next_poll(state)


def test_poll_at_the_time_of_the_start_divides_by_no_zero() -> None:
    assert Adaptive().next_poll(PollState(waited=0.0, polls=3, progress=50)) == 0.0


def called(durations: list[float], *, targets: int = 10_000) -> Adaptive:
    """Return a policy that learned from tasks of these durations, at whose end a call came."""
    policy = Adaptive()
    for number, seconds in enumerate(durations):
        target = (number % targets, 1)
        policy.learn(
            FinishedTask(kind="resource", target=target, polls=[], seconds=seconds, called=True)
        )
    return policy


def test_duration_of_a_task_at_whose_end_a_call_came_is_known() -> None:
    policy = called([10.0, 11.0, 12.0])
    assert sorted(policy._durations._numbers) == [10, 11, 12]


@pytest.mark.parametrize("calls", [0.9, 0.99])
def test_silent_task_is_polled_a_quarter_later_than_expected_at_most(calls: float) -> None:
    even = called([10.0 + n % 2 for n in range(100)])
    assert 11 < even.next_poll(PollState(waited=0, calls=calls)) <= 1.25 * 10.5
    wide = called([10.0 + n for n in range(100)])
    first = wide.next_poll(PollState(waited=0, calls=calls))
    assert wide.next_poll(PollState(waited=0, calls=0.75)) < first <= 1.25 * 110


def test_silent_task_is_expected_to_take_as_long_as_its_target_did() -> None:
    policy = called([float(10 + 10 * (n % 40)) for n in range(200)], targets=40)
    state = PollState(waited=0, calls=0.99, kind="resource", target=(7, 1))
    assert 80 < policy.next_poll(state) <= 100


def test_calls_change_nothing_before_durations_are_known() -> None:
    policy = called([10.0] * 63)
    states = [PollState(waited=0, calls=calls, chance=0.3) for calls in (0, 0.99)]
    assert len({policy.next_poll(state) for state in states}) == 1
