"""Writes running tasks again into a ledger that has lost them, as a Redis that was flushed.

Polls are the occasion, at most once a second: the task that the client has had
running for longest is looked up. If the ledger does not have it, all running
tasks are written, each unless another process has written its target meanwhile.
Until then, another process can start them again.

What is over is lost: only the ledger remembers it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import msgspec

from altcraft_async.models import LedgerEntry, TaskRef
from altcraft_async.observer import logger
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.registry import MOST_TASKS
from altcraft_async.starts.write_behind import BackgroundWriter

__all__ = ["Restorer"]

CHECK_SECONDS = 1.0
"""Seconds at least between two checks; each is one read."""


class Restorer:
    """Keeps the running tasks of a client in its ledger."""

    def __init__(self, ledger: TaskLedger, writer: BackgroundWriter) -> None:
        """Begin without tasks."""
        self._ledger = ledger
        self._writer = writer
        self._running: OrderedDict[str, LedgerEntry] = OrderedDict()
        self._check_at = 0.0
        self._checking: asyncio.Task[None] | None = None

    def add(self, entry: LedgerEntry) -> None:
        """Keep the entry of a running task."""
        self._running[entry.key] = entry
        if len(self._running) > MOST_TASKS:
            self._running.popitem(last=False)

    def remove(self, key: str, ref: TaskRef) -> None:
        """Drop the entry of a task that has ended."""
        kept = self._running.get(key)
        if kept is not None and kept.ref is not None and kept.ref.task_id == ref.task_id:
            del self._running[key]

    def polled(self) -> None:
        """Check the ledger in the background, unless it was checked a moment ago."""
        loop = asyncio.get_running_loop()
        is_due = loop.time() >= self._check_at and self._running
        if is_due and (self._checking is None or self._checking.done()):
            self._check_at = loop.time() + CHECK_SECONDS
            self._checking = loop.create_task(self._check())

    async def aclose(self) -> None:
        """End a check that is under way."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.wait({self._checking})

    async def _check(self) -> None:
        try:
            found = await self._ledger.read(next(iter(self._running)))
        except Exception:  # noqa: BLE001 -- a ledger may be the user's code
            return  # a later poll checks again
        if found is None and self._running:
            words = "the ledger has lost its entries; %d running tasks are written into it again"
            logger.warning(words, len(self._running))
            for entry in self._running.values():
                self._writer.restore(msgspec.structs.replace(entry, revision=1))
