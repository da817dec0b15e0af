"""Writes in the background what could not be written into the ledger at once.

That is the task's id where its write failed, the withdrawal of an intent, and
the end of a task. A lost write can cause a `StartUnknownError` or a poll,
never a duplicate start, so no caller waits for any of them.

Changes are queued by key, as those of one entry have to be written in order.
One asyncio task writes the oldest change of up to 32 keys at once: it reads
the entry, asks a function of `transitions` for the next one, and writes that.
A change that fails stays in the queue, and the task sleeps a second before it
goes on. The task ends with the queue.

Closing goes on as long as writes succeed, and five seconds beyond the last.
What is left is logged.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from itertools import islice

from altcraft_async.models import LedgerEntry, TaskRef
from altcraft_async.observer import about, logger
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.transitions import changed, end_of, withdrawal_of
from altcraft_async.tasks.descriptions import named

__all__ = ["BackgroundWriter"]

RETRY_DELAY = 1.0
"""Seconds after a write that failed, so that a store that is down gets no rush of writes."""

CLOSING_SECONDS = 5.0
"""Seconds that closing waits for a write to succeed: as SQLite waits for a lock."""

WRITES_AT_ONCE = 32
"""Keys written at once: as many as `refresh_many` sends starts, so that neither waits."""

_Change = Callable[[LedgerEntry | None], LedgerEntry | None]
"""From the stored entry to the one to write; ``None`` where there is nothing to write."""


class BackgroundWriter:
    """Writes changes into one ledger, and tries again where the ledger fails."""

    def __init__(self, ledger: TaskLedger) -> None:
        """Begin with nothing to write."""
        self._ledger = ledger
        self._changes: OrderedDict[str, deque[tuple[str, _Change]]] = OrderedDict()
        self._written = 0
        self._writing: asyncio.Task[None] | None = None

    def started(self, intent: LedgerEntry, ref: TaskRef) -> None:
        """Write that a start was answered with this task."""

        def change(stored: LedgerEntry | None) -> LedgerEntry | None:
            if stored == intent:
                return changed(intent, ref=ref)
            if stored is None or stored.ref != ref:
                words = "%s is not in the ledger, whose entry was changed meanwhile: %s"
                logger.warning(words, named(ref), stored, extra=about(ref))
            return None

        self._add(intent.key, ref.task_id, change)

    def withdraw(self, intent: LedgerEntry) -> None:
        """Write that an intent, which may be stored, was not sent."""
        self._add(intent.key, "", partial(withdrawal_of, intent))

    def restore(self, entry: LedgerEntry) -> None:
        """Write the entry of a running task where the ledger has none of its target."""
        task_id = entry.ref.task_id if entry.ref else ""
        self._add(entry.key, task_id, lambda stored: entry if stored is None else None)

    def ended(self, key: str, ref: TaskRef) -> None:
        """Write that a task has ended, if the ledger has it under this key."""
        self._add(key, ref.task_id, partial(end_of, ref))

    async def aclose(self) -> None:
        """Write what is left as long as writes succeed, and log the rest."""
        while self._writing is not None and not self._writing.done():
            before = self._written
            await asyncio.wait([self._writing], timeout=CLOSING_SECONDS)
            if self._written == before:
                self._writing.cancel()
                await asyncio.wait([self._writing])
        if self._changes:
            self._log_lost()

    def _log_lost(self) -> None:
        lost = [(key, task_id) for key, some in self._changes.items() for task_id, _ in some]
        words = "could not write %d changes into the ledger: %s"
        shown = ", ".join(f"{key} {task_id}".rstrip() for key, task_id in lost[:10])
        fields = {"altcraft_task_ids": [task_id for _, task_id in lost[:10] if task_id]}
        logger.warning(words, len(lost), shown, extra=fields)

    def _add(self, key: str, task_id: str, change: _Change) -> None:
        self._changes.setdefault(key, deque()).append((task_id, change))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        warned = False
        while self._changes:
            # They stay in the queue meanwhile, so that closing can log those it cancels.
            keys = list(islice(self._changes, WRITES_AT_ONCE))
            work = (self._write(key, self._changes[key][0][1]) for key in keys)
            failures = await asyncio.gather(*work, return_exceptions=True)
            for key, failure in zip(keys, failures, strict=True):
                if failure is None:
                    self._remove_first(key)
                else:
                    self._changes.move_to_end(key)
            failed = next(filter(None, failures), None)
            if failed is not None:
                if not warned:
                    logger.warning("a write into the ledger failed and is tried again: %s", failed)
                warned = True
                await asyncio.sleep(RETRY_DELAY)

    def _remove_first(self, key: str) -> None:
        self._written += 1
        self._changes[key].popleft()
        if not self._changes[key]:
            del self._changes[key]

    async def _write(self, key: str, change: _Change) -> None:
        while True:
            stored = await self._ledger.read(key)
            wanted = change(stored)
            if wanted is None or await self._ledger.write(wanted, expected=wanted.revision - 1):
                return
