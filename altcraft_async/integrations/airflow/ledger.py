"""A ledger in Airflow's task state, which outlives the tries of a task."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from altcraft_async.errors import LedgerError
from altcraft_async.models import LedgerEntry
from altcraft_async.starts.ledger import TaskLedger

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

__all__ = ["STATE_KEY", "TaskStateLedger"]

STATE_KEY = "altcraft_starts"
"""Where the starts of a task stand in its state, as the web interface shows it."""

T = TypeVar("T")


class TaskStateLedger(TaskLedger):
    """Remembers what the tries of one task in one run have started.

    XCom is of no use for that: Airflow deletes it before a retry. The state
    stays, also when the task is cleared, and nothing has to be set up for it.
    It belongs to one task: two tasks with the same target do not see each
    other, and Airflow runs one try of a task at a time, so that reading and
    then writing is safe.
    """

    def __init__(self, store: TaskStateStoreAccessor) -> None:
        """Use what ``context["task_state_store"]`` is."""
        self._store = store
        self._closed = False

    async def read(self, key: str) -> LedgerEntry | None:
        """Return the entry with this key."""
        stored = self._all().get(key)
        return None if stored is None else LedgerEntry.from_json(stored)

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Store an entry if its key has the expected revision."""
        stored = self._all()
        before = stored.get(entry.key)
        if (LedgerEntry.from_json(before).revision if before else 0) != expected:
            return False
        self._ask(lambda: self._store.set(STATE_KEY, {**stored, entry.key: entry.to_json()}))
        return True

    async def entries(self) -> AsyncIterator[LedgerEntry]:
        """Iterate over the entries that are not over."""
        for stored in self._all().values():
            entry = LedgerEntry.from_json(stored)
            if not entry.over:
                yield entry

    async def aclose(self) -> None:
        """Let go of the state; Airflow keeps it."""
        self._closed = True

    def _all(self) -> dict[str, str]:
        stored = self._ask(lambda: self._store.get(STATE_KEY, {}))
        try:
            return msgspec.convert(stored, dict[str, str])
        except msgspec.ValidationError as refused:
            reason = str(refused)
        msg = f"ledger: the task state {STATE_KEY} holds something else ({reason})"
        raise LedgerError(msg)

    def _ask(self, call: Callable[[], T]) -> T:
        # It blocks the loop of this one task for a moment. Airflow's own channel to its
        # supervisor may be used by one thread at a time, so that a thread would win nothing.
        if self._closed:
            msg = "ledger: closed"
            raise LedgerError(msg)
        try:
            return call()
        except Exception as refused:  # noqa: BLE001 -- a state backend of the user's own raises anything
            reason = f"{type(refused).__name__}: {refused}"
        msg = f"ledger: Airflow's task state cannot be used ({reason})"
        raise LedgerError(msg)
