"""`TaskStateLedger`: a ledger in Airflow's task state, which survives the retries of a task."""

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
"""Key of the starts in the state of a task, as the web interface shows it."""

T = TypeVar("T")


class TaskStateLedger(TaskLedger):
    """Keeps the starts of one task in one run, over all its tries.

    Airflow deletes XCom before a retry, but keeps the state, even when the task is
    cleared. The state belongs to one task, so two tasks with the same target do not see
    each other's starts. Airflow runs one try of a task at a time, so a read and the
    write after it are safe.
    """

    def __init__(self, store: TaskStateStoreAccessor) -> None:
        """Use ``context["task_state_store"]``."""
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
        self._call(lambda: self._store.set(STATE_KEY, {**stored, entry.key: entry.to_json()}))
        return True

    async def entries(self) -> AsyncIterator[LedgerEntry]:
        """Iterate over the entries that are not over."""
        for stored in self._all().values():
            entry = LedgerEntry.from_json(stored)
            if not entry.over:
                yield entry

    async def aclose(self) -> None:
        """Refuse further use; Airflow keeps the state."""
        self._closed = True

    def _all(self) -> dict[str, str]:
        stored = self._call(lambda: self._store.get(STATE_KEY, {}))
        try:
            return msgspec.convert(stored, dict[str, str])
        except msgspec.ValidationError as error:
            reason = str(error)
        msg = f"ledger: the task state {STATE_KEY} holds something else ({reason})"
        raise LedgerError(msg)

    def _call(self, call: Callable[[], T]) -> T:
        # This blocks the loop of one task for a moment. A thread would gain nothing, because
        # only one thread at a time may use Airflow's channel to its supervisor.
        if self._closed:
            msg = "ledger: is closed"
            raise LedgerError(msg)
        try:
            return call()
        except Exception as error:  # noqa: BLE001 -- a custom state backend may raise anything
            reason = f"{type(error).__name__}: {error}"
        msg = f"ledger: Airflow's task state cannot be used ({reason})"
        raise LedgerError(msg)
