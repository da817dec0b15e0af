"""Bounded samples of past tasks, and the best moment to poll for the next end.

The numbers of one sample are on one scale: durations in seconds, or durations
as multiples of some prediction. When to poll weighs what a poll costs against
knowing late, which is the newsvendor's problem: too early costs another poll,
too late costs the share of the duration that one did not know.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

__all__ = ["Moment", "Sample"]

CAPACITY = 128
"""Numbers in a sample; the oldest are overwritten. With twice as many the polls fell by 1 %."""

# A choice costs some ten microseconds, so choices are kept until a quarter of
# the numbers they were made from is new.
_RENEWAL = 0.25


class Moment(NamedTuple):
    """Where to poll, on the sample's scale.

    Attributes:
        at: The number at which to poll.
        soonest: The second percentile of the numbers that are still possible.
        spread: The ninth decile of what is still possible over the first one.
        is_firm: Whether there are enough numbers to rely on ``soonest``.
    """

    at: float
    soonest: float
    spread: float
    is_firm: bool


class Sample:
    """Positive numbers, and the choices made from them, which are remembered."""

    __slots__ = ("_choices", "_later_polls", "_numbers", "_sorted", "_taken", "_taken_when_sorted")

    def __init__(self) -> None:
        """Begin empty."""
        self._numbers: list[float] = []
        self._taken = 0
        self._taken_when_sorted = 0
        self._sorted: list[float] = []
        self._choices: dict[int, Moment] = {}
        self._later_polls = 2.0

    def __len__(self) -> int:
        """Return how many numbers there are."""
        return len(self._numbers)

    def add(self, number: float) -> None:
        """Take in a number, in place of the oldest where there are enough."""
        if len(self._numbers) < CAPACITY:
            self._numbers.append(number)
        else:
            self._numbers[self._taken % CAPACITY] = number
        self._taken += 1
        new = self._taken - self._taken_when_sorted
        # One as low as the lowest counts at once: ends can come sooner than was chosen for.
        if (
            new > _RENEWAL * len(self._sorted)
            or number < self._sorted[len(self._sorted) // _SOONEST]
        ):
            self._sorted = []

    def add_later_polls(self, polls: int) -> None:
        """Take in how many polls still followed one that was timed from here."""
        self._later_polls += 0.03 * (polls - self._later_polls)

    def lowest(self) -> float:
        """Return the first percentile."""
        return self._in_order()[len(self._numbers) // 100]

    def between(self, low: float, high: float, rank: float) -> float | None:
        """Return one of the numbers above ``low`` up to ``high``, by its rank from 0 to 1."""
        numbers = self._in_order()
        first, last = bisect_right(numbers, low), bisect_right(numbers, high)
        return numbers[first + int((last - first) * rank)] if last > first else None

    def best(self, passed: float, poll_cost: float, at_least: int) -> Moment | None:
        """Return where to poll, given that the end lies beyond ``passed``.

        ``None`` where fewer than ``at_least`` numbers do.
        """
        numbers = self._in_order()
        first = bisect_right(numbers, passed)
        if len(numbers) - first < at_least:
            return None
        if first not in self._choices:
            self._choices[first] = self._choose(numbers[first:], poll_cost)
        return self._choices[first]

    def _in_order(self) -> list[float]:
        if not self._sorted:
            self._sorted = sorted(self._numbers)
            self._taken_when_sorted = self._taken
            self._choices = {}
        return self._sorted

    def _choose(self, possible: list[float], poll_cost: float) -> Moment:
        """Minimise the expected lateness, as a share of the number, plus the cost of more polls.

        A poll that comes too early costs itself and what follows; half of
        itself is taken off for the news that it brings.
        """
        count = len(possible)
        too_early = poll_cost * (0.5 + min(self._later_polls, _MOST_LATER_POLLS))
        inverses = accumulate([1 / number for number in possible])
        costs = [
            number * inverse - rank + (count - rank) * too_early
            for rank, number, inverse in zip(range(1, count + 1), possible, inverses, strict=True)
        ]
        decile = count // 10
        return Moment(
            # Just behind the number, so that an end just there is found.
            at=possible[costs.index(min(costs))] * 1.002,
            soonest=possible[count // _SOONEST],
            spread=possible[count - 1 - decile] / possible[decile],
            is_firm=count >= _FIRM_COUNT,
        )


# Beyond these a poll that comes too early would be feared more than it costs.
_MOST_LATER_POLLS = 10.0
_FIRM_COUNT = 32
_SOONEST = 50  # one number in so many may be an error
