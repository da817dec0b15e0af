"""`Adaptive`: polls when a task is likely to be over, and learns from finished tasks.

A poll has a cost, and so has lateness: the seconds between the end of a task and
the poll that finds it. Both are counted as shares of the task's duration. The
policy plans each poll for the time at which their expected sum is smallest, given
an estimate of when the task ends. There are three estimates, each from a sample
of past numbers (`samples`):

- By group. With ``p`` percent after ``t`` seconds, linear progress ends at about
  ``t * 100 / p``. Tasks with similar progress, which moved at a similar speed of late,
  ended at some multiple of that.
- By duration: how long all tasks took.
- By target: how long tasks took, as a multiple of the last duration of their target.

The group is asked first, and the others if its estimate is wide; the narrowest
counts. Without enough finished tasks for any of them, the task's own progress
decides (`progress`). Without progress the delay is a share of the time waited.

An estimate may be wrong and has to stay harmless. So no delay is longer than the
time waited, unless progress and enough finished tasks confirm that the end is
further away; then it is seven times as long at most. Polls also come a little early
at random, because otherwise nothing would be learned about earlier ends.

Where the platform calls at the end of a task, the call makes the poll, and a planned
poll only bounds what a lost call costs. Lateness then counts by the share of calls
that get lost, and the poll comes a quarter later than the end is expected at most.

The duration of a finished task is unknown as well: it ended between two polls.
`Adaptive.learn` takes a time between them at which a similar task ended or linear
progress would end, and blurs it a little, as values derived from derived values
would converge whatever the tasks do. In place of random numbers it uses an evenly
spread sequence. So the policy is a function of what it was told, and has neither
a clock nor randomness of its own.

While more tasks are in flight than a sample holds numbers, it takes numbers evenly from
one generation of tasks (`Generations`). Otherwise a burst of tasks would teach only how
its longest ones went, because they end last.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence

from altcraft_async.models.representation import at_any_moment
from altcraft_async.models.validation import checked_positive
from altcraft_async.policies.base import FinishedTask, PollState
from altcraft_async.policies.progress import linear_end, linear_range, poll_at
from altcraft_async.policies.samples import Generations, PollTime, Sample

__all__ = ["Adaptive"]

# Limits between the groups: of the progress, and of its recent speed as a multiple of its average.
_PROGRESS = (1, 2, 4, 7, 11, 16, 22, 30, 40, 50, 60, 70, 80, 88, 94, 98, 101)
_SPEED = (0.35, 0.8, 1.25, 1.9)
_NO_PROGRESS, _FIRST_PROGRESS = -1, 9

_ENOUGH = 16  # numbers of a group before it is used
_ENOUGH_BEYOND = 6  # of them beyond the time waited
_ENOUGH_DURATIONS = 64
_ENOUGH_DURATIONS_BEYOND = 12
_ENOUGH_TO_BEGIN = 32  # durations before they decide the first poll
_TARGETS = 4096  # whose last duration is remembered

# A group whose spread is at most this is used without asking for the other estimates.
_NARROW = 1.5

# Without progress a poll is worth less, as it only says "not yet". At this cost, tasks
# without progress take fewer polls than delays of a quarter of the time waited, and are
# found as soon.
_BLIND_COST = 1.8

# A poll comes up to this share of the way to the earliest end earlier, or nothing would be
# learned about what lies there. In simulation, tasks with noisy progress take a twentieth
# more polls for that and are found a fifth sooner.
_EXPLORATION = 0.35

# A delay longer than the time waited may reach so many times the earliest end, and the poll
# may come at so many times the time waited. Linear progress takes 3.9 polls with eight
# times; 3.4 without any bound, 6.5 with twice.
_BEHIND_EARLIEST = 1.1
_FAR, _NEAR = 8.0, 2.0

# A derived end is blurred by this share of the time between the two polls.
_BLUR = 0.2
_ALWAYS_BLURRED = 24  # one end in so many is blurred even if it agrees with linear progress

# Multiples of these, without their whole parts, spread evenly over a square. They are the
# inverse and the inverse square of the plastic number.
_EVEN_SPREAD = (0.7548776662466927, 0.5698402909980532)

_LEAST_STEP = 0.02  # of the time waited
_TINY = 1e-3  # seconds, so that nothing is divided by zero

_Estimate = tuple[PollTime, float]
"""When to poll, and the seconds of its unit."""

_Poll = tuple[float, int]
_Step = tuple[float, int, _Poll]


class Adaptive:
    """Plans each poll by what the task showed and by how finished tasks went.

    Finished tasks tell how much later or earlier than linear progress predicts
    tasks like this one ended, how long tasks take, and how long this target took
    before. The narrowest of these estimates decides. Until enough tasks have
    finished, the task's own progress does, and without progress the delay is a
    share of the time waited.

    No delay is longer than the time waited so far, unless progress confirms that
    the end is further away: twice as long if two moves of the progress agree, seven
    times if enough finished tasks agree as well.

    Its memory is bounded, some 1.6 megabytes at most, and belongs to the
    client that it was given to; give each client its own.
    """

    __slots__ = (
        "_by_group",
        "_derived",
        "_durations",
        "_generations",
        "_last_durations",
        "_target_ratios",
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
        """Start without memory.

        Args:
            first: Seconds to the first poll, spread over half of that, until
                finished tasks say better.
            poll_cost: What one poll costs, as a share of a task's duration. A
                smaller one finds results sooner, with more polls.
            blind: Delay without usable progress, as a share of the time waited.
            ceiling: Longest delay in seconds.

        Raises:
            ConfigurationError: An argument is no positive number.
        """
        self.first = checked_positive("first", first)
        self.poll_cost = checked_positive("poll_cost", poll_cost)
        self.blind = checked_positive("blind", blind)
        self.ceiling = checked_positive("ceiling", ceiling)
        self._by_group: dict[Hashable, Sample] = {}
        self._durations = Sample()
        self._target_ratios = Sample()
        self._generations = Generations()
        self._last_durations: OrderedDict[Hashable, float] = OrderedDict()
        self._derived = 0

    @at_any_moment
    def __repr__(self) -> str:
        """Show the settings."""
        return (
            f"Adaptive(first={self.first:g}, poll_cost={self.poll_cost:g}, "
            f"blind={self.blind:g}, ceiling={self.ceiling:g})"
        )

    def next_poll(self, state: PollState) -> float:
        """Return the delay after which a poll is most worth its cost."""
        waited = state.waited
        if state.calls > 0 and (narrowest := self._narrowest(state)):
            best, unit = narrowest
            return min(max(best.at * unit - waited, waited * _LEAST_STEP), self.ceiling)
        # An attached task is polled at once, which may tell nothing and leaves many in step.
        at_once = state.polls == 1 and waited < self.first / 2 and state.progress <= 0
        if state.polls == 0 or at_once:
            return min(self._first_poll_at(state), self.ceiling) * (1 - 0.5 * state.chance)
        when = self._learned_poll_at(state) or poll_at(state, self.poll_cost, self.blind)
        return min(max(when, waited * (1 + _LEAST_STEP)) - waited, self.ceiling)

    def learn(self, finished: FinishedTask) -> None:
        """Note how a task went."""
        duration = self._duration_of(finished)
        self._generations.ended(finished.in_flight)
        is_taken = self._durations.add(duration, self._generations)
        if finished.target is not None:
            self._note_target((finished.kind, finished.target), duration)
        later = len(finished.polls)
        for waited, progress, earlier in _steps(finished.polls):
            later -= 1
            for group in _groups(waited, progress, earlier):
                sample = self._by_group.setdefault(group, Sample())
                ratio = duration / linear_end(waited, progress)
                if sample.add(ratio, self._generations) and later:
                    sample.add_later_polls(later)
            if is_taken and later:
                self._durations.add_later_polls(later)

    def _first_poll_at(self, state: PollState) -> float:
        estimate = self._estimate_by_target(state)
        if estimate is not None:
            best, last = estimate
            earliest = best.earliest if best.is_reliable else self._target_ratios.lowest() / 2
            return last * min(best.at, earliest)
        if len(self._durations) >= _ENOUGH_TO_BEGIN:
            return self._durations.lowest()
        return self.first

    def _learned_poll_at(self, state: PollState) -> float | None:
        """Return when to poll by the narrowest estimate; ``None`` without any."""
        narrowest = self._narrowest(state)
        if narrowest is None:
            return None
        waited, (best, unit) = state.waited, narrowest
        at, earliest = best.at * unit, best.earliest * unit
        at -= max(at - earliest, 0.0) * _EXPLORATION * state.chance
        furthest = _NEAR * waited
        if best.is_reliable and state.progress > 0:
            end = linear_end(waited, state.progress)
            furthest = max(furthest, min(earliest * _BEHIND_EARLIEST, end, _FAR * waited))
        return min(at, furthest)

    def _narrowest(self, state: PollState) -> _Estimate | None:
        narrowest = self._estimate_by_group(state)
        if narrowest is None or narrowest[0].spread > _NARROW:
            for other in (self._estimate_by_duration(state), self._estimate_by_target(state)):
                if other and (narrowest is None or other[0].spread < narrowest[0].spread):
                    narrowest = other
        return narrowest

    def _estimate_by_duration(self, state: PollState) -> _Estimate | None:
        if len(self._durations) < _ENOUGH_DURATIONS:
            return None
        cost = self.poll_cost * _BLIND_COST
        best = self._durations.best(state.waited, cost, _ENOUGH_DURATIONS_BEYOND, 1 - state.calls)
        return best and (best, 1.0)

    def _estimate_by_group(self, state: PollState) -> _Estimate | None:
        end = linear_end(state.waited, state.progress)
        if end <= 0 or not self._by_group:
            return None
        earlier = (state.earlier_waited, state.earlier_progress)
        for group in _groups(state.waited, state.progress, earlier):
            sample = self._by_group.get(group)
            if sample is not None and len(sample) >= _ENOUGH:
                best = sample.best(
                    state.waited / end, self.poll_cost, _ENOUGH_BEYOND, 1 - state.calls
                )
                if best:
                    return best, end
        return None

    def _estimate_by_target(self, state: PollState) -> _Estimate | None:
        last = self._last_durations.get((state.kind, state.target))
        if last is None or state.target is None:
            return None
        best = self._target_ratios.best(
            state.waited / last,
            self.poll_cost * _BLIND_COST,
            _ENOUGH_DURATIONS_BEYOND,
            1 - state.calls,
        )
        return best and (best, last)

    def _duration_of(self, finished: FinishedTask) -> float:
        """Return a duration between the last two polls at which the task may have ended.

        Similar tasks say where in between. Any of their ends is taken instead of
        the middle, so that what is learned keeps its spread.
        """
        self._derived += 1
        rank, shift = (self._derived * stride % 1 for stride in _EVEN_SPREAD)
        over = max(finished.seconds, _TINY)
        if finished.called:
            return over
        if not finished.polls:
            return self._durations.between(0, over, rank) or over * 0.7
        *_, step = _steps(finished.polls)
        waited, progress, _ = step
        earliest, latest = linear_range(waited, progress)
        low, high = max(waited, earliest), min(over, latest)
        end = self._similar_end(step, over, rank)
        if end is not None:
            # An end that agrees with linear progress is taken as it is. Now and then it is
            # blurred all the same, or progress that only seems linear would go unnoticed.
            agrees = abs(end - linear_end(waited, progress)) < latest - earliest
            if self._derived % _ALWAYS_BLURRED and agrees:
                return end
            blur = _BLUR * (over - waited)
            low, high = max(waited, end - blur), min(over, end + blur)
        elif low >= high:  # linear progress is not possible
            low, high = waited, over
        return low + (high - low) * shift

    def _similar_end(self, step: _Step, over: float, rank: float) -> float | None:
        """Return when one of the similar tasks ended, ``over`` at the latest."""
        waited, progress, _ = step
        predicted = linear_end(waited, progress)
        for group in _groups(*step):
            sample = self._by_group.get(group)
            if sample is not None and len(sample) >= _ENOUGH // 2:
                ratio = sample.between(waited / predicted, over / predicted, rank)
                if ratio is not None:
                    return ratio * predicted
        return None

    def _note_target(self, target: Hashable, duration: float) -> None:
        last = self._last_durations.pop(target, None)
        if last is not None:
            self._target_ratios.add(duration / last, self._generations)
        self._last_durations[target] = duration
        if len(self._last_durations) > _TARGETS:
            self._last_durations.popitem(last=False)


def _groups(waited: float, progress: int, earlier: _Poll) -> tuple[Hashable, Hashable]:
    """Return the group of a task by progress and speed, and the wider one by progress alone."""
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
