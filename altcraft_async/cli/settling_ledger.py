"""A ledger that lets the starts under way be answered before a run stops.

A start that is cancelled before its answer may have happened, and is never
sent again by itself. So a run that is told to stop sends no more starts, and
leaves once the ledger has the task of each that it has sent.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from altcraft_async import LedgerError, SQLiteLedger
from altcraft_async.models import LedgerEntry
from altcraft_async.starts.ledger import name_key

__all__ = ["SettlingLedger"]

SETTLE_SECONDS = 5.0
"""Seconds for which a run that stops waits for the answers to its starts."""


class SettlingLedger(SQLiteLedger):
    """A ledger in a file that knows which starts of this process are under way."""

    def __init__(self, path: Path, *, keep: float) -> None:
        """Begin without starts under way; the arguments are those of `SQLiteLedger`."""
        super().__init__(path, keep=keep)
        self._under_way: set[str] = set()
        self._changed = asyncio.Event()
        self._is_settling = False

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Note an intent as under way until its entry changes; refuse it while settling."""
        if entry.ref is not None or entry.over or _is_record(entry):
            try:
                return await super().write(entry, expected=expected)
            finally:
                self._remove(entry.key)
        if self._is_settling:
            msg = "ledger: the run is being stopped, so nothing more is started"
            raise LedgerError(msg)
        self._under_way.add(entry.key)
        is_written = False
        try:
            is_written = await super().write(entry, expected=expected)
        finally:
            if not is_written:
                self._remove(entry.key)
        return is_written

    async def settle(self) -> None:
        """Let no more starts be sent, and wait a few seconds for the answers to those under way.

        Called again, it returns at once.
        """
        if self._is_settling:
            return
        self._is_settling = True
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while self._under_way:
                    self._changed.clear()
                    await self._changed.wait()

    def _remove(self, key: str) -> None:
        self._under_way.discard(key)
        self._changed.set()


def _is_record(entry: LedgerEntry) -> bool:
    """Tell whether an entry is what is kept of a name, which is no start."""
    return entry.key.endswith(name_key("", entry.idempotency_key))
