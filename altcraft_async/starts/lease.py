"""Waits for the end of a lease, by a clock that is never set.

A lease ends at a time of day, and the clock of its process may have been ahead.
So it ends at the latest when its intent has been seen for as long as the lease
is long: `transitions.decide` is told for how long that has been.
"""

from __future__ import annotations

import asyncio
import math
from datetime import datetime

from altcraft_async.models import LedgerEntry
from altcraft_async.observer import logger
from altcraft_async.starts.transitions import Wait, seconds_ahead, start_pending

__all__ = ["LeaseWait"]


class LeaseWait:
    """The wait of one start for those of other processes."""

    def __init__(self, timeout: float | None) -> None:
        """Begin to wait.

        Args:
            timeout: Seconds after which the caller gives up; ``None`` for never.
        """
        self._time = asyncio.get_running_loop().time
        self._give_up_at = math.inf if timeout is None else self._time() + timeout
        self._seen: tuple[LedgerEntry | None, ...] = ()
        self._since = 0.0
        self._warned = False

    def seconds_seen(self, *entries: LedgerEntry | None) -> float:
        """Return for how long these entries, which were just read, have been the same."""
        if entries != self._seen:
            self._seen, self._since, self._warned = entries, self._time(), False
        return self._time() - self._since

    def seconds_to_wait(self, wait: Wait, now: datetime) -> float:
        """Return the seconds until the ledger is read again; warn once of a wrong clock.

        Args:
            wait: As it was decided.
            now: The ledger's time of day.

        Raises:
            StartUnknownError: The caller's time is over.
        """
        left = self._give_up_at - self._time()
        if left <= 0:
            raise start_pending(wait.intent)
        ahead = seconds_ahead(wait.intent, now)
        if ahead and not self._warned:
            self._warned = True
            words = "%s: the clock of the process that began to start it is %.0f s ahead of ours"
            logger.warning(words, wait.intent.key, ahead)
        return min(wait.seconds, left)
