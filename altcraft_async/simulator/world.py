"""The pretend platform: resources, databases, segments, and the tasks that count them.

No I/O and no clock in here: whoever asks says what time it is. The same seed
and the same calls give the same ids, durations and figures. What a refresh
draws depends on its target and on how often that was refreshed before, not on
what else goes on, so concurrent callers do not disturb each other.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from altcraft_async.models import CounterGroup, CountersReport, SubscriptionCounters, TaskKind
from altcraft_async.simulator.audience import Audience, draw_audiences, in_segment, segment_share
from altcraft_async.simulator.chance import (
    Curve,
    Duration,
    Shape,
    check_curve,
    check_duration,
    dice,
    draw_duration,
    draw_shape,
)
from altcraft_async.simulator.times import count_sentence, instant

RUNNING = "running"
"""The simulator's own word: the vendor documents no status before the end."""

COMPLETED = "completed"


class UnknownObjectError(LookupError):
    """A target names an object that this world does not have."""


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
class Look:
    """What the platform says of a task at one moment.

    Attributes:
        status: ``"running"``, ``"completed"``, or the name of a failure.
        progress: Whole percent, 100 only where completed.
        report: The result, only where completed.
    """

    status: str
    progress: int
    report: CountersReport | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    target: Target
    refreshes: int
    started: float
    duration: float
    shape: Shape
    failure: str | None = None

    def progress(self, now: float) -> int:
        gone = (now - self.started) / self.duration if self.duration else 1.0
        return max(0, min(99, int(100 * self.shape(max(0.0, min(1.0, gone))))))


class _Place(NamedTuple):
    resource_id: int
    database_id: int
    segment_id: int | None = None


class World:
    """The state of a pretend platform.

    Objects are numbered from 1. Every segment is a static one: the database
    may be left out, and then the segment's own is counted in.

    Attributes:
        resources: Ids of the resources.
        databases: Ids of the profile databases.
        segments: Ids of the segments.
        channels: Channels of every resource, in the order of the answers.
        starts: How many tasks were started per target, 0 for any other.
    """

    def __init__(  # noqa: PLR0913 -- independent choices, all by name
        self,
        *,
        seed: int = 0,
        resources: int = 500,
        databases: int = 3,
        segments: int = 50,
        channels: Sequence[str] = ("email", "sms", "push"),
        duration: Duration = (0.5, 5.0),
        curve: Curve = "linear",
    ) -> None:
        """Draw nothing yet: objects take shape when they are looked at."""
        check_duration(duration)
        check_curve(curve)
        self.resources = range(1, resources + 1)
        self.databases = range(1, databases + 1)
        self.segments = range(1, segments + 1)
        self.channels = tuple(channels)
        self.starts: Counter[tuple[TaskKind, tuple[int, ...]]] = Counter()
        self._seed = seed
        self._duration = duration
        self._curve: Curve = curve
        self._tasks: dict[str, _Task] = {}
        self._refreshes: Counter[tuple[int, int]] = Counter()
        self._audiences: dict[tuple[int, int], dict[str, Audience]] = {}

    def start(self, target: Target, now: float) -> str:
        """Start a refresh and return the id of its task.

        Whether the real platform joins a refresh to one that is under way is
        not documented. This one never does, so that a start too many shows.

        Raises:
            UnknownObjectError: The target names an object that is not there.
        """
        place = self._place(target)
        self._check(place)
        self.starts[target] += 1
        counted = (place.resource_id, place.database_id)
        self._refreshes[counted] += 1
        rng = dice(self._seed, target.kind, target.ids, self.starts[target])
        task_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self._tasks[task_id] = _Task(
            target=target,
            refreshes=self._refreshes[counted],
            started=now,
            duration=draw_duration(self._duration, rng),
            shape=draw_shape(self._curve, rng),
        )
        return task_id

    def look(self, task_id: str, now: float) -> Look | None:
        """Say how far a task is; ``None`` for an id that is not known."""
        task = self._tasks.get(task_id)
        if task is None:
            return None
        if now - task.started < task.duration:
            return Look(RUNNING, task.progress(now))
        if task.failure is not None:
            return Look(task.failure, task.progress(now))
        return Look(COMPLETED, 100, self._report(task))

    def fail(self, task_id: str, status: str = "failed", *, at: float | None = None) -> None:
        """Make a task end in failure: at a given time, or when it would have been completed.

        The vendor does not document what a failed task looks like. Here it has
        this status, the progress it had reached, and no result. An unknown id
        stays unknown.
        """
        task = self._tasks.get(task_id)
        if task is None:
            return
        duration = task.duration if at is None else min(task.duration, max(0.0, at - task.started))
        self._tasks[task_id] = replace(
            task, duration=duration, shape=_rescaled(task, duration), failure=status
        )

    def forget(self, task_id: str) -> None:
        """Know nothing of a task any more, as if it had expired."""
        self._tasks.pop(task_id, None)

    def counters(self, resource_id: int, database_id: int) -> Mapping[str, SubscriptionCounters]:
        """Return the figures by channel, the newest refresh included even if it still runs."""
        counted = (resource_id, database_id)
        return self._counters(resource_id, database_id, self._refreshes[counted])

    def _counters(
        self, resource_id: int, database_id: int, refreshes: int
    ) -> dict[str, SubscriptionCounters]:
        counted = (resource_id, database_id)
        if counted not in self._audiences:
            self._audiences[counted] = draw_audiences(
                self._seed, resource_id, database_id, self.channels
            )
        audiences = self._audiences[counted]
        return {channel: audiences[channel].counters(refreshes) for channel in self.channels}

    def _report(self, task: _Task) -> CountersReport:
        place = self._place(task.target)
        counters = self._counters(place.resource_id, place.database_id, task.refreshes)
        updated = instant(task.started + task.duration)
        if place.segment_id is None:
            counted = count_sentence(instant(task.started), task.duration)
            group = CounterGroup(
                database_id=place.database_id,
                channels=counters,
                updated=updated,
                last_count_time=counted,
            )
            return CountersReport((group,))
        share = segment_share(self._seed, place.segment_id)
        group = CounterGroup(
            database_id=place.database_id,
            resource_id=place.resource_id,
            channels={channel: in_segment(figures, share) for channel, figures in counters.items()},
            updated=updated,
        )
        return CountersReport((group,))

    def _check(self, place: _Place) -> None:
        missing = ""
        if place.database_id not in self.databases:
            missing = f"database {place.database_id}"
        if place.resource_id not in self.resources:
            missing = f"resource {place.resource_id}"
        if place.segment_id is not None and place.segment_id not in self.segments:
            missing = f"segment {place.segment_id}"
        if missing:
            msg = f"there is no {missing}"
            raise UnknownObjectError(msg)

    def _place(self, target: Target) -> _Place:
        first, second, *rest = target.ids
        if target.kind == "resource":
            return _Place(first, second)
        if target.kind == "database":
            return _Place(second, first)
        own_database = 1 + first % max(1, len(self.databases))
        return _Place(second, rest[0] if rest else own_database, first)


def _rescaled(task: _Task, duration: float) -> Shape:
    """Return the task's shape as far as it comes when it ends after ``duration`` already."""
    share = duration / task.duration if task.duration else 1.0
    return lambda gone: task.shape(gone * share)
