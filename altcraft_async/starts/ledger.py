"""The ledger of starts: what one entry says, and the little that a store has to do.

A start cannot be repeated safely, as the platform documents no idempotency
key. So that a process that dies is no reason to start twice, each start is
noted before it is sent, and its task id after it. Stores keep one entry per
target and decide nothing.
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

__all__ = ["TaskLedger", "entry_key"]


class TaskLedger(ABC):
    """A store of ledger entries, shared by all processes that start the same targets.

    Derive from it for a store of your own. What has to hold: a `write` is
    atomic, so that of two with the same ``expected`` one wins, and durable
    when it returns. A store that cannot be reached or read raises a
    `LedgerError`; then nothing is started. A write that raised or was
    cancelled may have been stored or not.

    A client does not close the ledger that it was given, as others may share
    it: ``async with`` or `aclose` does.
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
            expected: Revision of the entry that it replaces; 0 where there shall be none.

        Raises:
            LedgerError: The store cannot be reached or read.
        """

    @abstractmethod
    def entries(self) -> AsyncIterator[LedgerEntry]:
        """Iterate over the entries that are not over, each once, in any order.

        Those that change meanwhile may come as they were or as they are.

        Raises:
            LedgerError: The store cannot be reached or read.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of the store; idempotent. Whoever uses it then gets a `LedgerError`."""

    def now(self) -> datetime:
        """Return the time of day by which leases go, aware.

        By default this machine's clock: those of machines that share a ledger
        have to agree within a few seconds.
        """
        return datetime.now(UTC)

    async def forget(self, entry: LedgerEntry) -> bool:
        """Take back a start, so that the next one of this target is sent.

        For who has polled the platform, after a `StartUnknownError`, and
        knows that the start did not happen or that its task does not matter.

        Args:
            entry: As it came with the error.

        Returns:
            Whether that was its newest state. If not, somebody else has dealt
            with it, and nothing was changed.

        Raises:
            LedgerError: The store cannot be reached or read.
        """
        forgotten = msgspec.structs.replace(entry, revision=entry.revision + 1, ref=None, over=True)
        return await self.write(forgotten, expected=entry.revision)

    async def __aenter__(self) -> Self:
        """Return itself; opening is left to the first use."""
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
    """Name a target among those of every install: ``https://host/api/v1.1 resource 24 1``."""
    return " ".join((api_root, kind, *map(str, target)))
