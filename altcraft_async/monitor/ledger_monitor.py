"""`LedgerMonitor`: what a ledger says of the starts of all processes that share it."""

from __future__ import annotations

import time
from collections import deque
from heapq import nlargest, nsmallest

from altcraft_async.history import CounterHistory
from altcraft_async.models import LedgerEntry
from altcraft_async.models.validation import checked_kind
from altcraft_async.monitor.page import MonitorPage
from altcraft_async.monitor.views import SHOWN, Arrival, Failure, Running, Summary, View, What
from altcraft_async.starts.ledger import TaskLedger

__all__ = ["LedgerMonitor"]

_UNKNOWN = "start unknown"
_UNKNOWN_TEXT = "a start was sent, and no process has noted its outcome"


class LedgerMonitor(MonitorPage):
    """Shows the tasks that run, and the starts whose outcome is not known.

    A ledger has no progress and no counters. What ended is known from the first read on.

    ```python
    from altcraft_async import SQLiteLedger
    from altcraft_async.monitor import LedgerMonitor

    async with SQLiteLedger(":memory:") as ledger, LedgerMonitor(ledger, "starts").serve(port=0):
        ...
    ```
    """

    def __init__(
        self,
        ledger: TaskLedger,
        source: str,
        *,
        history: CounterHistory | None = None,
        interval: float = 2.0,
    ) -> None:
        """Remember what to read; you close it.

        Args:
            ledger: All its entries that are not over are read while a page is open.
            source: What the page calls it, such as its path; no password.
            history: Shown as well.
            interval: Seconds between two reads, and more where one takes long.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        super().__init__(source, interval=interval, history=history)
        checked_kind("ledger", ledger, TaskLedger)
        self._ledger = ledger
        self._before: dict[str, LedgerEntry] = {}
        self._over = 0
        self._arrived: deque[Arrival] = deque(maxlen=SHOWN)

    async def view(self) -> View:
        """Read the ledger."""
        now = self._ledger.now()
        found = {entry.key: entry async for entry in self._ledger.entries()}
        self._note_gone(found)
        unknown = [one for one in found.values() if not (one.ref or one.lease_until > now)]
        running = [one for one in found.values() if one.ref or one.lease_until > now]
        summary = Summary(
            source=self.source,
            at=time.time(),
            running=len(running),
            totals={"over": self._over},
            reasons={_UNKNOWN: len(unknown)} if unknown else {},
        )
        return View(
            summary,
            [
                Running(_what(one), "runs" if one.ref else "start under way", _began(one))
                for one in nsmallest(SHOWN, running, key=_began)
            ],
            list(self._arrived),
            [
                Failure(_began(one), _what(one), _UNKNOWN, _UNKNOWN_TEXT)
                for one in nlargest(SHOWN, unknown, key=_began)
            ],
        )

    def _note_gone(self, found: dict[str, LedgerEntry]) -> None:
        """Note which tasks have ended since the read before."""
        for key, entry in self._before.items():
            newest = found.get(key)
            if entry.ref and (newest is None or newest.owner != entry.owner):
                self._over += 1
                self._arrived.appendleft(Arrival(time.time(), _what(entry)))
        self._before = found


def _began(entry: LedgerEntry) -> float:
    return ((entry.ref and entry.ref.started_at) or entry.intended_at).timestamp()


def _what(entry: LedgerEntry) -> What:
    return What(entry.kind, entry.target)
