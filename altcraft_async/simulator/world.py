"""The state of the pretend platform: its objects, refreshes and exports.

The same seed and the same calls give the same ids, durations and counters. What a refresh
draws depends on its target and on the number of earlier refreshes of that target, so
concurrent callers do not affect each other.

No I/O and no clock belong here: callers pass the time.
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
from altcraft_async.simulator.counters import (
    GrowingCounters,
    draw_counters,
    draw_segment_share,
    segment_counters,
)
from altcraft_async.simulator.exports import Export, Source, draw_export
from altcraft_async.simulator.objects import segment_database
from altcraft_async.simulator.randomness import (
    Curve,
    Duration,
    check_curve,
    check_duration,
    draw_duration,
    draw_shape,
    seeded_random,
)
from altcraft_async.simulator.task import Target, Task
from altcraft_async.simulator.timestamps import instant, last_count_time

RUNNING = "running"
"""Our choice: the vendor documents no status before the end."""

COMPLETED = "completed"

EXPORTED = "success"
"""Status of a completed export in an older version of the vendor's page."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """The state of a task at one moment.

    Attributes:
        status: ``"running"``, ``"completed"`` (``"success"`` for an export), or the
            status of a failure.
        progress: Whole percent, 100 only for a completed task.
        report: Result of a completed refresh.
        export: Result of a completed export.
    """

    status: str
    progress: int
    report: CountersReport | None = None
    export: Export | None = None


class _Ids(NamedTuple):
    resource: int
    database: int
    segment: int | None = None


class World(Catalogue):
    """The state of a pretend platform.

    Any resource can be refreshed in any database, linked or not, as the vendor documents
    no refusal. A segment without a database is counted in its own.

    Attributes:
        channels: Channels of every resource, in the order of the responses.
        starts: Number of started tasks per target, 0 for any other.
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
        """Take the arguments of `Simulator`; objects are drawn when they are read."""
        check_duration(duration)
        check_curve(curve)
        super().__init__(seed=seed, resources=resources, databases=databases, segments=segments)
        self.channels = tuple(channels)
        self.starts: Counter[tuple[TaskKind, tuple[int, ...]]] = Counter()
        self._duration = duration
        self._curve: Curve = curve
        self._tasks: dict[str, Task] = {}
        # Task ids by resource and database, oldest first.
        self._refreshes: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
        self._exports: Counter[Source] = Counter()
        self._drawn: dict[tuple[int, int], dict[str, GrowingCounters]] = {}

    def start(self, target: Target, now: float) -> str:
        """Start a refresh and return the id of its task.

        The vendor does not document whether a start joins a running refresh of its
        target. Here it never does, so that a superfluous start shows.

        Raises:
            UnknownObjectError: The target names an unknown object.
        """
        ids = self._known_ids(target)
        self.starts[target] += 1
        rng = seeded_random(self._seed, target.kind, target.ids, self.starts[target])
        task_id = _draw_task_id(rng)
        refreshes = self._refreshes[ids.resource, ids.database]
        refreshes.append(task_id)
        self._tasks[task_id] = self._draw_task(target, now, rng, refreshes=len(refreshes))
        return task_id

    def export(self, source: Source, now: float) -> str:
        """Start an export of profiles and return the id of its task.

        Raises:
            UnknownObjectError: There is no such database or segment.
        """
        self._size(source)
        self._exports[source] += 1
        rng = seeded_random(self._seed, "export", source, self._exports[source])
        # The vendor's page on exports shows ids with this prefix.
        task_id = f"task_{_draw_task_id(rng)}"
        self._tasks[task_id] = self._draw_task(source, now, rng)
        return task_id

    def poll(self, task_id: str, now: float) -> TaskState | None:
        """Return the state of a task, ``None`` for an unknown one."""
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
        return TaskState(COMPLETED, 100, self._report(task, self._ids(task.target)))

    def end_of(self, task_id: str) -> float | None:
        """Return when a task ends, ``None`` for an unknown one."""
        task = self._tasks.get(task_id)
        return task.end() if task else None

    def fail(self, task_id: str, status: str = "failed", *, at: float | None = None) -> None:
        """Make a known task fail: at a given time, or when it would complete.

        The vendor does not document failed tasks. Here, a failed task has this status,
        the progress that it had reached, and no result.
        """
        task = self._tasks.get(task_id)
        if task:
            self._tasks[task_id] = task.failing(status, at)

    def forget(self, task_id: str) -> None:
        """Make a task unknown, as if it had expired."""
        self._tasks.pop(task_id, None)

    def counters(self, resource_id: int, database_id: int) -> Mapping[str, SubscriptionCounters]:
        """Return the counters by channel after the newest refresh, even if it is running."""
        refreshes = len(self._refreshes.get((resource_id, database_id), ()))
        return self._counters(_Ids(resource_id, database_id), refreshes)

    def last_counters(self, target: Target, now: float) -> Mapping[str, SubscriptionCounters]:
        """Return the counters by channel after the newest completed refresh.

        Refreshes of a resource in a database, of that database in the resource, and of
        segments of both count the same subscriptions.

        Raises:
            UnknownObjectError: The target names an unknown object.
        """
        ids = self._known_ids(target)
        tasks = reversed(self._refresh_tasks(ids).values())
        completed = (task.refreshes for task in tasks if task.has_completed(now))
        return self._counters(ids, next(completed, 0))

    def last_group(self, target: Target, now: float) -> CounterGroup:
        """Return `last_counters` as a group that also reports a running refresh.

        Here, a resource in a database and that database in the resource are one target,
        and each segment is its own. A target without a completed refresh was counted at
        0 seconds of the clock.

        Raises:
            UnknownObjectError: The target names an unknown object.
        """
        channels, ids = self.last_counters(target, now), self._ids(target)
        tasks = {
            task_id: task
            for task_id, task in self._refresh_tasks(ids).items()
            if isinstance(task.target, Target) and self._ids(task.target) == ids
        }
        running = [task_id for task_id, task in tasks.items() if not task.is_over(now)]
        completed = [task for task in tasks.values() if task.has_completed(now)]
        last = max([Task(target, 0, 0.0, 0.0, shape=float), *completed], key=Task.end)
        return CounterGroup(
            database_id=ids.database,
            resource_id=ids.resource,
            channels=channels,
            in_progress=bool(running),
            refresh_task_id=running[-1] if running else "",
            updated=instant(last.end()),
            last_count_time=last_count_time(instant(last.started), last.duration),
        )

    def _draw_task(
        self, target: Target | Source, now: float, rng: random.Random, *, refreshes: int = 0
    ) -> Task:
        duration, shape = draw_duration(self._duration, rng), draw_shape(self._curve, rng)
        return Task(target, refreshes, now, duration, shape)

    def _refresh_tasks(self, ids: _Ids) -> dict[str, Task]:
        """Return the known tasks that refreshed a resource in a database, oldest first."""
        task_ids = self._refreshes.get((ids.resource, ids.database), ())
        return {task_id: self._tasks[task_id] for task_id in task_ids if task_id in self._tasks}

    def _size(self, source: Source) -> int:
        if source.type == "database":
            return self.database_size(source.id)
        return self.segment_size(source.id)

    def _counters(self, ids: _Ids, refreshes: int) -> dict[str, SubscriptionCounters]:
        key = (ids.resource, ids.database)
        if key not in self._drawn:
            self._drawn[key] = draw_counters(self._seed, *key, self.channels)
        counters = {name: drawn.after(refreshes) for name, drawn in self._drawn[key].items()}
        if ids.segment is None:
            return counters
        share = draw_segment_share(self._seed, ids.segment)
        return {name: segment_counters(whole, share) for name, whole in counters.items()}

    def _report(self, task: Task, ids: _Ids) -> CountersReport:
        # Of the documented groups, those of segments alone name the resource, and have no
        # last_count_time.
        counted_at = last_count_time(instant(task.started), task.duration)
        group = CounterGroup(
            database_id=ids.database,
            resource_id=None if ids.segment is None else ids.resource,
            channels=self._counters(ids, task.refreshes),
            updated=instant(task.end()),
            last_count_time=counted_at if ids.segment is None else "",
        )
        return CountersReport((group,))

    def _known_ids(self, target: Target) -> _Ids:
        ids = self._ids(target)
        if ids.segment is not None:
            check_known("segment", ids.segment, self.segments)
        check_known("resource", ids.resource, self.resources)
        check_known("database", ids.database, self.databases)
        return ids

    def _ids(self, target: Target) -> _Ids:
        first, second, *rest = target.ids
        if target.kind == "resource":
            return _Ids(first, second)
        if target.kind == "database":
            return _Ids(second, first)
        # On a platform without databases, any id is an unknown one.
        database_id = rest[0] if rest else segment_database(first, self.databases) or 1
        return _Ids(second, database_id, first)


def _draw_task_id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
