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
from typing import Annotated, Self

import msgspec

from altcraft_async.errors import LedgerError
from altcraft_async.models import TaskKind, TaskRef

__all__ = ["LedgerEntry", "TaskLedger", "entry_key"]

ENTRY_VERSION = 1
"""Stands in the JSON form of an entry, goes up when an older reader would misread a newer one."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class LedgerEntry(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="version", tag=ENTRY_VERSION
):
    """What is known of the newest start of one target; never holds the API token.

    Attributes:
        key: Names the target in the store, install included; see `entry_key`.
        kind: What is counted.
        target: Ids of what is counted, as a target of ``refresh_many``.
        revision: Grows by one with every change, from 1 on.
        owner: Who made this start: a random id of the client, and a number.
        idempotency_key: The caller's own name for the start; ``""`` for none.
        intended_at: When it was about to be sent, aware.
        lease_until: Until then the request may be under way, aware.
        before: What the platform said of the last count before the start;
            ``""`` where nobody asked or it did not say.
        ref: The task that the start gave; ``None`` as long as it is not known.
        over: Whether the task is known to be over. Without a ``ref`` the start
            surely did not happen, or was forgotten.
    """

    key: str
    kind: TaskKind
    target: tuple[int, ...]
    revision: int
    owner: str
    idempotency_key: str = ""
    intended_at: _Moment
    lease_until: _Moment
    before: str = ""
    ref: TaskRef | None = None
    over: bool = False

    def to_json(self) -> str:
        """Return the entry as one line of JSON, for `from_json`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, stored: str | bytes) -> LedgerEntry:
        """Read back what `to_json` wrote.

        Raises:
            LedgerError: It is something else, or of another version.
        """
        try:
            return msgspec.json.decode(stored, type=cls)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError) as refused:
            reason = str(refused)
        msg = f"ledger: not an entry as version {ENTRY_VERSION} writes it ({reason})"
        raise LedgerError(msg)


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
