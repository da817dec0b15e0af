"""What came of many refreshes, added up as they come. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, cast

import msgspec

from altcraft_async import (
    AltcraftError,
    Completed,
    CountersReport,
    Failed,
    SubscriptionCounters,
    TaskRef,
    WaitError,
)

__all__ = ["FAILURES_KEPT", "Outcome", "Reach", "Snapshot", "Tally"]

Outcome = Completed[CountersReport] | Failed

FAILURES_KEPT = 10
"""Failures that are shown one by one; the others are counted."""


class Snapshot(NamedTuple):
    """How far many refreshes are, for a display.

    Attributes:
        done: How many are over.
        total: Of how many, ``None`` where that is unknown.
        unit: Of what, for a person.
    """

    done: int
    total: int | None
    unit: str = ""


@dataclass
class Tally:
    """The running totals of many refreshes.

    Attributes:
        total: How many there will be, ``None`` where that is unknown.
        completed: How many gave counters.
        failed: How many did not.
        polls: Polls at the tasks that were completed.
        seconds: How long it all took, once it is over.
        channels: Counters by channel, summed over what was completed.
        failures: The first of those that failed.
        running: Tasks that are started and not over, by id.
        left: Tasks that were not over in time and go on, by id.
    """

    total: int | None = None
    completed: int = 0
    failed: int = 0
    polls: int = 0
    seconds: float = 0.0
    channels: dict[str, SubscriptionCounters] = field(
        default_factory=dict[str, SubscriptionCounters]
    )
    failures: list[Failed] = field(default_factory=list[Failed])
    running: dict[str, TaskRef] = field(default_factory=dict[str, TaskRef])
    left: dict[str, TaskRef] = field(default_factory=dict[str, TaskRef])

    @property
    def done(self) -> int:
        """How many are over."""
        return self.completed + self.failed

    @property
    def first_failure(self) -> AltcraftError | None:
        """Why the first failed one did."""
        return self.failures[0].error if self.failures else None

    def snapshot(self) -> Snapshot:
        """Say how far it is."""
        return Snapshot(self.done, self.total)

    def begin(self, ref: TaskRef) -> None:
        """Note a task that was started."""
        self.running[ref.task_id] = ref

    def add(self, outcome: Outcome) -> None:
        """Count one more that is over."""
        if outcome.ref is not None:
            self.running.pop(outcome.ref.task_id, None)
        if isinstance(outcome, Failed):
            self._add_failure(outcome)
            return
        self.completed += 1
        self.polls += outcome.polls
        for group in outcome.value.groups:
            for name, counters in group.channels.items():
                sum_so_far = self.channels.get(name, SubscriptionCounters())
                self.channels[name] = _plus(sum_so_far, counters)

    def _add_failure(self, failure: Failed) -> None:
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(failure)
        if isinstance(failure.error, WaitError):
            self.left[failure.error.ref.task_id] = failure.error.ref


class Reach:
    """How many of the resources that there are have been reached.

    How many refreshes that makes is known only at the end, as each resource
    is looked up for its databases. So the way is measured in resources.
    """

    def __init__(self, total: int | None) -> None:
        """Begin with what the platform says that there are."""
        self._total = total
        self._skipped = 0
        self._chosen = 0
        self._reached: set[int] = set()

    def list(self, *, chosen: bool) -> None:
        """Note a resource that was found, and whether it is to be refreshed."""
        self._chosen += chosen
        self._skipped += not chosen

    def add(self, outcome: Outcome) -> None:
        """Note the resource of a refresh that is over."""
        target = outcome.target
        if isinstance(target, tuple):
            self._reached.add(cast("tuple[int, ...]", target)[0])

    def snapshot(self) -> Snapshot:
        """Say how far it is; what is not to be refreshed does not count."""
        # Displays read this from their own thread, in the midst of a listing.
        total = None if self._total is None else max(self._total - self._skipped, self._chosen)
        return Snapshot(len(self._reached), total, " resources")


def _plus(one: SubscriptionCounters, other: SubscriptionCounters) -> SubscriptionCounters:
    """Add figure by figure; what neither has stays unsaid."""
    sums: dict[str, int] = {}
    for figure in msgspec.structs.fields(SubscriptionCounters):
        values: list[int | None] = [getattr(one, figure.name), getattr(other, figure.name)]
        said = [value for value in values if value is not None]
        if said:
            sums[figure.name] = sum(said)
    return SubscriptionCounters(**sums)
