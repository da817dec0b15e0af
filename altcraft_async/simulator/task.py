"""One task over time, as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from altcraft_async.models import TaskKind
from altcraft_async.simulator.exports import Source
from altcraft_async.simulator.randomness import Shape


class Target(NamedTuple):
    """What a refresh counts; equal to the ``(kind, target)`` of a client's ``TaskRef``.

    Attributes:
        kind: ``"resource"``, ``"database"`` or ``"segment"``.
        ids: ``(resource, database)``, ``(database, resource)``, or ``(segment,
            resource)`` with or without a database behind.
    """

    kind: TaskKind
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A refresh or an export, under way or over.

    Attributes:
        target: What is counted or exported.
        refreshes: How many refreshes there were of the same people, this one
            included; 0 for an export.
        started: When, in seconds of the clock.
        duration: Seconds it takes.
        shape: How its progress goes.
        failure: Under which status it ends, ``None`` where it is completed.
    """

    target: Target | Source
    refreshes: int
    started: float
    duration: float
    shape: Shape
    failure: str | None = None

    def end(self) -> float:
        """Return when it ends, well or not."""
        return self.started + self.duration

    def is_over(self, now: float) -> bool:
        """Say whether it has ended, well or not."""
        return now - self.started >= self.duration

    def progress(self, now: float) -> int:
        """Return whole percent, never those of a completed one."""
        gone = (now - self.started) / self.duration if self.duration else 1.0
        return max(0, min(99, int(100 * self.shape(max(0.0, min(1.0, gone))))))

    def failing(self, status: str, at: float | None) -> Task:
        """Return the same task that fails: at a given time, or when it would be completed."""
        if at is None:
            return replace(self, failure=status)
        duration = min(self.duration, max(0.0, at - self.started))
        # It does not get faster: it is cut off at the progress it has by then.
        share = duration / self.duration if self.duration else 1.0

        def shape(gone: float) -> float:
            return self.shape(gone * share)

        return replace(self, duration=duration, shape=shape, failure=status)
