"""Ledgers in memory that are slow or fail."""

from __future__ import annotations

import asyncio

from altcraft_async import LedgerEntry, LedgerError
from tests.support.ledgers import MemoryLedger

__all__ = ["FailingLedger", "SlowLedger"]


class SlowLedger(MemoryLedger):
    """A ledger whose writes return some time after they are stored.

    Attributes:
        seconds: How long after.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        """Begin empty."""
        super().__init__()
        self.seconds = seconds

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Write, then sleep."""
        written = await super().write(entry, expected=expected)
        await asyncio.sleep(self.seconds)
        return written


class FailingLedger(MemoryLedger):
    """A ledger that fails while it is told to.

    Attributes:
        fails: What fails: ``"read"``, the write of an ``"intent"`` or of a ``"task"``,
            or the ``"answer"`` to a write that was stored.
    """

    def __init__(self, *fails: str) -> None:
        """Begin empty."""
        super().__init__()
        self.fails = set(fails)

    async def read(self, key: str) -> LedgerEntry | None:
        """Read, or fail."""
        self._fail("read")
        return await super().read(key)

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Write, or fail before or after it was stored."""
        self._fail("intent" if entry.ref is None and not entry.over else "task")
        written = await super().write(entry, expected=expected)
        self._fail("answer")
        return written

    def _fail(self, what: str) -> None:
        if what in self.fails:
            msg = f"ledger: no {what}"
            raise LedgerError(msg)
