"""Ledgers for tests: one in memory whose time is moved by hand, and the stores under contract.

A store of your own comes under contract by one line in `STORES`;
`tests/starts/test_ledger_stores.py` says what is asked of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from altcraft_async import LedgerEntry, LedgerError, SQLiteLedger, TaskLedger, TaskRef
from altcraft_async.integrations.redis import RedisLedger
from tests.support.redis_server import shared_redis

NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)
"""When tests with a ledger begin."""

KEY = "https://example.com/api/v1.1 resource 24 1"
REF = TaskRef(task_id="t1", kind="resource", target=(24, 1), started_at=NIGHT)


def entry_of(key: str = KEY, *, revision: int = 1, **fields: object) -> LedgerEntry:
    """Return an entry whose start is about to be sent, with other fields where named."""
    intent = LedgerEntry(
        key=key,
        kind="resource",
        target=(24, 1),
        revision=revision,
        owner="o1",
        intended_at=NIGHT,
        lease_until=NIGHT + timedelta(seconds=35),
    )
    return msgspec.structs.replace(intent, **fields)


class MemoryLedger(TaskLedger):
    """A ledger in a dictionary, whose time is the loop's and can be moved by hand.

    Attributes:
        stored: What it holds, by key.
        ahead: By how much its time is ahead.
        closed: Whether it was closed.
    """

    def __init__(self, stored: dict[str, LedgerEntry] | None = None) -> None:
        """Hold a dictionary of one's own, or share it with others as processes share a store."""
        self.stored: dict[str, LedgerEntry] = {} if stored is None else stored
        self.ahead = timedelta()
        self.closed = False

    def now(self) -> datetime:
        """Return the loop's time as a time of day."""
        return NIGHT + self.ahead + timedelta(seconds=asyncio.get_running_loop().time())

    async def read(self, key: str) -> LedgerEntry | None:
        """Look it up."""
        self._check()
        return self.stored.get(key)

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Compare and swap; without a pause, so it is atomic."""
        self._check()
        stored = self.stored.get(entry.key)
        if (stored.revision if stored else 0) != expected:
            return False
        self.stored[entry.key] = entry
        return True

    async def entries(self) -> AsyncGenerator[LedgerEntry, None]:
        """Iterate over a copy."""
        self._check()
        for entry in [entry for entry in self.stored.values() if not entry.over]:
            yield entry

    async def aclose(self) -> None:
        """Refuse to be used from now on."""
        self.closed = True

    def _check(self) -> None:
        if self.closed:
            msg = "ledger: is closed"
            raise LedgerError(msg)


class MortalLedger(MemoryLedger):
    """The ledger as a process sees it that may die.

    Attributes:
        dead: Whether it has died: then nothing it asks for ever comes.
        fatal: Operations until it dies; ``None`` for never.
        is_stored: Whether the write in which it dies is stored.
    """

    dead = False
    fatal: int | None = None
    is_stored = False

    async def read(self, key: str) -> LedgerEntry | None:
        """Read, or die."""
        await self._live()
        return await super().read(key)

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Write, or die before or after it was stored."""
        dies = self.fatal == 1
        if dies and self.is_stored:
            await super().write(entry, expected=expected)
        await self._live()
        return await super().write(entry, expected=expected)

    async def _live(self) -> None:
        if self.fatal is not None and not self.dead:
            self.fatal -= 1
            self.dead = self.fatal == 0
        if self.dead:
            await asyncio.Event().wait()
        await asyncio.sleep(0.01)
        if self.dead:
            await asyncio.Event().wait()


_IN_MEMORY: defaultdict[Path, dict[str, LedgerEntry]] = defaultdict(dict)

OpenStore = Callable[[Path], AbstractAsyncContextManager[TaskLedger]]
"""Opens a store that belongs to a folder: opened twice with the same one, it is the same store."""


@asynccontextmanager
async def _in_redis(folder: Path) -> AsyncGenerator[TaskLedger, None]:
    async with RedisLedger(shared_redis().url, prefix=f"{folder}:") as ledger:
        yield ledger


STORES: Mapping[str, OpenStore] = {
    "memory": lambda folder: MemoryLedger(_IN_MEMORY[folder]),
    "sqlite": lambda folder: SQLiteLedger(folder / "starts.sqlite"),
    "redis": _in_redis,
}
"""The stores under contract. What has to run for one, its opener starts and stops."""
