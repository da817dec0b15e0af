"""When to look at a task again: pure functions of what was seen.

A policy is any object with ``next_look(seen) -> seconds``. It keeps nothing
about a task and never sleeps, so one policy serves every handle of a client,
and a test calls it with the values it wants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from altcraft_async.core.checks import checked_positive
from altcraft_async.errors import ConfigurationError
from altcraft_async.models import TaskKind

__all__ = [
    "LONGEST_PAUSE",
    "SHORTEST_PAUSE",
    "Adaptive",
    "Constant",
    "Exponential",
    "Finished",
    "Learner",
    "PollPolicy",
    "Seen",
    "checked_policy",
    "pause",
]

SHORTEST_PAUSE = 0.05
"""Seconds between two looks at one task, whatever a policy says: no busy loop."""

LONGEST_PAUSE = 3600.0
"""Seconds between two looks at one task, whatever a policy says: none is forgotten."""


class Seen(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is known of a task when the next look is to be timed.

    Attributes:
        waited: Seconds since the task was started.
        looks: Looks made; 0 when the first one is to be timed.
        progress: Newest percent, 0 to 100; 0 where the server says none.
        earlier_waited: `waited` at the last look that had moved the progress
            before the newest look; 0 where there was none.
        earlier_progress: The progress of that look.
        chance: A random number, 0 <= chance < 1, to spread the looks of many tasks.
        kind: What the task counts.
        target: Ids of what it counts, ``None`` where unknown.
    """

    waited: float
    looks: int = 0
    progress: int = 0
    earlier_waited: float = 0.0
    earlier_progress: int = 0
    chance: float = 0.5
    kind: TaskKind = "unknown"
    target: tuple[int, ...] | None = None


class Finished(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is known of a task once it is over, to learn from.

    Attributes:
        kind: What the task counted.
        target: Ids of what it counted, ``None`` where unknown.
        looks: Seconds waited and progress of each look that found it running,
            in order; long histories are thinned out.
        seconds: Seconds waited when a look found it over, so that its real
            duration lies between the last of ``looks`` and this.
    """

    kind: TaskKind
    target: tuple[int, ...] | None
    looks: Sequence[tuple[float, int]]
    seconds: float


@runtime_checkable
class Learner(Protocol):
    """A policy that learns from finished tasks; its memory is its own, and bounded."""

    def learn(self, finished: Finished) -> None:
        """Take note of how a task went."""
        ...


@runtime_checkable
class PollPolicy(Protocol):
    """Decides when to look at a task again."""

    def next_look(self, seen: Seen) -> float:
        """Return the seconds from now to the next look."""
        ...


def checked_policy(policy: object) -> PollPolicy:
    """Return what can pace looks, or say what is missing."""
    if isinstance(policy, PollPolicy):
        return policy
    msg = "poll: has to have a next_look(seen) method, as Adaptive() has"
    raise ConfigurationError(msg)


def pause(policy: PollPolicy, seen: Seen) -> float:
    """Return what the policy says, within what makes sense; no number at all is the shortest."""
    # In this order NaN, which compares false with everything, loses.
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, policy.next_look(seen)))


class Constant(msgspec.Struct, frozen=True):
    """Look every so many seconds, spread over a tenth of that.

    Attributes:
        seconds: From the end of one look to the next.
    """

    seconds: float

    def __post_init__(self) -> None:
        """Refuse what could not be waited for."""
        checked_positive("seconds", self.seconds)

    def next_look(self, seen: Seen) -> float:
        """Return the same pause every time; only the first is spread."""
        return self.seconds * (1 - 0.1 * seen.chance) if seen.looks == 0 else self.seconds


class Exponential(msgspec.Struct, frozen=True, kw_only=True):
    """Look after ever longer pauses: ``first``, ``first * factor``, … up to ``ceiling``.

    Attributes:
        first: Seconds to the first look.
        factor: Each pause is so many times the one before, at least 1.
        ceiling: Longest pause in seconds.
        jitter: Share of a pause that is left to chance, 0 to 1, so that many
            tasks started together are not looked at together.
    """

    first: float = 0.5
    factor: float = 2.0
    ceiling: float = 30.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what could not be waited for."""
        checked_positive("first", self.first)
        checked_positive("ceiling", self.ceiling)
        _check_share("jitter", self.jitter)
        if not 1 <= self.factor < math.inf:
            msg = f"factor: has to be a number from 1 on, not {self.factor!r}"
            raise ConfigurationError(msg)

    def next_look(self, seen: Seen) -> float:
        """Return the next longer pause."""
        try:
            grown = min(self.first * self.factor**seen.looks, self.ceiling)
        except OverflowError:
            grown = self.ceiling
        return grown * (1 - self.jitter * seen.chance)


class Adaptive(msgspec.Struct, frozen=True, kw_only=True):
    """Look when the task is likely to be over, going by its progress.

    A whole percent ``p`` after ``t`` seconds puts the end between
    ``t * 100 / (p + 1)`` and ``t * 100 / p`` if the progress is even. The
    next look comes early in that bracket: how early weighs the cost of a look
    against that of knowing late. Progress that says nothing (none, or not
    moved) gives pauses in proportion to the time waited, and no prediction is
    trusted beyond twice the time waited until a second one agrees with it, so
    a progress bar that lies does little harm.

    Attributes:
        first: Seconds to the first look, at most; it is spread over half of that.
        look_cost: What one look is worth, as a share of the task's duration.
        blind: Pause without usable progress, as a share of the time waited.
        ceiling: Longest pause in seconds.
    """

    first: float = 0.5
    look_cost: float = 0.01
    blind: float = 0.25
    ceiling: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what could not be waited for."""
        checked_positive("first", self.first)
        checked_positive("ceiling", self.ceiling)
        checked_positive("blind", self.blind)
        _check_share("look_cost", self.look_cost)

    def next_look(self, seen: Seen) -> float:
        """Return the pause after which a look is most worth its cost."""
        if seen.looks == 0:
            return min(self.first * (1 - 0.5 * seen.chance), self.ceiling)
        return min(self._moment(seen) - seen.waited, self.ceiling)

    def _moment(self, seen: Seen) -> float:
        """Return when to look, in seconds since the start."""
        waited, progress = seen.waited, min(seen.progress, 100)
        if progress <= 0 or progress <= seen.earlier_progress:
            return waited * (1 + self.blind)
        agrees = self._agrees(seen)
        # A bar is trusted less far from its end, and less while it has spoken only once.
        slack = _SLACK * (1 - progress / 100) if agrees else _SLACK
        soonest = max(waited, waited * 100 / (progress + 1) * (1 - slack))
        latest = max(soonest, waited * 100 / progress * (1 + slack))
        early = math.sqrt(self.look_cost * (latest - soonest) * soonest)
        moment = latest if early > (latest - soonest) / 2 else soonest + early
        return max(moment if agrees else min(moment, 2 * waited), waited * (1 + _LEAST_STEP))

    def _agrees(self, seen: Seen) -> bool:
        """Tell whether this look and the one before it predict about the same end."""
        if seen.earlier_progress <= 0:
            return False
        predicted = seen.waited * 100 / (seen.progress + 0.5)
        earlier = seen.earlier_waited * 100 / (seen.earlier_progress + 0.5)
        return abs(predicted - earlier) < _AGREEMENT * earlier


# Found by simulation over lognormal durations with even, noisy, back-loaded
# and absent progress; `benchmarks` has the figures.
_SLACK = 0.05
_AGREEMENT = 0.15
_LEAST_STEP = 0.02


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        msg = f"{name}: has to be between 0 and 1, not {value!r}"
        raise ConfigurationError(msg)
