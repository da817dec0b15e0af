"""The pretend platform: resources, databases, segments, and the tasks that count them.

No I/O and no clock in here: whoever asks says what time it is. The same seed
and the same calls give the same ids, durations and figures. What a refresh
draws depends on its target and on how often that was refreshed before, not on
what else goes on, so concurrent callers do not disturb each other.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from altcraft_async.models import CounterGroup, CountersReport, SubscriptionCounters, TaskKind
from altcraft_async.simulator.audience import (
    Audience,
    draw_audiences,
    draw_profiles,
    in_segment,
    segment_share,
)
from altcraft_async.simulator.catalogue import (
    Database,
    Field,
    Resource,
    Segment,
    draw_database,
    draw_fields,
    draw_resource,
    draw_segment,
)
from altcraft_async.simulator.chance import (
    Curve,
    Duration,
    check_curve,
    check_duration,
    dice,
    draw_duration,
    draw_shape,
)
from altcraft_async.simulator.task import Target, Task
from altcraft_async.simulator.times import count_sentence, instant

RUNNING = "running"
"""The simulator's own word: the vendor documents no status before the end."""

COMPLETED = "completed"


class UnknownObjectError(LookupError):
    """A target names an object that this world does not have."""


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


class _Place(NamedTuple):
    resource_id: int
    database_id: int
    segment_id: int | None = None


class World:
    """The state of a pretend platform.

    Any resource can be counted in any database, linked or not: what the real
    platform says to two that are not is not documented. Where a segment comes
    without a database, its own is counted in.

    Attributes:
        resources: Ids of the resources, ascending.
        databases: Ids of the profile databases, ascending.
        segments: Ids of the segments, ascending.
        channels: Channels of every resource, in the order of the answers.
        starts: How many tasks were started per target, 0 for any other.
    """

    def __init__(  # noqa: PLR0913 -- independent choices, all by name
        self,
        *,
        seed: int = 0,
        resources: int | Sequence[int] = 500,
        databases: int | Sequence[int] = 200,
        segments: int | Sequence[int] = 300,
        channels: Sequence[str] = ("email", "sms", "push"),
        duration: Duration = (0.5, 5.0),
        curve: Curve = "linear",
    ) -> None:
        """Draw nothing yet: objects take shape when they are looked at."""
        check_duration(duration)
        check_curve(curve)
        self.resources = _ids(resources)
        self.databases = _ids(databases)
        self.segments = _ids(segments)
        self.channels = tuple(channels)
        self.starts: Counter[tuple[TaskKind, tuple[int, ...]]] = Counter()
        self._seed = seed
        self._duration = duration
        self._curve: Curve = curve
        self._tasks: dict[str, Task] = {}
        self._refreshes: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
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
        rng = dice(self._seed, target.kind, target.ids, self.starts[target])
        task_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        refreshes = self._refreshes[place.resource_id, place.database_id]
        refreshes.append(task_id)
        self._tasks[task_id] = Task(
            target=target,
            refreshes=len(refreshes),
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
        if not task.is_over(now):
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
        if task:
            self._tasks[task_id] = task.failing(status, at)

    def forget(self, task_id: str) -> None:
        """Know nothing of a task any more, as if it had expired."""
        self._tasks.pop(task_id, None)

    def counters(self, resource_id: int, database_id: int) -> Mapping[str, SubscriptionCounters]:
        """Return the figures by channel, the newest refresh included even if it still runs."""
        refreshes = len(self._refreshes.get((resource_id, database_id), ()))
        return self._counters(resource_id, database_id, refreshes)

    def counted(self, target: Target, now: float) -> Mapping[str, SubscriptionCounters]:
        """Return the figures by channel that the newest completed refresh left.

        Whichever target that had: a resource in a database and a database in a
        resource are the same people, and so are all segments of the two.

        Raises:
            UnknownObjectError: The target names an object that is not there.
        """
        place = self._place(target)
        self._check(place)
        return self._seen_from(place, self._completed(place, now))

    def resource(self, resource_id: int) -> Resource:
        """Return a resource.

        Raises:
            UnknownObjectError: There is none with this id.
        """
        _check_known("resource", resource_id, self.resources)
        return draw_resource(self._seed, resource_id, self.databases)

    def database(self, database_id: int) -> Database:
        """Return a database.

        Raises:
            UnknownObjectError: There is none with this id.
        """
        _check_known("database", database_id, self.databases)
        return draw_database(self._seed, database_id)

    def segment(self, segment_id: int) -> Segment:
        """Return a segment.

        Raises:
            UnknownObjectError: There is none with this id.
        """
        _check_known("segment", segment_id, self.segments)
        return draw_segment(self._seed, segment_id, self.databases)

    def segment_size(self, segment_id: int) -> int:
        """Return how many profiles are in a segment."""
        own = self.segment(segment_id).database_id
        profiles = 0 if own is None else draw_profiles(self._seed, own)
        return int(profiles * segment_share(self._seed, segment_id))

    def fields(self, resource_id: int, channel: str) -> tuple[Field, ...]:
        """Return the fields of a resource's subscriptions."""
        return draw_fields(self._seed, resource_id, channel)

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

    def _completed(self, place: _Place, now: float) -> int:
        for task_id in reversed(self._refreshes.get((place.resource_id, place.database_id), [])):
            task = self._tasks.get(task_id)
            if task and task.failure is None and task.is_over(now):
                return task.refreshes
        return 0

    def _seen_from(self, place: _Place, refreshes: int) -> dict[str, SubscriptionCounters]:
        counters = self._counters(place.resource_id, place.database_id, refreshes)
        if place.segment_id is None:
            return counters
        share = segment_share(self._seed, place.segment_id)
        return {channel: in_segment(figures, share) for channel, figures in counters.items()}

    def _report(self, task: Task) -> CountersReport:
        place = self._place(task.target)
        counters = self._seen_from(place, task.refreshes)
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
        group = CounterGroup(
            database_id=place.database_id,
            resource_id=place.resource_id,
            channels=counters,
            updated=updated,
        )
        return CountersReport((group,))

    def _check(self, place: _Place) -> None:
        if place.segment_id is not None:
            _check_known("segment", place.segment_id, self.segments)
        _check_known("resource", place.resource_id, self.resources)
        _check_known("database", place.database_id, self.databases)

    def _place(self, target: Target) -> _Place:
        first, second, *rest = target.ids
        if target.kind == "resource":
            return _Place(first, second)
        if target.kind == "database":
            return _Place(second, first)
        own = self.databases[first % len(self.databases)] if self.databases else 1
        return _Place(second, rest[0] if rest else own, first)


def _ids(objects: int | Sequence[int]) -> Sequence[int]:
    ids = range(1, objects + 1) if isinstance(objects, int) else sorted(set(objects))
    if ids and ids[0] < 1:
        msg = f"ids have to be positive, not {ids[0]}"
        raise ValueError(msg)
    return ids


def _check_known(kind: str, number: int, ids: Sequence[int]) -> None:
    if number not in ids:
        msg = f"there is no {kind} {number}"
        raise UnknownObjectError(msg)
