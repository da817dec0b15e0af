"""Bounded samples of past tasks, and the best time for the next poll.

The numbers of one sample have one unit: durations in seconds, or durations as
multiples of a prediction. The best time to poll weighs the cost of a poll against
lateness, which is the newsvendor problem: a poll that is too early costs another
one, a poll that is too late costs the share of the duration that it is late.

A full sample spans one generation of tasks, see `Generations`.

A choice costs some ten microseconds, so choices are kept until a quarter of the
numbers that they were made from is new. No clock and no randomness here.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

__all__ = ["Generations", "PollTime", "Sample"]

CAPACITY = 128
"""Numbers in a sample. Twice as many save 1 % of the polls."""

_RENEWAL = 0.25  # share of new numbers after which choices are made again
_MOST_LATER_POLLS = 10.0  # more would overrate the cost of a poll that is too early
_RELIABLE_COUNT = 32
_EARLIEST = 50  # one number in so many may be an error
_LATE = 1.25  # times the expected end at which a silent task is polled at the latest

# A poll that only guards against a lost call counts so many times. In simulation with known
# targets and a tenth of the calls lost, tasks take 1.8 polls at 2.2 % with 2, 1.5 at 2.6 % with 3.
_GUARD = 3.0


class PollTime(NamedTuple):
    """When to poll, in the unit of the sample.

    Attributes:
        at: When to poll.
        earliest: The second percentile of the numbers that are still possible.
        spread: The ninth decile of what is still possible, divided by the first.
        is_reliable: Whether there are enough numbers to rely on ``earliest``.
    """

    at: float
    earliest: float
    spread: float
    is_reliable: bool


class Generations:
    """Counts generations of tasks: each has as many tasks as were in flight at once.

    Of tasks that started together the longest end last, so a sample of the newest 128 would
    hold only those. A full sample therefore takes 128 numbers of each generation.

    Attributes:
        number: Of the present generation.
        tasks: Tasks that have ended, of all generations.
    """

    __slots__ = ("_ended", "_last", "_peak", "number", "tasks")

    def __init__(self) -> None:
        """Begin with one task in flight."""
        self.number = 0
        self.tasks = 0
        self._ended = 0  # tasks of the present generation that are over
        self._peak = 1  # most tasks in flight in it
        self._last = 1  # tasks in the generation before it

    @property
    def size(self) -> int:
        """The tasks in a generation."""
        return max(self._last, self._peak)

    def ended(self, in_flight: int) -> None:
        """Note a task that ended while so many others ran."""
        if self._ended >= self._peak:
            self._last, self._peak, self._ended = self._peak, 1, 0
            self.number += 1
        self.tasks += 1
        self._ended += 1
        self._peak = max(self._peak, in_flight + 1)


class Sample:
    """Positive numbers, and the choices made from them."""

    __slots__ = (
        "_added",
        "_added_when_sorted",
        "_choices",
        "_generation",
        "_later_polls",
        "_numbers",
        "_of_tasks",
        "_offered",
        "_offered_at",
        "_owed",
        "_sorted",
    )

    def __init__(self) -> None:
        """Start empty."""
        self._numbers: list[float] = []
        self._offered = 0.0  # numbers of late, and
        self._of_tasks = 0.0  # tasks that ended meanwhile
        self._offered_at: int | None = None  # in tasks
        self._generation = 0
        self._owed = 0.0
        self._added = 0
        self._added_when_sorted = 0
        self._sorted: list[float] = []
        self._choices: dict[tuple[int, float], PollTime] = {}
        self._later_polls = 2.0

    def __len__(self) -> int:
        """Return how many numbers there are."""
        return len(self._numbers)

    def add(self, number: float, generations: Generations | None = None) -> bool:
        """Add a number, in place of the oldest if the sample is full; return whether it was taken.

        A full sample takes `CAPACITY` of the numbers that it is offered in a generation.
        """
        share = 1.0 if generations is None else self._share(generations)
        if len(self._numbers) < CAPACITY:
            self._numbers.append(number)
        else:
            self._owed += share
            if self._owed < 1:
                return False
            self._owed -= 1
            self._numbers[self._added % CAPACITY] = number
        self._added += 1
        new = self._added - self._added_when_sorted
        # One as low as the lowest counts at once: it is an end that a kept choice would miss.
        if (
            new > _RENEWAL * len(self._sorted)
            or number < self._sorted[len(self._sorted) // _EARLIEST]
        ):
            self._sorted = []
        return True

    def add_later_polls(self, polls: int) -> None:
        """Note how many polls followed one whose time came from this sample."""
        self._later_polls += 0.03 * (polls - self._later_polls)

    def lowest(self) -> float:
        """Return the first percentile."""
        return self._in_order()[len(self._numbers) // 100]

    def between(self, low: float, high: float, rank: float) -> float | None:
        """Return one of the numbers above ``low`` up to ``high``, by its rank from 0 to 1."""
        numbers = self._in_order()
        first, last = bisect_right(numbers, low), bisect_right(numbers, high)
        return numbers[first + int((last - first) * rank)] if last > first else None

    def best(
        self, passed: float, poll_cost: float, at_least: int, silent: float = 1.0
    ) -> PollTime | None:
        """Return when to poll, given that the end lies beyond ``passed``.

        ``None`` if fewer than ``at_least`` numbers do.

        Args:
            passed: Time waited.
            poll_cost: What one poll costs, as a share of the number.
            at_least: Numbers needed.
            silent: Share of the tasks whose end only a poll finds.
        """
        numbers = self._in_order()
        first = bisect_right(numbers, passed)
        if len(numbers) - first < at_least:
            return None
        key = first, silent
        if key not in self._choices:
            self._choices[key] = self._choose(numbers[first:], poll_cost, silent)
        return self._choices[key]

    def _share(self, generations: Generations) -> float:
        """Return the share of the numbers to take, as not every task has one for this sample."""
        if self._generation != generations.number:
            self._generation = generations.number
            self._offered /= 2
            self._of_tasks /= 2
        self._offered += 1
        self._of_tasks += generations.tasks - (self._offered_at or generations.tasks - 1)
        self._offered_at = generations.tasks
        in_generation = generations.size * self._offered / self._of_tasks
        return CAPACITY / max(CAPACITY, in_generation)

    def _in_order(self) -> list[float]:
        if not self._sorted:
            self._sorted = sorted(self._numbers)
            self._added_when_sorted = self._added
            self._choices = {}
        return self._sorted

    def _choose(self, possible: list[float], poll_cost: float, silent: float) -> PollTime:
        """Minimise the expected lateness, as a share of the number, plus the cost of more polls.

        A poll that is too early costs itself and the polls after it, less half
        of itself for what it tells.
        """
        count = len(possible)
        if silent < 1:
            poll_cost *= _GUARD / silent
        too_early = poll_cost * (0.5 + min(self._later_polls, _MOST_LATER_POLLS))
        inverses = accumulate([1 / number for number in possible])
        costs = [
            number * inverse - rank + (count - rank) * too_early
            for rank, number, inverse in zip(range(1, count + 1), possible, inverses, strict=True)
        ]
        decile = count // 10
        # Just behind the number, so that an end just there is found.
        at = possible[costs.index(min(costs))] * 1.002
        return PollTime(
            at=at if silent == 1 else min(at, _quarter_late(possible, silent)),
            earliest=possible[count // _EARLIEST],
            spread=possible[count - 1 - decile] / possible[decile],
            is_reliable=count >= _RELIABLE_COUNT,
        )


def _quarter_late(possible: list[float], silent: float) -> float:
    """Return when a task that is silent so far is a quarter later than it is expected to end.

    The numbers that are over count by the share that ends in silence, because the
    others would have been heard of.
    """
    ahead, over = sum(possible), 0.0
    count = len(possible)
    for rank, number in enumerate(possible):
        expected = (ahead + silent * over) / (count - rank + silent * rank)
        if _LATE * expected < number:
            return max(_LATE * expected, possible[rank - 1])
        ahead -= number
        over += number
    return _LATE * over / count
