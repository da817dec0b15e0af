"""Samples of past tasks, and the best time to poll."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.policies.samples import CAPACITY, Generations, Sample

CORE = settings.get_profile("pure")

NUMBERS = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=3 * CAPACITY)


def sample_of(numbers: list[float]) -> Sample:
    """Return a sample that took in these numbers."""
    sample = Sample()
    for number in numbers:
        sample.add(number)
    return sample


@CORE
@given(NUMBERS)
def test_sample_is_bounded(numbers: list[float]) -> None:
    assert len(sample_of(numbers)) == min(len(numbers), CAPACITY)


def taken(others: Iterable[int], every: int = 1) -> list[bool]:
    """Return which numbers a full sample takes, by the others in flight at the end of each task.

    It is offered the number of one in ``every`` tasks.
    """
    generations, sample = Generations(), sample_of([1.0] * CAPACITY)
    all_taken: list[bool] = []
    for number, in_flight in enumerate(others):
        generations.ended(in_flight)
        if number % every == 0:
            all_taken.append(sample.add(1.0, generations))
    return all_taken


@CORE
@given(st.lists(st.integers(0, CAPACITY - 1)))
def test_every_number_is_taken_while_few_tasks_are_in_flight(others: list[int]) -> None:
    assert all(taken(others))


@pytest.mark.parametrize("tasks", [200, 1_000, 10_001])
def test_full_sample_takes_128_numbers_of_a_burst_evenly_spread(tasks: int) -> None:
    places = [place for place, is_taken in enumerate(taken(reversed(range(tasks)))) if is_taken]
    assert len(places) in {CAPACITY - 1, CAPACITY}
    gaps = {later - sooner for sooner, later in pairwise(places)}
    assert max(gaps) - min(gaps) <= 1


def test_full_sample_takes_as_many_of_a_burst_if_it_is_offered_a_quarter_of_it() -> None:
    assert sum(taken(reversed(range(4_000)), every=4)) in {CAPACITY - 1, CAPACITY, CAPACITY + 1}


def test_full_sample_takes_128_numbers_of_a_generation_of_a_steady_stream() -> None:
    assert 4 * CAPACITY - 1 <= sum(taken([999] * 4_000)) <= 4 * CAPACITY


def test_every_number_is_taken_one_generation_after_a_burst() -> None:
    steady = [20] * 500
    after = taken([*reversed(range(10_000)), *steady])[10_000:]
    assert all(after[21:])
    amidst = taken([*steady, *reversed(range(10_000)), *steady])[10_500:]
    assert all(amidst[42:])


@CORE
@given(NUMBERS, st.floats(0, 1e6), st.floats(1e-4, 1))
def test_best_poll_is_among_the_numbers_that_are_still_possible(
    numbers: list[float], passed: float, cost: float
) -> None:
    best = sample_of(numbers).best(passed, cost, 1)
    if best is not None:
        assert passed < best.earliest
        assert passed < best.at <= max(numbers) * 1.003
        assert best.spread >= 1
    else:
        assert all(number <= passed for number in numbers[-CAPACITY:])


def test_cheaper_polls_come_sooner() -> None:
    numbers = [1 + n / 100 for n in range(100)]
    polls = [sample_of(numbers).best(0, cost, 1) for cost in (0.001, 0.01, 0.1)]
    ats = [best.at for best in polls if best]
    assert ats == sorted(set(ats))
    assert len(ats) == 3


def test_earliest_end_is_reliable_from_32_numbers_on() -> None:
    few, enough = (sample_of([2.0] * count).best(1, 0.01, 1) for count in (31, 32))
    assert few is not None
    assert enough is not None
    assert (few.is_reliable, enough.is_reliable) == (False, True)


def test_ends_earlier_than_all_before_count_at_once() -> None:
    sample = sample_of([2.0] * CAPACITY)
    before = sample.best(1, 0.01, 1)
    for _ in range(3):  # of 128, two may be errors
        sample.add(1.5)
    after = sample.best(1, 0.01, 1)
    assert before is not None
    assert after is not None
    assert (before.earliest, after.earliest) == (2.0, 1.5)


@CORE
@given(NUMBERS, st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1, exclude_max=True))
def test_number_between_two_is_one_of_the_sample_or_none(
    numbers: list[float], low: float, high: float, rank: float
) -> None:
    found = sample_of(numbers).between(low, high, rank)
    there = [number for number in numbers[-CAPACITY:] if low < number <= high]
    assert (found in there) if there else (found is None)


@CORE
@given(NUMBERS, st.floats(0, 1e6), st.floats(1e-4, 1), st.floats(0.001, 1))
def test_poll_of_silent_tasks_comes_a_quarter_after_the_last_number_at_most(
    numbers: list[float], passed: float, cost: float, silent: float
) -> None:
    best = sample_of(numbers).best(passed, cost, 1, silent)
    assert best is None or passed < best.at <= max(numbers) * 1.2500001


def test_fewer_silent_tasks_are_polled_later() -> None:
    numbers = [1 + n / 10 for n in range(100)]
    polls = [sample_of(numbers).best(0, 0.01, 1, silent) for silent in (0.5, 0.1, 0.01)]
    ats = [best.at for best in polls if best]
    assert ats == sorted(set(ats))
    assert len(ats) == 3
