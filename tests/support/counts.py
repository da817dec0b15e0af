"""Rows of counters for tests of the history: what was counted on which night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from altcraft_async import CounterRow

__all__ = ["NIGHT", "night", "row_of"]

NIGHT = datetime(2030, 1, 31, 2, tzinfo=UTC)
"""When the last of them was refreshed."""

EMPTY = CounterRow._make([None] * len(CounterRow._fields))


def night(days_ago: int) -> datetime:
    """Return the time of a nightly run before the last one."""
    return NIGHT - timedelta(days=days_ago)


def row_of(days_ago: int = 0, **fields: Any) -> CounterRow:  # noqa: ANN401 -- of columns
    """Return a row of resource 24, as a nightly refresh gives it, with other fields where named."""
    refreshed_at = night(days_ago)
    known: dict[str, Any] = {
        "kind": "resource",
        "resource_id": 24,
        "database_id": 1,
        "name": "Shop",
        "channel": "email",
        "subscribed": 800,
        "refreshed_at": refreshed_at,
        "counted_at": refreshed_at + timedelta(seconds=0.25),
        "updated": refreshed_at + timedelta(seconds=2.5),
    }
    return EMPTY._replace(**{**known, **fields})
