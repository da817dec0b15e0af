"""`CounterRow`: the counters of one channel as a flat row for tables."""

from __future__ import annotations

from collections.abc import KeysView
from datetime import datetime
from typing import NamedTuple

from altcraft_async.models.targets import TaskKind

__all__ = ["CounterRow"]


class CounterRow(NamedTuple):
    """The counters of one channel, with the ids and times that a table needs.

    A list of rows goes as it is into ``polars.DataFrame(rows, orient="row")``,
    ``pandas.DataFrame(rows)``, ``csv.writer(…).writerows(rows)``,
    ``csv.DictWriter(…, CounterRow._fields).writerows(rows)`` and ``executemany`` of a
    database. ``row._asdict()`` is a dict.

    Attributes:
        kind: What was refreshed.
        resource_id: The resource; ``None`` where neither answer nor target names it.
        database_id: The profile database; ``None`` where neither names it.
        segment_id: The segment; ``None`` for other kinds.
        name: Its name, where the caller gave it to ``rows``.
        channel: Such as ``email``; an open set.
        all: As in `SubscriptionCounters`, like the nine that follow; ``None`` where not sent.
        subscribed: May be messaged.
        unsubscribed: Opted out.
        complained: Reported spam.
        hardbounced: The address does not exist.
        unconfirmed: Double opt-in is not confirmed yet.
        suspended: Not messaged for the time being.
        invalid: Cannot be messaged for another reason.
        subscribed_sendable: As sent; the vendor does not define it.
        unconfirmed_sendable: As sent; the vendor does not define it.
        counted_at: When the platform began to count, aware; ``None`` where it does not say.
        updated: When the platform stored the counters, aware; ``None`` where it does not say.
        refreshed_at: When the start of the refresh was answered, aware, by this
            machine's clock; ``None`` for counters that were only read.
    """

    kind: TaskKind
    resource_id: int | None
    database_id: int | None
    segment_id: int | None
    name: str | None
    channel: str
    all: int | None
    subscribed: int | None
    unsubscribed: int | None
    complained: int | None
    hardbounced: int | None
    unconfirmed: int | None
    suspended: int | None
    invalid: int | None
    subscribed_sendable: int | None
    unconfirmed_sendable: int | None
    counted_at: datetime | None
    updated: datetime | None
    refreshed_at: datetime | None

    def keys(self) -> KeysView[str]:
        """Return the field names, as ``csv.DictWriter`` asks for."""
        return dict.fromkeys(self._fields).keys()

    def get(self, name: str, default: object = None) -> object:
        """Return a field by its name, as ``csv.DictWriter`` asks for."""
        return getattr(self, name, default) if name in self._fields else default
