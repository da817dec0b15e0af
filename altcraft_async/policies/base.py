"""When to poll a task next: the interface of a poll policy, and the simple policies.

A policy is any object with ``next_poll(state) -> seconds``. The `PollState` has
all that is known of a task, and a policy never sleeps. So one policy serves every
handle of a client, and a test can call it with any values. A policy that has
``learn`` is told of each finished task.
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
    "LONGEST_INTERVAL",
    "SHORTEST_INTERVAL",
    "Constant",
    "Exponential",
    "FinishedTask",
    "Learner",
    "PollPolicy",
    "PollState",
    "checked_policy",
    "poll_interval",
]

SHORTEST_INTERVAL = 0.05
"""Seconds between two polls of a task at least, whatever a policy returns."""

LONGEST_INTERVAL = 3600.0
"""Seconds between two polls of a task at most, whatever a policy returns."""


class PollState(msgspec.Struct, frozen=True, gc=False):
    """What is known of a task when its next poll is planned.

    Attributes:
        waited: Seconds since the task was started.
        polls: Polls made; 0 before the first one.
        progress: Newest percent, 0 to 100; 0 if the server shows none.
        earlier_waited: `waited` at the last poll that had moved the progress
            before the newest poll; 0 if there was none.
        earlier_progress: The progress of that poll.
        chance: A random number, 0 <= chance < 1, to spread the polls of many tasks.
        kind: What the task counts.
        target: Ids of what it counts, ``None`` if unknown.
        calls: Share of such tasks at whose end the platform calls in time, as a
            `FeedbackReceiver` counted; 0 if polls may not rely on a call.
    """

    waited: float
    polls: int = 0
    progress: int = 0
    earlier_waited: float = 0.0
    earlier_progress: int = 0
    chance: float = 0.5
    kind: TaskKind = "unknown"
    target: tuple[int, ...] | None = None
    calls: float = 0.0


class FinishedTask(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is known of a task once it is over, to learn from.

    Attributes:
        kind: What the task counted.
        target: Ids of what it counted, ``None`` if unknown.
        polls: Seconds waited and progress of each poll that found it running,
            in order; long histories are thinned out.
        seconds: Seconds waited when a poll found it over. Its real duration
            lies between the last of ``polls`` and this.
        called: Whether the platform called before that poll, so that the real
            duration is hardly less than ``seconds``.
        in_flight: Other tasks that the client waited for at that poll; 0 if unknown.
    """

    kind: TaskKind
    target: tuple[int, ...] | None
    polls: Sequence[tuple[float, int]]
    seconds: float
    called: bool = False
    in_flight: int = 0


@runtime_checkable
class Learner(Protocol):
    """A policy that learns from finished tasks; its memory is its own, and bounded."""

    def learn(self, finished: FinishedTask) -> None:
        """Take note of how a task went."""
        ...


@runtime_checkable
class PollPolicy(Protocol):
    """Decides when to poll a task again."""

    def next_poll(self, state: PollState, /) -> float:
        """Return the seconds from now to the next poll."""
        ...


def checked_policy(policy: object) -> PollPolicy:
    """Return a policy, made of a function if need be; refuse anything else."""
    if not isinstance(policy, type):
        if isinstance(policy, PollPolicy):
            return policy
        if callable(policy):
            return _FunctionPolicy(cast("Callable[[PollState], float]", policy))
    msg = "poll: has to have a next_poll(state), as Adaptive() has, or be a function of the state"
    raise ConfigurationError(msg)


class _FunctionPolicy(msgspec.Struct, frozen=True):
    """A function as a policy."""

    function: Callable[[PollState], float]

    def next_poll(self, state: PollState) -> float:
        """Call the function."""
        return self.function(state)


def poll_interval(policy: PollPolicy, state: PollState) -> float:
    """Return the policy's seconds to the next poll, kept within bounds; NaN is the shortest."""
    # In this order NaN, which compares false with everything, loses.
    return min(LONGEST_INTERVAL, max(SHORTEST_INTERVAL, policy.next_poll(state)))


class Constant(msgspec.Struct, frozen=True):
    """Poll every so many seconds, the first time up to a tenth earlier.

    Attributes:
        seconds: From the end of one poll to the next.
    """

    seconds: float

    def __post_init__(self) -> None:
        """Refuse seconds that are not positive and finite."""
        checked_positive("seconds", self.seconds)

    def next_poll(self, state: PollState) -> float:
        """Return the same interval every time, except that the first two are spread.

        Two, because the first poll of an attached task comes at once.
        """
        return self.seconds * (1 - 0.1 * state.chance) if state.polls <= 1 else self.seconds


class Exponential(msgspec.Struct, frozen=True, kw_only=True):
    """Poll at growing intervals: ``first``, ``first * factor``, … up to ``ceiling``.

    Attributes:
        first: Seconds to the first poll.
        factor: Each interval is so many times the one before, at least 1.
        ceiling: Longest interval in seconds.
        jitter: Share of an interval that is random, 0 to 1, so that many
            tasks started together are not polled together.
    """

    first: float = 0.5
    factor: float = 2.0
    ceiling: float = 30.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        """Refuse values from which no interval follows."""
        checked_positive("first", self.first)
        checked_positive("ceiling", self.ceiling)
        checked_share("jitter", self.jitter)
        if not 1 <= self.factor < math.inf:
            msg = f"factor: has to be a number from 1 on, not {self.factor!r}"
            raise ConfigurationError(msg)

    def next_poll(self, state: PollState) -> float:
        """Return the next longer interval."""
        try:
            grown = min(self.first * self.factor**state.polls, self.ceiling)
        except OverflowError:
            grown = self.ceiling
        return grown * (1 - self.jitter * state.chance)
