"""Clients that all triggers of a connection share."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from airflow.sdk import BaseHook

from altcraft_async.client import AltcraftClient
from altcraft_async.integrations.airflow.connection import client_from

__all__ = ["shared_client"]


class _SharedClient:
    __slots__ = ("client", "users")

    def __init__(self, client: AltcraftClient) -> None:
        self.client = client
        self.users = 0


_open_clients: dict[tuple[asyncio.AbstractEventLoop, bytes], _SharedClient] = {}


@asynccontextmanager
async def shared_client(conn_id: str) -> AsyncGenerator[AltcraftClient, None]:
    """Use the client of a connection; its last user closes it.

    A triggerer runs many triggers in one loop, so they share one timer, one connection
    pool and one rate limiter. An edited connection gets a new client, so that triggers
    use a new token at once.

    Raises:
        ConfigurationError: The connection is wrong.
        AirflowNotFoundException: There is no such connection.
    """
    connection = await BaseHook.aget_connection(conn_id)
    # A digest, because the URI holds the token.
    digest = hashlib.sha256(connection.get_uri().encode()).digest()
    key = asyncio.get_running_loop(), digest
    shared = _open_clients.get(key)
    if shared is None:
        shared = _open_clients[key] = _SharedClient(client_from(connection))
    shared.users += 1
    try:
        yield shared.client
    finally:
        shared.users -= 1
        if not shared.users:
            del _open_clients[key]
            await shared.client.aclose()
