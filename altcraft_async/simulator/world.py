"""The pretend platform: its objects, and the tasks that count and export them.

No I/O and no clock in here: whoever asks says what time it is. The same seed
and the same calls give the same ids, durations and figures. What a refresh
draws depends on its target and on how often that was refreshed before, not on
what else goes on, so concurrent callers do not disturb each other.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from altcraft_async.models import CounterGroup, CountersReport, SubscriptionCounters, TaskKind
from altcraft_async.simulator.catalogue import Catalogue, check_known
from altcraft_async.simulator.counters import Audience, draw_audiences, in_segment, segment_share
from altcraft_async.simulator.exports import Export, Source, draw_export
from altcraft_async.simulator.objects import own_database
from altcraft_async.simulator.randomness import (
    Curve,
    Duration,
    check_curve,
    check_duration,
    dice,
    draw_duration,
    draw_shape,
)
from altcraft_async.simulator.task import Target, Task
from altcraft_async.simulator.timestamps import count_sentence, instant

RUNNING = "running"
"""The simulator's own word: the vendor documents no status before the end."""

COMPLETED = "completed"

EXPORTED = "success"
"""How an older text of the vendor's page on exports calls a completed one."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """What the platform says of a task at one moment.

    Attributes:
        status: ``"running"``, ``"completed"`` (of an export, ``"success"``), or
            the name of a failure.
        progress: Whole percent, 100 only where completed.
        report: The result of a refresh, only where completed.
        export: The result of an export, only where completed.
    """

    status: str
    progress: int
    report: CountersReport | None = None
    export: Export | None = None


class _Place(NamedTuple):
    resource_id: int
    database_id: int
    segment_id: int | None = None


class World(Catalogue):
    """The state of a pretend platform.

    Any resource can be counted in any database, linked or not: what the real
    platform says to two that are not is not documented. Where a segment comes
    without a database, its own is counted in.

    Attributes:
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
        """Draw nothing yet: objects take shape when they are polled."""
        check_duration(duration)
        check_curve(curve)
        super().__init__(seed=seed, resources=resources, databases=databases, segments=segments)
        self.channels = tuple(channels)
        self.starts: Counter[tuple[TaskKind, tuple[int, ...]]] = Counter()
        self._duration = duration
        self._curve: Curve = curve
        self._tasks: dict[str, Task] = {}
        self._refreshes: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
        self._exports: Counter[Source] = Counter()
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
        task_id = _draw_id(rng)
        refreshes = self._refreshes[place.resource_id, place.database_id]
        refreshes.append(task_id)
        self._tasks[task_id] = self._task(target, now, rng, refreshes=len(refreshes))
        return task_id

    def export(self, source: Source, now: float) -> str:
        """Start an export of profiles and return the id of its task, of the longer kind.

        Raises:
            UnknownObjectError: There is no such database or segment.
        """
        self._size(source)
        self._exports[source] += 1
        rng = dice(self._seed, "export", source, self._exports[source])
        task_id = f"task_{_draw_id(rng)}"
        self._tasks[task_id] = self._task(source, now, rng)
        return task_id

    def poll(self, task_id: str, now: float) -> TaskState | None:
        """Say how far a task is; ``None`` for an id that is not known."""
        task = self._tasks.get(task_id)
        if task is None:
            return None
        if not task.is_over(now):
            return TaskState(RUNNING, task.progress(now))
        if task.failure is not None:
            return TaskState(task.failure, task.progress(now))
        if isinstance(task.target, Source):
            files = draw_export(self._seed, task_id, task.target, self._size(task.target))
            return TaskState(EXPORTED, 100, export=files)
        return TaskState(COMPLETED, 100, self._report(task, self._place(task.target)))

    def end_of(self, task_id: str) -> float | None:
        """Say when a task is over or was; ``None`` for an id that is not known."""
        task = self._tasks.get(task_id)
        return task.started + task.duration if task else None

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

    def last_group(self, target: Target, now: float) -> CounterGroup:
        """Return what `counted` does, and whether a count of this target runs.

        A resource in a database and a database in a resource are one target
        here, each segment one of its own. Before its first count, a target was
        counted when the clock showed 0.

        Raises:
            UnknownObjectError: The target names an object that is not there.
        """
        figures, place = self.counted(target, now), self._place(target)
        ended, running = Task(target, 0, 0.0, 0.0, shape=float), ""
        for task_id in self._refreshes.get((place.resource_id, place.database_id), ()):
            task = self._tasks.get(task_id)
            if task is None or isinstance(task.target, Source) or self._place(task.target) != place:
                continue
            if not task.is_over(now):
                running = task_id
            elif task.failure is None:
                ended = max(ended, task, key=Task.end)
        return CounterGroup(
            database_id=place.database_id,
            resource_id=place.resource_id,
            channels=figures,
            in_progress=bool(running),
            refresh_task_id=running,
            updated=instant(ended.end()),
            last_count_time=count_sentence(instant(ended.started), ended.duration),
        )

    def _task(
        self, target: Target | Source, now: float, rng: random.Random, *, refreshes: int = 0
    ) -> Task:
        duration, shape = draw_duration(self._duration, rng), draw_shape(self._curve, rng)
        return Task(target, refreshes, now, duration, shape)

    def _size(self, source: Source) -> int:
        if source.type == "database":
            return self.database_size(source.id)
        return self.segment_size(source.id)

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

    def _report(self, task: Task, place: _Place) -> CountersReport:
        counters = self._seen_from(place, task.refreshes)
        updated = instant(task.end())
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
            check_known("segment", place.segment_id, self.segments)
        check_known("resource", place.resource_id, self.resources)
        check_known("database", place.database_id, self.databases)

    def _place(self, target: Target) -> _Place:
        first, second, *rest = target.ids
        if target.kind == "resource":
            return _Place(first, second)
        if target.kind == "database":
            return _Place(second, first)
        # Where there are no databases, any id is one that is missed.
        return _Place(second, rest[0] if rest else own_database(first, self.databases) or 1, first)


def _draw_id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
