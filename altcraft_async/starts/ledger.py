"""The interface of a ledger: a store of one entry per target, and of one per name at a target.

The platform documents no idempotency key, so a start whose answer was lost
cannot be sent again safely. A ledger has each start before it is sent, and
its task's id after it. A store only compares and swaps entries: what they
mean is decided in `transitions`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import msgspec

from altcraft_async.models import TaskKind
from altcraft_async.models.ledger_entry import LedgerEntry

__all__ = ["WEEK", "TaskLedger", "entry_key", "name_key"]


WEEK = 7 * 86_400.0
"""Seconds for which the package's stores keep what is over, by default."""


class TaskLedger(ABC):
    """A store of ledger entries, shared by all processes that start the same targets.

    Derive from it for a store of your own. A `write` has to be atomic: of two
    with the same ``expected`` one wins. It has to be durable when it returns.
    A store that cannot be reached or read raises a `LedgerError`; then
    nothing is started. A write that raised or was cancelled may be stored or not.

    A client does not close the ledger that it was given, as other clients may
    share it: ``async with`` or `aclose` does.
    """

    @abstractmethod
    async def read(self, key: str) -> LedgerEntry | None:
        """Return the entry with this key; ``None`` where there is none.

        Raises:
            LedgerError: The store cannot be reached or read.
        """

    @abstractmethod
    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Store an entry if its key has the expected revision, and say whether it had.

        Args:
            entry: With ``revision == expected + 1``.
            expected: Revision of the entry that it replaces; 0 where there is none.

        Raises:
            LedgerError: The store cannot be reached or read.
        """

    @abstractmethod
    def entries(self) -> AsyncIterator[LedgerEntry]:
        """Iterate over the entries that are not over, each once, in any order.

        An entry that changes meanwhile may come as it was or as it is.

        Raises:
            LedgerError: The store cannot be reached or read.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close the store; idempotent. Using it then raises a `LedgerError`."""

    def now(self) -> datetime:
        """Return the time of day for leases, aware.

        By default that of this machine. The clocks of machines that share a
        ledger have to agree within a few seconds.
        """
        return datetime.now(UTC)

    async def forget(self, entry: LedgerEntry) -> bool:
        """Withdraw a start, so that the next one of this target is sent.

        Call it after a `StartUnknownError`, once the platform shows that the
        start did not happen or that its task does not matter.

        Args:
            entry: As it came with the error.

        Returns:
            Whether that was its newest state. If not, another process has
            changed it, and this call has changed nothing.

        Raises:
            LedgerError: The store cannot be reached or read.
        """
        forgotten = msgspec.structs.replace(entry, revision=entry.revision + 1, ref=None, over=True)
        return await self.write(forgotten, expected=entry.revision)

    async def __aenter__(self) -> Self:
        """Return itself; the first use opens the store."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.aclose()


def entry_key(api_root: str, kind: TaskKind, target: tuple[int, ...]) -> str:
    """Return the key of a target of one install: ``https://host/api/v1.1 resource 24 1``."""
    return " ".join((api_root, kind, *map(str, target)))


def name_key(key: str, idempotency_key: str) -> str:
    """Return the key of what a name came to at a target, beside the key of the target.

    No target has such a key, as a target ends with a number.
    """
    return f"{key} as {idempotency_key}"
