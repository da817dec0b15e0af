"""A pretend platform, a ledger, and any number of clients that share the two."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Unpack

from altcraft_async import AltcraftClient, Constant, LedgerEntry
from altcraft_async.client import ClientOptions
from altcraft_async.simulator import Simulator
from altcraft_async.starts.ledger import entry_key
from tests.support.ledgers import MemoryLedger

__all__ = ["LEASE", "Night", "night", "start"]

LEASE = 35.0
"""The default time limit of a request, and the grace."""


class Night:
    """What a test of starts needs.

    Attributes:
        server: The platform.
        ledger: Where its clients note their starts.
    """

    def __init__(self, server: Simulator, ledger: MemoryLedger) -> None:
        """Begin without clients."""
        self.server = server
        self.ledger = ledger
        self._clients: list[AltcraftClient] = []

    def open(self, **options: Unpack[ClientOptions]) -> AltcraftClient:
        """Return a client that is closed with the night."""
        chosen: ClientOptions = {"poll": Constant(1.0), "ledger": self.ledger, **options}
        self._clients.append(AltcraftClient(self.server.url, self.server.token, **chosen))
        return self._clients[-1]

    async def aclose(self) -> None:
        """Close the clients."""
        for client in self._clients:
            await client.aclose()

    @property
    def key(self) -> str:
        """Key of resource 24 in database 1."""
        return entry_key(f"{self.server.url}/api/v1.1", "resource", (24, 1))

    @property
    def entry(self) -> LedgerEntry:
        """What the ledger has of it."""
        return self.ledger.stored[self.key]

    @property
    def starts(self) -> int:
        """How often it was really started."""
        return self.server.starts["resource", (24, 1)]

    @property
    def withdrawn(self) -> bool:
        """Whether the ledger says that its last start surely did not happen."""
        return self.entry.over and self.entry.ref is None

    @property
    def intended(self) -> bool:
        """Whether the ledger says that a start of it may be under way."""
        return not self.entry.over and self.entry.ref is None


@asynccontextmanager
async def night(
    ledger: MemoryLedger | None = None, *, duration: float = 10.0, shows_running: bool = False
) -> AsyncGenerator[Night, None]:
    """Run a platform whose tasks take ten seconds."""
    ledger = MemoryLedger() if ledger is None else ledger
    async with Simulator(duration=duration, shows_running=shows_running) as server:
        world = Night(server, ledger)
        try:
            yield world
        finally:
            await world.aclose()


async def start(client: AltcraftClient, key: str | None = None) -> str:
    """Start what all these tests start, and return the id of its task."""
    handle = await client.resources.refresh_counters(24, database_id=1, idempotency_key=key)
    return handle.ref.task_id
