"""Polling when the task is likely to be over, and learning how likely that was."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.errors import ConfigurationError
from altcraft_async.policies.adaptive import Adaptive
from altcraft_async.policies.base import SHORTEST_INTERVAL, FinishedTask, PollState, poll_interval

CORE = settings.get_profile("pure")

# In no order, so that time and progress stand still and go backwards too.
POLLS = st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 100)), max_size=20)
FINISHED = st.builds(
    FinishedTask,
    kind=st.just("resource"),
    target=st.sampled_from([None, (1, 1), (2, 1)]),
    polls=POLLS,
    seconds=st.floats(0, 1e7),
)
SEEN = st.builds(
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


def evenly(gone: float) -> float:
    """Return the progress of an even bar."""
    return gone


def never(_gone: float) -> float:
    """Return the progress of a bar that shows nothing."""
    return 0.0


def late(gone: float) -> float:
    """Return the progress of a bar that is slow at first."""
    return gone**2


def early(gone: float) -> float:
    """Return the progress of a bar that is slow at last."""
    return 1 - (1 - gone) ** 2


Bar = Callable[[float], float]


class Course:
    """A task that takes so long and shows its progress, polled as a policy says."""

    def __init__(
        self, policy: Adaptive, duration: float, *, bar: Bar = evenly, target: int = 0
    ) -> None:
        """Poll until it is over, and tell the policy."""
        self.waits: list[float] = []
        polls: list[tuple[float, int]] = []
        newest: tuple[float, int] = (0.0, 0)
        earlier = newest
        waited, progress = 0.0, 0
        while waited < duration:
            seen = PollState(
                waited=waited,
                polls=len(polls),
                progress=progress,
                earlier_waited=earlier[0],
                earlier_progress=earlier[1],
                kind="resource",
                target=(target, 1),
            )
            waited += poll_interval(policy, seen)
            self.waits.append(waited)
            if waited < duration:
                progress = int(100 * bar(waited / duration))
                polls.append((waited, progress))
                earlier = newest
                if progress > newest[1]:
                    newest = (waited, progress)
        self.lateness = waited / duration - 1
        policy.learn(FinishedTask(kind="resource", target=(target, 1), polls=polls, seconds=waited))


def taught(durations: list[float], *, bar: Bar = evenly) -> Adaptive:
    """Return a policy that has seen tasks of these durations, each of another target."""
    policy = Adaptive()
    for target, duration in enumerate(durations):
        Course(policy, duration, bar=bar, target=target)
    return policy


@CORE
@given(st.lists(FINISHED, max_size=60), SEEN, st.floats(SHORTEST_INTERVAL, 1e6))
def test_pause_makes_sense_whatever_was_learned(
    history: list[FinishedTask], seen: PollState, ceiling: float
) -> None:
    """Never negative, never above the ceiling, never a busy loop, whatever happened before."""
    policy = Adaptive(ceiling=ceiling)
    for finished in history:
        policy.learn(finished)
    assert policy.next_poll(seen) <= ceiling
    assert SHORTEST_INTERVAL <= poll_interval(policy, seen) <= max(ceiling, SHORTEST_INTERVAL)


@CORE
@given(st.lists(FINISHED, max_size=60), SEEN)
def test_wrong_beliefs_are_harmless_whatever_they_come_from(
    history: list[FinishedTask], seen: PollState
) -> None:
    """No pause is longer than the time waited, or than seven times that where there is progress."""
    policy = Adaptive(ceiling=1e12)
    for finished in history:
        policy.learn(finished)
    longest = 7 if seen.progress > 0 else 1
    assert seen.polls == 0 or policy.next_poll(seen) <= longest * seen.waited * 1.000001


@CORE
@given(st.lists(FINISHED, max_size=60), SEEN)
def test_policy_is_a_function_of_what_it_was_told(
    history: list[FinishedTask], seen: PollState
) -> None:
    """Two policies that were told the same say the same."""
    one, other = Adaptive(), Adaptive()
    for finished in history:
        one.learn(finished)
        other.learn(finished)
    assert one.next_poll(seen) == other.next_poll(seen)


@pytest.mark.parametrize("bar", [late, early])
def test_bent_bar_is_followed_to_its_end(bar: Bar) -> None:
    """Without history, two polls tell how a bar is bent, and the end is found nearly as soon."""
    courses = [Course(Adaptive(), duration, bar=bar) for duration in (7, 30, 100)]
    assert all(len(course.waits) < 22 for course in courses)
    assert sum(course.lateness for course in courses) / 3 < 0.03


@pytest.mark.parametrize("bar", [late, early])
def test_bend_of_bars_is_learned(bar: Bar) -> None:
    """Bars that are all bent in one way are soon known as well as even ones."""
    dice = random.Random(5)  # noqa: S311 -- made-up durations
    durations = [dice.lognormvariate(3, 1.2) for _ in range(600)]
    policy = taught(durations[:-100], bar=bar)
    warm = [Course(policy, one, bar=bar, target=-n) for n, one in enumerate(durations[-100:])]
    assert sum(len(one.waits) for one in warm) / 100 < 9
    assert sum(one.lateness for one in warm) / 100 < 0.03


def test_bars_that_begin_to_lie_are_found_out() -> None:
    """After many even bars, tasks that show nothing are polled before long all the same."""
    policy = taught([10.0 + n % 30 for n in range(300)])
    waits = Course(policy, 500, bar=never).waits
    assert all(later <= 2.001 * sooner for sooner, later in pairwise(waits))


def test_even_progress_is_followed_to_its_end() -> None:
    """Without history, a task of even progress is found over within a few percent of its time."""
    course = Course(Adaptive(), 100)
    assert len(course.waits) < 15
    assert course.lateness < 0.05


def test_without_progress_pauses_are_a_share_of_the_time_waited() -> None:
    """A server that shows nothing is asked after a quarter more of the time waited each time."""
    course = Course(Adaptive(), 100, bar=never)
    ratios = [later / sooner for sooner, later in zip(course.waits, course.waits[1:], strict=False)]
    assert all(1.2 < ratio <= 1.25 for ratio in ratios)


def test_learning_saves_polls_at_even_progress() -> None:
    """After many tasks of even progress, few polls find the end as well as many did."""
    dice = random.Random(1)  # noqa: S311 -- made-up durations
    durations = [dice.lognormvariate(3, 1.2) for _ in range(600)]
    cold = [Course(Adaptive(), duration, target=n) for n, duration in enumerate(durations[-100:])]
    policy = taught(durations[:-100])
    warm = [Course(policy, duration, target=-n) for n, duration in enumerate(durations[-100:])]
    assert sum(len(one.waits) for one in warm) < 0.85 * sum(len(one.waits) for one in cold)
    assert sum(one.lateness for one in warm) / 100 < 0.03


def test_durations_alone_can_be_learned() -> None:
    """Where tasks show nothing but always take about as long, fewer polls find them sooner."""
    dice = random.Random(2)  # noqa: S311 -- made-up durations
    policy = taught([dice.uniform(19, 21) for _ in range(300)], bar=never)
    cold = [Course(Adaptive(), dice.uniform(19, 21), bar=never) for _ in range(50)]
    warm = [Course(policy, dice.uniform(19, 21), bar=never, target=-n) for n in range(50)]
    assert sum(len(one.waits) for one in warm) < 0.6 * sum(len(one.waits) for one in cold)
    assert sum(one.lateness for one in warm) < sum(one.lateness for one in cold)


def test_target_is_expected_to_take_as_long_as_before() -> None:
    """Targets that differ from each other but repeat themselves are each met in their own time."""
    dice = random.Random(3)  # noqa: S311 -- made-up durations
    usual = {target: dice.lognormvariate(3, 1.2) for target in range(100)}
    policy = Adaptive()
    for _ in range(6):
        for target, duration in usual.items():
            Course(policy, duration * dice.uniform(0.97, 1.03), bar=never, target=target)
    known = [Course(policy, usual[n], bar=never, target=n) for n in usual]
    others = [Course(policy, usual[n], bar=never, target=1000 + n) for n in usual]
    assert sum(len(one.waits) for one in known) < 0.7 * sum(len(one.waits) for one in others)
    assert sum(one.lateness for one in known) < sum(one.lateness for one in others)


def test_wrong_forecast_is_harmless() -> None:
    """A task that takes far longer than all before is not forgotten: no pause beyond its age."""
    policy = taught([20.0] * 200, bar=never)
    course = Course(policy, 500, bar=never)
    gaps = zip(course.waits, course.waits[1:], strict=False)
    assert all(later <= 2.01 * sooner for sooner, later in gaps if sooner > 25)


def test_tasks_started_together_are_not_polled_at_together() -> None:
    """Chance spreads the first polls over half of their pause."""
    policy = Adaptive(first=1.0)
    firsts = [policy.next_poll(PollState(waited=0, chance=chance)) for chance in (0, 0.5, 0.999)]
    assert firsts == [1.0, 0.75, pytest.approx(0.5, abs=0.01)]


def test_memory_of_targets_is_bounded() -> None:
    """However many targets there are, the memory ends at some thousands."""
    policy = Adaptive()
    for target in range(10_000):
        policy.learn(FinishedTask(kind="resource", target=(target, 1), polls=[], seconds=1.0))
    assert len(policy._last_durations) == 4096


@pytest.mark.parametrize("name", ["first", "poll_cost", "blind", "ceiling"])
@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), "5"])
def test_settings_that_are_no_positive_number_are_refused(name: str, wrong: float) -> None:
    """A wrong setting is refused by name."""
    with pytest.raises(ConfigurationError, match=f"^{name}:"):
        Adaptive(**{name: wrong})


def test_policy_shows_its_settings() -> None:
    """The repr of a policy is how to make it."""
    assert repr(Adaptive(first=2)) == (
        "Adaptive(first=2, poll_cost=0.012, blind=0.25, ceiling=300)"
    )


def test_narrower_belief_is_kept_when_a_wider_one_is_asked() -> None:
    """A target that takes now this, now that long is expected to take as long as any task."""
    dice = random.Random(4)  # noqa: S311 -- made-up durations
    policy = Adaptive()
    for _ in range(4):
        for target in range(60):
            Course(policy, 20 * dice.uniform(0.9, 1.1), bar=never, target=target)
    for target in range(60):
        Course(policy, 20 * dice.choice([0.1, 10.0]), bar=never, target=target)
    seen = PollState(waited=15, polls=3, kind="resource", target=(1, 1))
    assert 0 < policy.next_poll(seen) <= 15


def test_task_beyond_all_that_was_seen_is_judged_by_its_own_progress() -> None:
    """Where every task like this one was over by now, its own progress is all there is to go by."""
    policy = Adaptive()
    for target in range(40):
        policy.learn(
            FinishedTask(kind="resource", target=(target, 1), polls=[(10.0, 55)], seconds=10.2)
        )
    seen = PollState(waited=10, polls=1, progress=59, target=None)
    fresh = Adaptive()
    assert policy.next_poll(seen) == fresh.next_poll(seen)


def test_task_polled_at_in_the_moment_of_its_start_is_no_trouble() -> None:
    """Nothing is divided by a time of zero."""
    assert Adaptive().next_poll(PollState(waited=0.0, polls=3, progress=50)) == 0.0
