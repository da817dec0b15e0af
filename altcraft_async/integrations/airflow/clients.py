"""One client for all that wait by the same connection, as long as any does."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from airflow.sdk import BaseHook

from altcraft_async.client import AltcraftClient
from altcraft_async.integrations.airflow.connection import client_of

__all__ = ["shared_client"]

_Key = tuple[asyncio.AbstractEventLoop, bytes]


class _Shared:
    """A client and how many use it."""

    __slots__ = ("client", "users")

    def __init__(self, client: AltcraftClient) -> None:
        self.client = client
        self.users = 0


_open: dict[_Key, _Shared] = {}


@asynccontextmanager
async def shared_client(conn_id: str) -> AsyncGenerator[AltcraftClient, None]:
    """Lend the client of a connection; whoever gives it back last closes it.

    A triggerer runs a thousand triggers in one loop: so they share one timer,
    one pool of connections and one rate limit. A connection that was edited is
    another one, so that a new token is used from the next trigger on.

    Raises:
        ConfigurationError: The connection is wrong.
        AirflowNotFoundException: There is no such connection.
    """
    connection = await BaseHook.aget_connection(conn_id)
    # A digest, as the URI holds the token.
    digest = hashlib.sha256(connection.get_uri().encode()).digest()
    key = asyncio.get_running_loop(), digest
    shared = _open.get(key)
    if shared is None:
        shared = _open[key] = _Shared(client_of(connection))
    shared.users += 1
    try:
        yield shared.client
    finally:
        shared.users -= 1
        if not shared.users:
            del _open[key]
            await shared.client.aclose()
