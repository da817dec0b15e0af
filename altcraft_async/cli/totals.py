"""Totals of many refreshes, added up as their outcomes arrive. No I/O."""

from __future__ import annotations

from typing import NamedTuple, cast

from altcraft_async import (
    AltcraftError,
    Failed,
    Resource,
    SubscriptionCounters,
    TaskRef,
    WaitError,
)
from altcraft_async.cli.object_kinds import Outcome, Target
from altcraft_async.models.counters import channel_order

__all__ = ["FAILURES_KEPT", "ResourceTotals", "Snapshot", "Totals"]

FAILURES_KEPT = 10
"""Failures that are shown one by one; the others are only counted."""


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
        failures: The first failures.
        running: Started tasks without an outcome, by id.
        unfinished: Tasks whose wait ended while they ran, by id.
        names: Names of resources, as far as known, by id.
        way_back: The command that goes on with a named run; ``None`` for others.
        left: How many a named run would try again.
        unknown: How many it may have started before, and does not start by itself.
    """

    def __init__(self, total: int | None = None) -> None:
        """Start at zero."""
        self.total = total
        self.completed = 0
        self.failed = 0
        self.polls = 0
        self.seconds = 0.0
        self.channels: dict[str, SubscriptionCounters] = {}
        self.failures: list[Failed] = []
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

    @property
    def first_failure(self) -> AltcraftError | None:
        """The error of the first failure."""
        return self.failures[0].error if self.failures else None

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
        for group in outcome.value.groups:
            for name, counters in group.channels.items():
                self.channels[name] = _sum(self.channels.get(name), counters)
        names = sorted(self.channels, key=channel_order)
        self.channels = {name: self.channels[name] for name in names}

    def _add_failure(self, failure: Failed) -> None:
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(failure)
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
        super().__init__()
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
