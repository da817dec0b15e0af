"""What `Adaptive` learns when many tasks start at once, so that the longest end last."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import count
from statistics import median

import pytest

from altcraft_async.policies.adaptive import Adaptive
from altcraft_async.policies.base import FinishedTask, PollState
from altcraft_async.policies.progress import linear_end

Progress = Callable[[float], list[tuple[float, int]]]
"""The polls that find a task of a duration running."""

MEDIAN = 2.0


def no_polls(_duration: float) -> list[tuple[float, int]]:
    """Return the polls of a task that the first poll found over."""
    return []


def learn(
    policy: Adaptive,
    durations: Sequence[float],
    *,
    in_flight: int | None = None,
    progress: Progress = no_polls,
) -> None:
    """Let the policy learn from known ends of a burst, or with so many others in flight."""
    numbered = enumerate(durations)
    for ended, (number, seconds) in enumerate(
        numbered if in_flight is not None else sorted(numbered, key=lambda one: one[1])
    ):
        policy.learn(
            FinishedTask(
                kind="resource",
                target=(number, 1),
                polls=progress(seconds),
                seconds=seconds,
                called=True,
                in_flight=len(durations) - ended - 1 if in_flight is None else in_flight,
            )
        )


def drawn(tasks: int, *, middle: float = MEDIAN, seed: int = 1) -> list[float]:
    """Draw durations."""
    dice = random.Random(seed)  # noqa: S311 -- made-up durations
    return [dice.lognormvariate(math.log(middle), 0.8) for _ in range(tasks)]


def learned(policy: Adaptive) -> list[float]:
    """Return the durations that the policy knows, in order."""
    return sorted(policy._durations._numbers)


def near(seconds: float) -> object:
    """Equal what is about as long."""
    return pytest.approx(seconds, rel=0.15)


@pytest.mark.parametrize("tasks", [1_000, 3_000, 10_000])
def test_burst_teaches_how_long_all_of_its_tasks_take(tasks: int) -> None:
    policy = Adaptive()
    learn(policy, drawn(tasks))
    assert median(learned(policy)) == near(MEDIAN)
    learn(policy, drawn(tasks, seed=2))
    durations = sorted(drawn(tasks, seed=2))
    for share in (0.1, 0.5, 0.9):
        assert learned(policy)[int(share * 128)] == near(durations[int(share * tasks)])


def test_first_polls_after_a_burst_come_before_most_tasks_are_over() -> None:
    policy = Adaptive()
    learn(policy, drawn(3_000))
    first = policy.next_poll(PollState(waited=0, chance=0))
    assert sum(duration < first for duration in drawn(3_000, seed=2)) < 0.05 * 3_000


def test_burst_teaches_how_much_longer_known_targets_take() -> None:
    """Each takes as long as the last time, give or take a half, and the longest end last."""
    policy = Adaptive()
    dice = random.Random(3)  # noqa: S311 -- made-up durations
    for _ in range(2):
        learn(policy, [MEDIAN * dice.uniform(0.5, 1.5) for _ in range(3_000)])
    assert median(policy._target_ratios._numbers) == near(1.0)


def test_burst_teaches_how_progress_went_of_all_of_its_tasks() -> None:
    """All show 20 % after a second, and most take longer or shorter than that promises."""
    policy = Adaptive()
    learn(policy, [2 + n / 500 for n in range(3_000)], progress=lambda _: [(1.0, 20)])
    promised = linear_end(1.0, 20)
    for sample in policy._by_group.values():
        assert promised * median(sample._numbers) == near(5.0)


@pytest.mark.parametrize("every", [2, 4, 10])
def test_burst_teaches_how_progress_went_of_all_tasks_of_a_group(every: int) -> None:
    """One task in so many shows progress."""
    policy, shown = Adaptive(), count()

    def progress(_duration: float) -> list[tuple[float, int]]:
        return [] if next(shown) % every else [(1.0, 20)]

    learn(policy, [2 + n / 500 for n in range(3_000)], progress=progress)
    promised = linear_end(1.0, 20)
    for sample in policy._by_group.values():
        assert promised * median(sample._numbers) == near(5.0)


@pytest.mark.parametrize("middle", [MEDIAN / 3, MEDIAN * 3])
def test_next_burst_teaches_that_tasks_take_longer_or_shorter_now(middle: float) -> None:
    policy = Adaptive()
    learn(policy, drawn(3_000))
    learn(policy, drawn(3_000, middle=middle, seed=2))
    assert median(learned(policy)) == near(middle)


def test_burst_after_a_steady_stream_teaches_how_long_all_of_its_tasks_take() -> None:
    policy = Adaptive()
    learn(policy, [30.0] * 500, in_flight=20)
    learn(policy, drawn(3_000))
    assert median(learned(policy)) == near(MEDIAN)


def test_stream_after_a_burst_is_learned_within_the_usual_number_of_tasks() -> None:
    policy = Adaptive()
    learn(policy, drawn(3_000))
    learn(policy, [30.0] * 150, in_flight=20)
    assert learned(policy) == [30.0] * 128


def test_wide_stream_is_learned_within_one_generation() -> None:
    policy = Adaptive()
    learn(policy, drawn(3_000), in_flight=499)
    learn(policy, [30.0] * 501, in_flight=499)
    assert learned(policy) == [30.0] * 128


def test_stream_of_128_tasks_at_once_teaches_the_newest_128() -> None:
    policy = Adaptive()
    learn(policy, drawn(3_000), in_flight=127)
    assert learned(policy) == sorted(drawn(3_000)[-128:])
