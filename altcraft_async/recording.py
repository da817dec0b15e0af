"""What could not be written into the ledger at once is written in the background."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from altcraft_async.core.starts import note_ended, note_started, note_withdrawn
from altcraft_async.ledger import LedgerEntry, TaskLedger, entry_key
from altcraft_async.models import TaskRef

__all__ = ["Recorder"]

logger = logging.getLogger("altcraft_async")

PAUSE = 1.0
"""Seconds after a write that failed: an outage of the store is not made worse."""

LAST_SECONDS = 5.0
"""How long a client that is closed goes on writing; as long as SQLite waits for a lock."""

_Change = Callable[[LedgerEntry | None], LedgerEntry | None]


class Recorder:
    """Writes one change after the other, again and again where the ledger fails.

    It has a task only while there is something to write, and none of it stands
    in a caller's way. What it does is safe to leave out: an entry that says
    less than is known leads to a question, never to a second start.
    """

    def __init__(self, ledger: TaskLedger, api_root: str) -> None:
        """Begin with nothing to write."""
        self._ledger = ledger
        self._root = api_root
        self._changes: deque[tuple[str, str, _Change]] = deque()
        self._writing: asyncio.Task[None] | None = None

    def started(self, intent: LedgerEntry, ref: TaskRef) -> None:
        """Note that a start was answered."""
        self._add(intent.key, ref.task_id, partial(_started, intent, ref))

    def withdraw(self, intent: LedgerEntry) -> None:
        """Note that an intent that may be in the ledger was surely not sent."""
        self._add(intent.key, "", partial(note_withdrawn, intent))

    def ended(self, ref: TaskRef) -> None:
        """Note that a task is over; one that the ledger does not know is none of its business."""
        if ref.target is not None:
            key = entry_key(self._root, ref.kind, ref.target)
            self._add(key, ref.task_id, partial(note_ended, ref))

    async def aclose(self) -> None:
        """Write what is left, for a bounded time, and say what is lost."""
        if self._writing is None:
            return
        _, late = await asyncio.wait([self._writing], timeout=LAST_SECONDS)
        for task in late:
            task.cancel()
            await asyncio.wait([task])
        if self._changes:
            some = ", ".join(f"{key} {task_id}".rstrip() for key, task_id, _ in self._changes)
            logger.warning("not written into the ledger: %s", some)

    def _add(self, key: str, task_id: str, change: _Change) -> None:
        self._changes.append((key, task_id, change))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        warned = False
        while self._changes:
            key, _, change = self._changes[0]
            try:
                await self._write(key, change)
            except Exception as failed:  # noqa: BLE001 -- a ledger may be the user's code
                if not warned:
                    logger.warning("the ledger fails, trying on: %s", failed)
                warned = True
                # To the end, so that one entry that cannot be written keeps no other waiting.
                self._changes.rotate(-1)
                await asyncio.sleep(PAUSE)
            else:
                self._changes.popleft()

    async def _write(self, key: str, change: _Change) -> None:
        while True:
            stored = await self._ledger.read(key)
            wanted = change(stored)
            if wanted is None or await self._ledger.write(wanted, expected=wanted.revision - 1):
                return


def _started(intent: LedgerEntry, ref: TaskRef, stored: LedgerEntry | None) -> LedgerEntry | None:
    wanted = note_started(intent, ref, stored)
    if wanted is None and (stored is None or stored.ref != ref):
        logger.warning("task %s is not in the ledger, which has moved on: %s", ref.task_id, stored)
    return wanted
