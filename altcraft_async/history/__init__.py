"""A history of counters: what each channel had on which day, and what changed since."""

from altcraft_async.history.changes import Change, Limit, changes
from altcraft_async.history.store import CounterHistory

__all__ = ["Change", "CounterHistory", "Limit", "changes"]
