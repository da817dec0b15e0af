"""One task over time, as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from altcraft_async.models import TaskKind
from altcraft_async.simulator.exports import Source
from altcraft_async.simulator.randomness import Shape


class Target(NamedTuple):
    """The target of a refresh; equal to the ``(kind, target)`` of a client's ``TaskRef``.

    Attributes:
        kind: ``"resource"``, ``"database"`` or ``"segment"``.
        ids: ``(resource, database)``, ``(database, resource)``, ``(segment, resource)``
            or ``(segment, resource, database)``.
    """

    kind: TaskKind
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A refresh or an export.

    Attributes:
        target: What is refreshed or exported.
        refreshes: Number of refreshes of the same resource and database so far,
            this one included; 0 for an export.
        started: Start, in seconds of the clock.
        duration: Seconds until its end.
        shape: How its progress grows.
        failure: Status of a task that fails, ``None`` for one that completes.
    """

    target: Target | Source
    refreshes: int
    started: float
    duration: float
    shape: Shape
    failure: str | None = None

    def end(self) -> float:
        """Return when it completes or fails."""
        return self.started + self.duration

    def is_over(self, now: float) -> bool:
        """Say whether it has completed or failed."""
        return now - self.started >= self.duration

    def has_completed(self, now: float) -> bool:
        """Say whether it has ended without a failure."""
        return self.failure is None and self.is_over(now)

    def progress(self, now: float) -> int:
        """Return whole percent, at most 99: only the end of the task reports 100."""
        elapsed = (now - self.started) / self.duration if self.duration else 1.0
        return max(0, min(99, int(100 * self.shape(max(0.0, min(1.0, elapsed))))))

    def failing(self, status: str, at: float | None) -> Task:
        """Return the same task that fails: at a given time, or at its end."""
        if at is None:
            return replace(self, failure=status)
        duration = min(self.duration, max(0.0, at - self.started))
        # A shorter duration must not speed up progress: the shape ends at the cut.
        share = duration / self.duration if self.duration else 1.0

        def shape(elapsed: float) -> float:
            return self.shape(elapsed * share)

        return replace(self, duration=duration, shape=shape, failure=status)
