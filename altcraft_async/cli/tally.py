"""What came of many refreshes, added up as they come. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from altcraft_async import (
    AltcraftError,
    Completed,
    CountersReport,
    Failed,
    SubscriptionCounters,
)

__all__ = ["Tally"]

Target = tuple[int, int]


@dataclass
class Tally:
    """The running totals of many refreshes.

    Attributes:
        total: How many there will be.
        taken: How many were begun.
        completed: How many gave counters.
        failed: How many did not.
        looks: Looks at the tasks that were completed.
        seconds: How long it all took, once it is over.
        channels: Counters by channel, summed over what was completed.
        first_failure: Why the first failed one did.
    """

    total: int
    taken: int = 0
    completed: int = 0
    failed: int = 0
    looks: int = 0
    seconds: float = 0.0
    channels: dict[str, SubscriptionCounters] = field(
        default_factory=dict[str, SubscriptionCounters]
    )
    first_failure: AltcraftError | None = None

    @property
    def done(self) -> int:
        """How many are over."""
        return self.completed + self.failed

    @property
    def running(self) -> int:
        """How many are begun and not over."""
        return self.taken - self.done

    def counting(self, targets: Iterable[Target]) -> Iterator[Target]:
        """Hand the targets on and count them as they are taken."""
        for target in targets:
            self.taken += 1
            yield target

    def add(self, outcome: Completed[CountersReport] | Failed) -> None:
        """Count one more that is over."""
        if isinstance(outcome, Failed):
            self.failed += 1
            self.first_failure = self.first_failure or outcome.error
            return
        self.completed += 1
        self.looks += outcome.polls
        for group in outcome.value.groups:
            for name, counters in group.channels.items():
                sum_so_far = self.channels.get(name, SubscriptionCounters())
                self.channels[name] = _plus(sum_so_far, counters)


def _plus(one: SubscriptionCounters, other: SubscriptionCounters) -> SubscriptionCounters:
    """Add figure by figure; what neither has stays unsaid."""
    sums: dict[str, int] = {}
    for figure in msgspec.structs.fields(SubscriptionCounters):
        values: list[int | None] = [getattr(one, figure.name), getattr(other, figure.name)]
        said = [value for value in values if value is not None]
        if said:
            sums[figure.name] = sum(said)
    return SubscriptionCounters(**sums)
