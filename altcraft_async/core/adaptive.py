"""`Adaptive`: look when the task is likely to be over, and learn how likely that was."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence

from altcraft_async.core.checks import checked_positive
from altcraft_async.core.forecast import Moment, Sample
from altcraft_async.core.pacing import Finished, Seen

__all__ = ["Adaptive"]

# A task is told apart by its progress and by how fast the progress moved of
# late, compared with its average; these are the borders between the cells.
_PROGRESS = (1, 2, 4, 7, 11, 16, 22, 30, 40, 50, 60, 70, 80, 88, 94, 98, 101)
_SPEED = (0.35, 0.8, 1.25, 1.9)
_NO_PROGRESS, _FIRST_PROGRESS = -1, 9

_ENOUGH = 16  # numbers in a cell before it is believed
_ENOUGH_BEYOND = 6  # of them beyond the time waited
_ENOUGH_DURATIONS = 64
_ENOUGH_DURATIONS_BEYOND = 12
_ENOUGH_TO_BEGIN = 32  # durations before they time the first look
_TARGETS = 4096  # whose last duration is remembered

# Deciles of a belief no further apart than this leave the others unasked.
_NARROW = 1.5

# Without a word from the server a look is worth less, as it only says "not yet".
_BLIND_COST = 0.6

# Of a pause, left to chance: too little to matter, enough to keep learning
# how long before its look a task was over.
_EXPLORATION = 0.03

# Of the bracket that even progress puts around the end.
_SLACK = 0.05
_AGREEMENT = 0.15
_LEAST_STEP = 0.02

_GOLDEN = 0.6180339887498949


class Adaptive:
    """Times each look by what the task showed and by how finished ones went.

    With a whole percent ``p`` after ``t`` seconds, even progress would end
    between ``t * 100 / (p + 1)`` and ``t * 100 / p``. Finished tasks tell how
    much later or earlier tasks like this one really ended, how long tasks
    take, and how long this target took before; the narrowest of these beliefs
    times the look. Until enough tasks have finished, progress is taken as
    even, and without progress the pause is a share of the time waited. Unless
    a belief is sure, no pause is longer than the time waited so far, which
    keeps a wrong one harmless.

    Its memory is bounded, about a megabyte at most, and belongs to the
    client that it was given to; give each client its own.
    """

    __slots__ = (
        "_by_cell",
        "_draws",
        "_durations",
        "_last_durations",
        "_repeats",
        "blind",
        "ceiling",
        "first",
        "look_cost",
    )

    def __init__(
        self,
        *,
        first: float = 0.5,
        look_cost: float = 0.012,
        blind: float = 0.25,
        ceiling: float = 300.0,
    ) -> None:
        """Begin without memory.

        Args:
            first: Seconds to the first look, spread over half of that, until
                finished tasks say better.
            look_cost: What one look is worth, as a share of a task's
                duration: with less, results are known sooner, for more looks.
            blind: Pause without usable progress, as a share of the time waited.
            ceiling: Longest pause in seconds.

        Raises:
            ConfigurationError: An argument is no positive number.
        """
        self.first = checked_positive("first", first)
        self.look_cost = checked_positive("look_cost", look_cost)
        self.blind = checked_positive("blind", blind)
        self.ceiling = checked_positive("ceiling", ceiling)
        self._by_cell: dict[Hashable, Sample] = {}
        self._durations = Sample()
        self._repeats = Sample()
        self._last_durations: OrderedDict[Hashable, float] = OrderedDict()
        self._draws = 0.0

    def __repr__(self) -> str:
        """Show the settings."""
        return (
            f"Adaptive(first={self.first:g}, look_cost={self.look_cost:g}, "
            f"blind={self.blind:g}, ceiling={self.ceiling:g})"
        )

    def next_look(self, seen: Seen) -> float:
        """Return the pause after which a look is most worth its cost."""
        if seen.looks == 0:
            return min(self._first_moment(seen), self.ceiling) * (1 - 0.5 * seen.chance)
        waited = seen.waited
        moment = self._learned_moment(seen) or self._bracket_moment(seen)
        moment -= (moment - waited) * _EXPLORATION * seen.chance
        return min(max(moment, waited * (1 + _LEAST_STEP)) - waited, self.ceiling)

    def learn(self, finished: Finished) -> None:
        """Take note of how a task went."""
        duration = self._duration_of(finished)
        self._durations.add(duration)
        if finished.target is not None:
            self._note_target((finished.kind, finished.target), duration)
        later = len(finished.looks)
        for waited, progress, earlier in _steps(finished.looks):
            later -= 1
            for cell in _cells(waited, progress, earlier):
                sample = self._by_cell.setdefault(cell, Sample())
                sample.add(duration / _predicted(waited, progress))
                if later:
                    sample.add_later_looks(later)
            if later:
                self._durations.add_later_looks(later)

    def _first_moment(self, seen: Seen) -> float:
        repeat = self._repeat_of(seen)
        if repeat is not None:
            moment, last = repeat
            return last * (moment.at if moment.is_sure else self._repeats.lowest() / 2)
        if len(self._durations) >= _ENOUGH_TO_BEGIN:
            return self._durations.lowest() / 2
        return self.first

    def _learned_moment(self, seen: Seen) -> float | None:
        """Return when to look by the narrowest belief; ``None`` where none is believed."""
        best = self._cell_of(seen)
        if best is None or best[0].spread > _NARROW:
            beliefs = (best, self._duration_of_any(seen), self._repeat_of(seen))
            best = min(filter(None, beliefs), key=lambda belief: belief[0].spread, default=None)
        if best is None:
            return None
        moment = best[0].at * best[1]
        return moment if best[0].is_sure else min(moment, 2 * seen.waited)

    def _duration_of_any(self, seen: Seen) -> tuple[Moment, float] | None:
        """Return the belief of how long tasks take, whatever they show."""
        if len(self._durations) < _ENOUGH_DURATIONS:
            return None
        cost = self.look_cost * _BLIND_COST
        moment = self._durations.best(seen.waited, cost, _ENOUGH_DURATIONS_BEYOND)
        return moment and (moment, 1.0)

    def _cell_of(self, seen: Seen) -> tuple[Moment, float] | None:
        """Return the belief of tasks that looked like this one, and its scale."""
        predicted = _predicted(seen.waited, seen.progress)
        if predicted <= 0:
            return None
        earlier = (seen.earlier_waited, seen.earlier_progress)
        for cell in _cells(seen.waited, seen.progress, earlier):
            sample = self._by_cell.get(cell)
            if sample is not None and len(sample) >= _ENOUGH:
                moment = sample.best(seen.waited / predicted, self.look_cost, _ENOUGH_BEYOND)
                if moment:
                    return moment, predicted
        return None

    def _repeat_of(self, seen: Seen) -> tuple[Moment, float] | None:
        """Return the belief of how long this target takes compared with the last time."""
        last = self._last_durations.get((seen.kind, seen.target))
        if last is None or seen.target is None:
            return None
        moment = self._repeats.best(
            seen.waited / last, self.look_cost * _BLIND_COST, _ENOUGH_DURATIONS_BEYOND
        )
        return moment and (moment, last)

    def _bracket_moment(self, seen: Seen) -> float:
        """Return when to look if the progress is even, or by the time waited if it says nothing."""
        waited, progress = seen.waited, seen.progress
        if progress <= 0 or progress <= seen.earlier_progress:
            return waited * (1 + self.blind)
        agrees = _agrees(seen)
        # Trusted less while it has spoken only once, and less far from its end.
        slack = _SLACK * (1 - progress / 100) if agrees else _SLACK
        soonest = max(waited, waited * 100 / (progress + 1) * (1 - slack))
        latest = max(soonest, waited * 100 / progress * (1 + slack))
        early = math.sqrt(self.look_cost * (latest - soonest) * soonest)
        moment = latest if early > (latest - soonest) / 2 else soonest + early
        return moment if agrees else min(moment, 2 * waited)

    def _duration_of(self, finished: Finished) -> float:
        """Estimate how long a task took, which lies between two looks.

        What tasks like it did says where in between; any of that is taken,
        not the middle, so that what is learned keeps its spread.
        """
        self._draws = (self._draws + _GOLDEN) % 1
        over = max(finished.seconds, _TINY)
        if not finished.looks:
            return self._durations.between(0, over, self._draws) or over * 0.7
        *_, (waited, progress, earlier) = _steps(finished.looks)
        predicted = _predicted(waited, progress)
        for cell in _cells(waited, progress, earlier):
            sample = self._by_cell.get(cell)
            if sample is not None and len(sample) >= _ENOUGH // 2:
                ratio = sample.between(waited / predicted, over / predicted, self._draws)
                if ratio is not None:
                    return ratio * predicted
        low, high = waited, over
        if progress > 0:  # narrower, if even progress is possible at all
            even = (waited * 100 / (progress + 1), min(waited * 100 / progress, over))
            low, high = (max(even[0], low), even[1]) if max(even[0], low) < even[1] else (low, high)
        return low + (high - low) * self._draws

    def _note_target(self, target: Hashable, duration: float) -> None:
        last = self._last_durations.pop(target, None)
        if last is not None:
            self._repeats.add(duration / last)
        self._last_durations[target] = duration
        if len(self._last_durations) > _TARGETS:
            self._last_durations.popitem(last=False)


_TINY = 1e-3  # seconds, so that nothing is divided by zero

_Step = tuple[float, int]


def _predicted(waited: float, progress: int) -> float:
    """Return when even progress would end; the half stands for what whole percents hide."""
    return waited * 100 / (progress + 0.5)


def _agrees(seen: Seen) -> bool:
    """Tell whether this look and the one that moved the progress before predict about the same."""
    if seen.earlier_progress <= 0:
        return False
    before = _predicted(seen.earlier_waited, seen.earlier_progress)
    return abs(_predicted(seen.waited, seen.progress) - before) < _AGREEMENT * before


def _cells(waited: float, progress: int, earlier: _Step) -> tuple[Hashable, Hashable]:
    """Return the cell of a task by progress and speed, and the wider one by progress alone."""
    by_progress = bisect_right(_PROGRESS, progress)
    if progress <= 0:
        speed = _NO_PROGRESS
    elif earlier[0] <= 0 or waited <= earlier[0]:
        speed = _FIRST_PROGRESS
    else:
        recent = (progress - earlier[1]) / (waited - earlier[0])
        speed = bisect_right(_SPEED, recent / (progress / waited))
    return (by_progress, speed), by_progress


def _steps(looks: Sequence[_Step]) -> Iterator[tuple[float, int, _Step]]:
    """Iterate over looks, each with the one that had moved the progress before it."""
    newest = (0.0, 0)
    for waited, progress in looks:
        earlier = newest
        if progress > newest[1]:
            newest = (waited, progress)
        yield max(waited, _TINY), progress, earlier
