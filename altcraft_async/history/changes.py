"""What changed between two rows of a series, and limits for it. No I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from altcraft_async.errors import ConfigurationError
from altcraft_async.models import CounterRow, SubscriptionCounters
from altcraft_async.models.validation import checked_choice

__all__ = ["Change", "Limit", "changes", "time_of"]

_COUNTERS = SubscriptionCounters.__struct_fields__

_LIMIT = re.compile(r"\s*(\w+)\s*([<>])\s*([+-]?)(\d+(?:\.\d+)?)\s*(%?)\s*")


class Change(NamedTuple):
    """How a counter of a series moved.

    Attributes:
        before: The earlier row.
        now: The later row, of the same series.
        counter: Name of the counter; both rows have a number for it.
    """

    before: CounterRow
    now: CounterRow
    counter: str

    @property
    def difference(self) -> int:
        """By how much it rose; negative where it fell."""
        now, before = getattr(self.now, self.counter), getattr(self.before, self.counter)
        return int(now - before)

    @property
    def percent(self) -> float:
        """By how much it rose, in percent of what it was; infinite if that was nothing."""
        before = int(getattr(self.before, self.counter))
        if not self.difference:
            return 0.0
        return 100 * self.difference / before if before else math.inf


class Limit(NamedTuple):
    """How far a counter may move, as in ``hardbounced>+5%`` or ``subscribed<-100``.

    Attributes:
        counter: Name of the counter.
        upwards: Whether a rise passes the limit, or else a fall.
        size: The limit, with its sign.
        is_percent: Whether it is in percent of what the counter was.
    """

    counter: str
    upwards: bool
    size: float
    is_percent: bool

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read a limit.

        Raises:
            ConfigurationError: It is none, or no counter has that name.
        """
        match = _LIMIT.fullmatch(text)
        if match is None:
            msg = f"limit: has to be like 'hardbounced>+5%' or 'subscribed<-100', not {text!r}"
            raise ConfigurationError(msg, wrong_value=True)
        counter, relation, sign, size, percent = match.groups()
        checked_choice("limit", counter, *_COUNTERS)
        if not sign:
            msg = (
                f"limit: needs a sign, + for a rise or - for a fall, as in"
                f" '{counter}{relation}{'+' if relation == '>' else '-'}{size}{percent}',"
                f" not {text!r}"
            )
            raise ConfigurationError(msg, wrong_value=True)
        return cls(counter, relation == ">", float(sign + size), bool(percent))

    def is_passed_by(self, change: Change) -> bool:
        """Say whether a change of this counter goes further."""
        moved = change.percent if self.is_percent else change.difference
        return moved > self.size if self.upwards else moved < self.size


def changes(before: Iterable[CounterRow], now: Iterable[CounterRow], counter: str) -> list[Change]:
    """Compare the rows of two moments, such as two calls of `CounterHistory.latest` return.

    Each has at most one row of a series. A series that was not counted in between, or lacks
    one of the two numbers, has no change.

    Raises:
        ConfigurationError: No counter has that name.
    """
    checked_choice("counter", counter, *_COUNTERS)
    earlier = {_series(row): row for row in before}
    pairs = ((earlier.get(_series(row)), row) for row in now)
    return [
        Change(old, row, counter)
        for old, row in pairs
        if old is not None
        and time_of(old) != time_of(row)
        and None not in (getattr(old, counter), getattr(row, counter))
    ]


def time_of(row: CounterRow) -> datetime | None:
    """Return when its refresh was started, or else counted, or else stored by the platform."""
    return row.refreshed_at or row.counted_at or row.updated


def _series(row: CounterRow) -> tuple[object, ...]:
    return row.kind, row.resource_id, row.database_id, row.segment_id, row.channel
