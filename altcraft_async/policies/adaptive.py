"""`Adaptive`: poll when the task is likely to be over, and learn how likely that was."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence

from altcraft_async.models.validation import checked_positive
from altcraft_async.policies.base import FinishedTask, PollState
from altcraft_async.policies.progress import even_bracket, even_end, own_moment
from altcraft_async.policies.samples import Moment, Sample

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
_ENOUGH_TO_BEGIN = 32  # durations before they time the first poll
_TARGETS = 4096  # whose last duration is remembered

# Deciles of a belief no further apart than this leave the others unasked.
_NARROW = 1.5

# Without a word from the server a poll is worth less, as it only says "not
# yet". With this, tasks that show nothing take fewer polls than pauses of a
# quarter of the time waited would, and are known as soon.
_BLIND_COST = 1.8

# A poll comes up to so much of the way to the soonest end earlier: else nothing
# would be learned of what lies there. In simulation, noisy bars take a twentieth
# more polls for that and are known a fifth sooner.
_EXPLORATION = 0.35

# How far behind the soonest end a pause may reach that is longer than the time
# waited, and how many times the time waited it may reach in all. An even bar
# takes 3.9 polls with eight times; 3.4 without any bound, 6.5 with twice.
_BEHIND_SOONEST = 1.1
_FAR, _NEAR = 8.0, 2.0

# By how much of the time between two polls a guessed end is blurred: guesses
# made from guesses draw together otherwise, whatever the tasks do.
_BLUR = 0.2
_DOUBTED = 24  # one guess in so many is blurred even if it agrees with an even bar

# Multiples of these, without their whole parts, spread evenly over a square: in
# place of chance, so that a policy is a function of what it was told. They are
# the inverse and the inverse square of the plastic number.
_EVEN_SPREAD = (0.7548776662466927, 0.5698402909980532)

_LEAST_STEP = 0.02  # of the time waited


class Adaptive:
    """Times each poll by what the task showed and by how finished ones went.

    With a whole percent ``p`` after ``t`` seconds, even progress would end at
    about ``t * 100 / p``. FinishedTask tasks tell how much later or earlier tasks
    like this one really ended, how long tasks take, and how long this target
    took before; the narrowest of these beliefs times the poll. Until enough
    tasks have finished, the task's own bar does, and without progress the
    pause is a share of the time waited.

    A belief may be wrong and has to stay harmless: no pause is longer than the
    time waited so far, unless the bar moves and two of its moves, or enough
    finished tasks, confirm that the end is further away; then it is at most
    twice, or with finished tasks seven times, as long.

    Its memory is bounded, some 1.6 megabytes at most, and belongs to the
    client that it was given to; give each client its own.
    """

    __slots__ = (
        "_by_cell",
        "_durations",
        "_guesses",
        "_last_durations",
        "_repeats",
        "blind",
        "ceiling",
        "first",
        "poll_cost",
    )

    def __init__(
        self,
        *,
        first: float = 0.5,
        poll_cost: float = 0.012,
        blind: float = 0.25,
        ceiling: float = 300.0,
    ) -> None:
        """Begin without memory.

        Args:
            first: Seconds to the first poll, spread over half of that, until
                finished tasks say better.
            poll_cost: What one poll is worth, as a share of a task's
                duration: with less, results are known sooner, for more polls.
            blind: Pause without usable progress, as a share of the time waited.
            ceiling: Longest pause in seconds.

        Raises:
            ConfigurationError: An argument is no positive number.
        """
        self.first = checked_positive("first", first)
        self.poll_cost = checked_positive("poll_cost", poll_cost)
        self.blind = checked_positive("blind", blind)
        self.ceiling = checked_positive("ceiling", ceiling)
        self._by_cell: dict[Hashable, Sample] = {}
        self._durations = Sample()
        self._repeats = Sample()
        self._last_durations: OrderedDict[Hashable, float] = OrderedDict()
        self._guesses = 0

    def __repr__(self) -> str:
        """Show the settings."""
        return (
            f"Adaptive(first={self.first:g}, poll_cost={self.poll_cost:g}, "
            f"blind={self.blind:g}, ceiling={self.ceiling:g})"
        )

    def next_poll(self, seen: PollState) -> float:
        """Return the pause after which a poll is most worth its cost."""
        waited = seen.waited
        # A poll once, as at a task that is attached, may say nothing and leaves many in step.
        at_once = seen.polls == 1 and waited < self.first / 2 and seen.progress <= 0
        if seen.polls == 0 or at_once:
            return min(self._first_moment(seen), self.ceiling) * (1 - 0.5 * seen.chance)
        moment = self._learned_moment(seen) or own_moment(seen, self.poll_cost, self.blind)
        return min(max(moment, waited * (1 + _LEAST_STEP)) - waited, self.ceiling)

    def learn(self, finished: FinishedTask) -> None:
        """Take note of how a task went."""
        duration = self._duration_of(finished)
        self._durations.add(duration)
        if finished.target is not None:
            self._note_target((finished.kind, finished.target), duration)
        later = len(finished.polls)
        for waited, progress, earlier in _steps(finished.polls):
            later -= 1
            for cell in _cells(waited, progress, earlier):
                sample = self._by_cell.setdefault(cell, Sample())
                sample.add(duration / even_end(waited, progress))
                if later:
                    sample.add_later_polls(later)
            if later:
                self._durations.add_later_polls(later)

    def _first_moment(self, seen: PollState) -> float:
        repeat = self._repeat_of(seen)
        if repeat is not None:
            moment, last = repeat
            soonest = moment.soonest if moment.is_firm else self._repeats.lowest() / 2
            return last * min(moment.at, soonest)
        if len(self._durations) >= _ENOUGH_TO_BEGIN:
            return self._durations.lowest()
        return self.first

    def _learned_moment(self, seen: PollState) -> float | None:
        """Return when to poll by the narrowest belief; ``None`` where none is believed."""
        best = self._cell_of(seen)
        if best is None or best[0].spread > _NARROW:
            for other in (self._duration_of_any(seen), self._repeat_of(seen)):
                if other and (best is None or other[0].spread < best[0].spread):
                    best = other
        if best is None:
            return None
        waited, (moment, scale) = seen.waited, best
        at, soonest = moment.at * scale, moment.soonest * scale
        at -= max(at - soonest, 0.0) * _EXPLORATION * seen.chance
        furthest = _NEAR * waited
        if moment.is_firm and seen.progress > 0:
            even = even_end(waited, seen.progress)
            furthest = max(furthest, min(soonest * _BEHIND_SOONEST, even, _FAR * waited))
        return min(at, furthest)

    def _duration_of_any(self, seen: PollState) -> tuple[Moment, float] | None:
        """Return the belief of how long tasks take, whatever they show."""
        if len(self._durations) < _ENOUGH_DURATIONS:
            return None
        cost = self.poll_cost * _BLIND_COST
        moment = self._durations.best(seen.waited, cost, _ENOUGH_DURATIONS_BEYOND)
        return moment and (moment, 1.0)

    def _cell_of(self, seen: PollState) -> tuple[Moment, float] | None:
        """Return the belief of tasks that looked like this one, and its scale."""
        even = even_end(seen.waited, seen.progress)
        if even <= 0:
            return None
        earlier = (seen.earlier_waited, seen.earlier_progress)
        for cell in _cells(seen.waited, seen.progress, earlier):
            sample = self._by_cell.get(cell)
            if sample is not None and len(sample) >= _ENOUGH:
                moment = sample.best(seen.waited / even, self.poll_cost, _ENOUGH_BEYOND)
                if moment:
                    return moment, even
        return None

    def _repeat_of(self, seen: PollState) -> tuple[Moment, float] | None:
        """Return the belief of how long this target takes compared with the last time."""
        last = self._last_durations.get((seen.kind, seen.target))
        if last is None or seen.target is None:
            return None
        moment = self._repeats.best(
            seen.waited / last, self.poll_cost * _BLIND_COST, _ENOUGH_DURATIONS_BEYOND
        )
        return moment and (moment, last)

    def _duration_of(self, finished: FinishedTask) -> float:
        """Guess how long a task took, which lies between two polls.

        What tasks like it did says where in between; any of that is taken,
        not the middle, so that what is learned keeps its spread.
        """
        self._guesses += 1
        rank, shift = (self._guesses * stride % 1 for stride in _EVEN_SPREAD)
        over = max(finished.seconds, _TINY)
        if not finished.polls:
            return self._durations.between(0, over, rank) or over * 0.7
        *_, step = _steps(finished.polls)
        waited, progress, _ = step
        soonest, latest = even_bracket(waited, progress)
        low, high = max(waited, soonest), min(over, latest)
        guess = self._learned_end(step, over, rank)
        if guess is not None:
            # As near to even progress as whole percents can tell; but not always
            # believed, or bars that only poll even would never be found out.
            if (
                self._guesses % _DOUBTED
                and abs(guess - even_end(waited, progress)) < latest - soonest
            ):
                return guess
            blur = _BLUR * (over - waited)
            low, high = max(waited, guess - blur), min(over, guess + blur)
        elif low >= high:  # even progress is not possible
            low, high = waited, over
        return low + (high - low) * shift

    def _learned_end(self, step: _Step, over: float, rank: float) -> float | None:
        """Return when one of the tasks that looked like this one ended, ``over`` at the latest."""
        waited, progress, _ = step
        even = even_end(waited, progress)
        for cell in _cells(*step):
            sample = self._by_cell.get(cell)
            if sample is not None and len(sample) >= _ENOUGH // 2:
                ratio = sample.between(waited / even, over / even, rank)
                if ratio is not None:
                    return ratio * even
        return None

    def _note_target(self, target: Hashable, duration: float) -> None:
        last = self._last_durations.pop(target, None)
        if last is not None:
            self._repeats.add(duration / last)
        self._last_durations[target] = duration
        if len(self._last_durations) > _TARGETS:
            self._last_durations.popitem(last=False)


_TINY = 1e-3  # seconds, so that nothing is divided by zero

_Poll = tuple[float, int]
_Step = tuple[float, int, _Poll]


def _cells(waited: float, progress: int, earlier: _Poll) -> tuple[Hashable, Hashable]:
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


def _steps(polls: Sequence[_Poll]) -> Iterator[_Step]:
    """Iterate over polls, each with the one that had moved the progress before it."""
    newest = (0.0, 0)
    for waited, progress in polls:
        earlier = newest
        if progress > newest[1]:
            newest = (waited, progress)
        yield max(waited, _TINY), progress, earlier
