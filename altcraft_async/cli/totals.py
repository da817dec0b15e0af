"""Totals of many refreshes, added up as their outcomes arrive. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from altcraft_async import (
    AltcraftError,
    CountersReport,
    Failed,
    Resource,
    StartUnknownError,
    SubscriptionCounters,
    TaskError,
    TaskKind,
    TaskRef,
    WaitError,
)
from altcraft_async.cli.object_kinds import Outcome, Target, named_ids
from altcraft_async.models.counters import channel_order
from altcraft_async.models.targets import target_words
from altcraft_async.tasks.descriptions import last_status, named

__all__ = [
    "NAMED_PER_REASON",
    "FailureGroup",
    "ObjectTotals",
    "ReadTotals",
    "ResourceTotals",
    "Snapshot",
    "Totals",
    "label_of",
]

NAMED_PER_REASON = 3
"""Failures of one reason that are named; the others are only counted."""

Channels = dict[str, SubscriptionCounters]

# What differs between failures of one reason: seconds, percent and times of day.
_VARIES = re.compile(r"\d+(\.\d+)? (s|%)|\d\d:\d\d:\d\d")


@dataclass
class FailureGroup:
    """Failures of one reason.

    Attributes:
        reason: The error of the first of them, without its task.
        count: How many there are.
        labels: What the first of them are about.
    """

    reason: str
    count: int = 0
    labels: list[str] = field(default_factory=list[str])


@dataclass
class ObjectTotals:
    """Sums of the counters of one object.

    Attributes:
        name: Its name, where known.
        channels: The sums by channel.
    """

    name: str | None = None
    channels: Channels = field(default_factory=Channels)


class Snapshot(NamedTuple):
    """Progress of many refreshes, for a display.

    Attributes:
        done: How many have an outcome.
        total: How many there will be, ``None`` if unknown.
        unit: What is counted, for people.
    """

    done: int
    total: int | None
    unit: str = ""


class Totals:
    """Running totals of many refreshes.

    Attributes:
        total: How many there will be, ``None`` if unknown.
        completed: How many gave counters.
        failed: How many did not.
        polls: Polls of the completed tasks.
        seconds: Duration of all of them, set at the end.
        channels: Sums of the counters, by channel.
        objects: Sums of the counters of each object, by its label.
        failures: The failures by reason, in the order in which the reasons came up.
        first_failure: The error of the first failure.
        doing: What is being done, for people; set by a subclass, as is ``what``.
        what: What is counted at the end.
        running: Started tasks without an outcome, by id.
        unfinished: Tasks whose wait ended while they ran, by id.
        names: Names of resources, as far as known, by id.
        way_back: The command that goes on with a named run; ``None`` for others.
        left: How many a named run would try again.
        unknown: How many it may have started before, and does not start by itself.
    """

    doing = "refreshing"
    what = "refreshes"

    def __init__(self, total: int | None = None, kind: TaskKind = "resource") -> None:
        """Start at zero.

        Args:
            total: How many there will be, ``None`` if unknown.
            kind: Kind of the targets of failures that have no task.
        """
        self.total = total
        self._kind: TaskKind = kind
        self.completed = 0
        self.failed = 0
        self.polls = 0
        self.seconds = 0.0
        self.channels: dict[str, SubscriptionCounters] = {}
        self.objects: dict[str, ObjectTotals] = {}
        self.failures: dict[str, FailureGroup] = {}
        self.first_failure: AltcraftError | None = None
        self.running: dict[str, TaskRef] = {}
        self.unfinished: dict[str, TaskRef] = {}
        self.names: dict[int, str] = {}
        self.way_back: str | None = None
        self.left = 0
        self.unknown = 0

    @property
    def done(self) -> int:
        """How many have an outcome."""
        return self.completed + self.failed

    def snapshot(self) -> Snapshot:
        """Return the progress."""
        return Snapshot(self.done, self.total)

    def name_of(self, outcome: Outcome) -> str | None:
        """Return the name of what an outcome is about; ``None`` where unknown."""
        target = outcome.target
        return self.names.get(cast("Target", target)[0]) if isinstance(target, tuple) else None

    def begin(self, ref: TaskRef) -> None:
        """Note a started task."""
        self.running[ref.task_id] = ref

    def add(self, outcome: Outcome) -> None:
        """Add an outcome."""
        if outcome.ref is not None:
            self.running.pop(outcome.ref.task_id, None)
        if isinstance(outcome, Failed):
            self._add_failure(outcome)
            return
        self.completed += 1
        self.polls += outcome.polls
        kind = outcome.ref.kind if outcome.ref else outcome.value.kind
        label = label_of(kind, outcome.target, outcome.ref)
        self._add_report(outcome.value, label, self.name_of(outcome))

    def _add_report(self, report: CountersReport, label: str, name: str | None) -> None:
        one = self.objects.setdefault(label, ObjectTotals(name))
        for group in report.groups:
            self.channels = _added(self.channels, group.channels)
            one.channels = _added(one.channels, group.channels)

    def _add_failure(self, failure: Failed) -> None:
        self.failed += 1
        self.first_failure = self.first_failure or failure.error
        reason = _reason(failure)
        key = f"{type(failure.error).__name__} {_VARIES.sub('', reason)}"
        group = self.failures.setdefault(key, FailureGroup(reason))
        group.count += 1
        if len(group.labels) < NAMED_PER_REASON:
            kind = failure.ref.kind if failure.ref else self._kind
            group.labels.append(label_of(kind, failure.target, failure.ref, whole=True))
        if isinstance(failure.error, WaitError):
            self.unfinished[failure.error.ref.task_id] = failure.error.ref


class ResourceTotals(Totals):
    """Totals of refreshes whose progress is measured in resources.

    The number of refreshes is known only at the end, since the databases of a
    resource are looked up shortly before its refreshes start.

    Attributes:
        chosen: Resources listed so far that will be refreshed.
    """

    def __init__(self) -> None:
        """Start at zero; ``total`` may be set to the number of resources at any time."""
        super().__init__(kind="resource")
        self._skipped = 0
        self.chosen = 0
        self._reached: set[int] = set()

    def list(self, resource: Resource, *, chosen: bool) -> None:
        """Note a listed resource, and whether it will be refreshed."""
        self.chosen += chosen
        self._skipped += not chosen
        if chosen:
            self.names[resource.id] = resource.name

    def add(self, outcome: Outcome) -> None:
        """Add an outcome and note its resource."""
        super().add(outcome)
        target = outcome.target
        if isinstance(target, tuple):
            self._reached.add(cast("Target", target)[0])

    def snapshot(self) -> Snapshot:
        """Return the progress; skipped resources do not count."""
        # The display calls this from its own thread, while resources are being listed.
        total = None if self.total is None else max(self.total - self._skipped, self.chosen)
        return Snapshot(len(self._reached), total, " resources")


class ReadTotals(ResourceTotals):
    """Totals of counters that are read without a refresh."""

    doing = "reading"
    what = "reads"


def label_of(
    kind: TaskKind, target: object, ref: TaskRef | None = None, *, whole: bool = False
) -> str:
    """Return a word for what an outcome is about: ``resource 24``.

    Args:
        kind: Kind of the target.
        target: Its ids; a task may be without.
        ref: The task, which is named if the target is unknown.
        whole: Name all ids: ``resource 24, database 1``.
    """
    ids = tuple(named_ids(kind, target).values())
    if ids and kind != "unknown":
        return target_words(kind, ids if whole else ids[:1])
    return f"task {ref.task_id}" if ref else str(target)


def _reason(failure: Failed) -> str:
    """Return the text of an error, without what only this task has."""
    if isinstance(failure.error, StartUnknownError):  # its text is for programs
        return "may have been started just before the run was killed"
    text = str(failure.error)
    if failure.ref:
        text = text.replace(named(failure.ref), "the task").replace(failure.ref.task_id, "…")
    if isinstance(failure.error, TaskError):
        text = text.replace(last_status(failure.error.status), "")
    return text


def _added(
    sums: Mapping[str, SubscriptionCounters], channels: Mapping[str, SubscriptionCounters]
) -> dict[str, SubscriptionCounters]:
    """Return sums with the counters of each channel added, in the order of channels."""
    both = {**sums, **{name: _sum(sums.get(name), one) for name, one in channels.items()}}
    return {name: both[name] for name in sorted(both, key=channel_order)}


def _sum(one: SubscriptionCounters | None, other: SubscriptionCounters) -> SubscriptionCounters:
    """Add counter by counter; ``None`` where neither has a number."""
    if one is None:
        return other
    sums: dict[str, int] = {}
    for name in SubscriptionCounters.__struct_fields__:
        values: list[int | None] = [getattr(one, name), getattr(other, name)]
        if numbers := [value for value in values if value is not None]:
            sums[name] = sum(numbers)
    return SubscriptionCounters(**sums)
