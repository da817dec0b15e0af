"""What could not be written into the ledger at once is written in the background."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from itertools import islice

from altcraft_async.models import LedgerEntry, TaskRef
from altcraft_async.observer import about, logger
from altcraft_async.starts.ledger import TaskLedger, entry_key
from altcraft_async.starts.transitions import note_ended, note_started, note_withdrawn
from altcraft_async.tasks.poller import named

__all__ = ["Recorder"]

PAUSE = 1.0
"""Seconds after a write that failed: an outage of the store is not made worse."""

LAST_SECONDS = 5.0
"""How long a client that is closed goes on where nothing can be written: as SQLite for a lock."""

AT_ONCE = 32
"""Changes written at once: as many as starts are sent, so that neither keeps the other waiting."""

_Change = Callable[[LedgerEntry | None], LedgerEntry | None]


class Recorder:
    """Writes changes, a few at once, again and again where the ledger fails.

    It has a task only while there is something to write, and none of it stands
    in a caller's way. What it does is safe to leave out: an entry that says
    less than is known leads to a question, never to a second start.
    """

    def __init__(self, ledger: TaskLedger, api_root: str) -> None:
        """Begin with nothing to write."""
        self._ledger = ledger
        self._root = api_root
        # By key, as those of one entry are written in the order in which they came.
        self._changes: OrderedDict[str, deque[tuple[str, _Change]]] = OrderedDict()
        self._written = 0
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
        """Write what is left, as long as that goes well, and say what is lost."""
        while self._writing is not None and not self._writing.done():
            before = self._written
            await asyncio.wait([self._writing], timeout=LAST_SECONDS)
            if self._written == before:
                self._writing.cancel()
                await asyncio.wait([self._writing])
        if self._changes:
            self._say_what_is_lost()

    def _say_what_is_lost(self) -> None:
        lost = [(key, task_id) for key, some in self._changes.items() for task_id, _ in some]
        words = "left %d changes out of the ledger: %s"
        named_here = ", ".join(f"{key} {task_id}".rstrip() for key, task_id in lost[:10])
        fields = {"altcraft_task_ids": [task_id for _, task_id in lost[:10] if task_id]}
        logger.warning(words, len(lost), named_here, extra=fields)

    def _add(self, key: str, task_id: str, change: _Change) -> None:
        self._changes.setdefault(key, deque()).append((task_id, change))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        warned = False
        while self._changes:
            # They stay in the queue meanwhile, so that those that are broken off can be named.
            keys = list(islice(self._changes, AT_ONCE))
            work = (self._write(key, self._changes[key][0][1]) for key in keys)
            failures = await asyncio.gather(*work, return_exceptions=True)
            for key, failure in zip(keys, failures, strict=True):
                if failure is None:
                    self._forget_first(key)
                else:
                    self._changes.move_to_end(key)
            failed = next(filter(None, failures), None)
            if failed is not None:
                if not warned:
                    logger.warning("the ledger fails, trying on: %s", failed)
                warned = True
                await asyncio.sleep(PAUSE)

    def _forget_first(self, key: str) -> None:
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


def _started(intent: LedgerEntry, ref: TaskRef, stored: LedgerEntry | None) -> LedgerEntry | None:
    wanted = note_started(intent, ref, stored)
    if wanted is None and (stored is None or stored.ref != ref):
        words = "%s is not in the ledger, which has moved on: %s"
        logger.warning(words, named(ref), stored, extra=about(ref))
    return wanted
