"""ReadSample of past tasks, and the best moment to poll."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.policies.samples import CAPACITY, Sample

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
    """However many numbers come, so many are kept."""
    assert len(sample_of(numbers)) == min(len(numbers), CAPACITY)


@CORE
@given(NUMBERS, st.floats(0, 1e6), st.floats(1e-4, 1))
def test_moment_is_beyond_what_passed_and_within_what_is_possible(
    numbers: list[float], passed: float, cost: float
) -> None:
    """The best moment is at a number that is still possible, or there is none."""
    moment = sample_of(numbers).best(passed, cost, 1)
    if moment is not None:
        assert passed < moment.earliest
        assert passed < moment.at <= max(numbers) * 1.003
        assert moment.spread >= 1
    else:
        assert all(number <= passed for number in numbers[-CAPACITY:])


def test_cheaper_polls_come_sooner() -> None:
    """The less a poll costs, the sooner it is worth it."""
    numbers = [1 + n / 100 for n in range(100)]
    moments = [sample_of(numbers).best(0, cost, 1) for cost in (0.001, 0.01, 0.1)]
    ats = [moment.at for moment in moments if moment]
    assert ats == sorted(set(ats))
    assert len(ats) == 3


def test_few_numbers_do_not_make_the_soonest_end_firm() -> None:
    """What was the soonest of 31 may well be beaten, of 32 it counts."""
    few, enough = (sample_of([2.0] * count).best(1, 0.01, 1) for count in (31, 32))
    assert few is not None
    assert enough is not None
    assert (few.is_reliable, enough.is_reliable) == (False, True)


def test_ends_sooner_than_all_before_are_heeded_at_once() -> None:
    """Choices are kept for a while, but not if they rule out what has just happened."""
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
def test_number_between_two_is_one_of_those(
    numbers: list[float], low: float, high: float, rank: float
) -> None:
    """A number is found between two others where there is one, and only there."""
    found = sample_of(numbers).between(low, high, rank)
    there = [number for number in numbers[-CAPACITY:] if low < number <= high]
    assert (found in there) if there else (found is None)
