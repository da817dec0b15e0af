"""When to poll a task again: pure functions of what was seen.

A policy is any object with ``next_poll(seen) -> seconds``. All that is known
of a task is in ``seen``, and a policy never sleeps, so one serves every handle
of a client, and a test calls it with the values it wants. What it knows beyond
one task, it is taught by ``learn``, if it has that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, cast, runtime_checkable

import msgspec

from altcraft_async.errors import ConfigurationError
from altcraft_async.models import TaskKind
from altcraft_async.models.validation import checked_positive, checked_share

__all__ = [
    "LONGEST_PAUSE",
    "SHORTEST_PAUSE",
    "Constant",
    "Exponential",
    "FinishedTask",
    "Learner",
    "PollPolicy",
    "PollState",
    "checked_policy",
    "pause",
]

SHORTEST_PAUSE = 0.05
"""Seconds between two polls one task, whatever a policy says: no busy loop."""

LONGEST_PAUSE = 3600.0
"""Seconds between two polls one task, whatever a policy says: none is forgotten."""


class PollState(msgspec.Struct, frozen=True, gc=False):
    """What is known of a task when the next poll is to be timed.

    Attributes:
        waited: Seconds since the task was started.
        polls: Polls made; 0 when the first one is to be timed.
        progress: Newest percent, 0 to 100; 0 where the server says none.
        earlier_waited: `waited` at the last poll that had moved the progress
            before the newest poll; 0 where there was none.
        earlier_progress: The progress of that poll.
        chance: A random number, 0 <= chance < 1, to spread the polls of many tasks.
        kind: What the task counts.
        target: Ids of what it counts, ``None`` where unknown.
    """

    waited: float
    polls: int = 0
    progress: int = 0
    earlier_waited: float = 0.0
    earlier_progress: int = 0
    chance: float = 0.5
    kind: TaskKind = "unknown"
    target: tuple[int, ...] | None = None


class FinishedTask(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is known of a task once it is over, to learn from.

    Attributes:
        kind: What the task counted.
        target: Ids of what it counted, ``None`` where unknown.
        polls: Seconds waited and progress of each poll that found it running,
            in order; long histories are thinned out.
        seconds: Seconds waited when a poll found it over, so that its real
            duration lies between the last of ``polls`` and this.
    """

    kind: TaskKind
    target: tuple[int, ...] | None
    polls: Sequence[tuple[float, int]]
    seconds: float


@runtime_checkable
class Learner(Protocol):
    """A policy that learns from finished tasks; its memory is its own, and bounded."""

    def learn(self, finished: FinishedTask) -> None:
        """Take note of how a task went."""
        ...


@runtime_checkable
class PollPolicy(Protocol):
    """Decides when to poll a task again."""

    def next_poll(self, seen: PollState) -> float:
        """Return the seconds from now to the next poll."""
        ...


def checked_policy(policy: object) -> PollPolicy:
    """Return what can pace polls, or say what is missing."""
    if not isinstance(policy, type):
        if isinstance(policy, PollPolicy):
            return policy
        if callable(policy):
            return _Called(cast("Callable[[PollState], float]", policy))
    msg = "poll: has to have a next_poll(seen) method, as Adaptive() has, or be a function of seen"
    raise ConfigurationError(msg)


class _Called(msgspec.Struct, frozen=True):
    """A function as a policy."""

    function: Callable[[PollState], float]

    def next_poll(self, seen: PollState) -> float:
        """Return what the function says."""
        return self.function(seen)


def pause(policy: PollPolicy, seen: PollState) -> float:
    """Return what the policy says, within what makes sense; no number at all is the shortest."""
    # In this order NaN, which compares false with everything, loses.
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, policy.next_poll(seen)))


class Constant(msgspec.Struct, frozen=True):
    """Poll every so many seconds, spread over a tenth of that.

    Attributes:
        seconds: From the end of one poll to the next.
    """

    seconds: float

    def __post_init__(self) -> None:
        """Refuse what could not be waited for."""
        checked_positive("seconds", self.seconds)

    def next_poll(self, seen: PollState) -> float:
        """Return the same pause every time, but for the first two, which are spread.

        Two, as the first poll a task that is attached comes at once.
        """
        return self.seconds * (1 - 0.1 * seen.chance) if seen.polls <= 1 else self.seconds


class Exponential(msgspec.Struct, frozen=True, kw_only=True):
    """Poll after ever longer pauses: ``first``, ``first * factor``, … up to ``ceiling``.

    Attributes:
        first: Seconds to the first poll.
        factor: Each pause is so many times the one before, at least 1.
        ceiling: Longest pause in seconds.
        jitter: Share of a pause that is left to chance, 0 to 1, so that many
            tasks started together are not polled together.
    """

    first: float = 0.5
    factor: float = 2.0
    ceiling: float = 30.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what could not be waited for."""
        checked_positive("first", self.first)
        checked_positive("ceiling", self.ceiling)
        checked_share("jitter", self.jitter)
        if not 1 <= self.factor < math.inf:
            msg = f"factor: has to be a number from 1 on, not {self.factor!r}"
            raise ConfigurationError(msg)

    def next_poll(self, seen: PollState) -> float:
        """Return the next longer pause."""
        try:
            grown = min(self.first * self.factor**seen.polls, self.ceiling)
        except OverflowError:
            grown = self.ceiling
        return grown * (1 - self.jitter * seen.chance)
