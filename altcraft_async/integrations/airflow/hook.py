"""`AltcraftHook`: a client from an Airflow connection."""

from __future__ import annotations

import asyncio
from typing import Unpack

from airflow.sdk import BaseHook

from altcraft_async.client import AltcraftClient, ClientOptions
from altcraft_async.errors import AltcraftError
from altcraft_async.integrations.airflow.connection import client_from

__all__ = ["AltcraftHook"]


class AltcraftHook(BaseHook):
    """Makes clients from a connection of the type ``altcraft``.

    Its host is the URL of your install, its password the API token.
    """

    conn_name_attr = "altcraft_conn_id"
    default_conn_name = "altcraft_default"
    conn_type = "altcraft"
    hook_name = "Altcraft"

    def __init__(self, altcraft_conn_id: str = default_conn_name) -> None:
        """Name the connection; it is read when a client is made."""
        super().__init__()
        self.altcraft_conn_id = altcraft_conn_id

    def get_conn(self, **options: Unpack[ClientOptions]) -> AltcraftClient:
        """Make a client for your own ``async with``.

        Args:
            options: Further arguments of the client.

        Raises:
            ConfigurationError: The connection is wrong; the text names the field.
            AirflowNotFoundException: There is no such connection.
        """
        return client_from(self.get_connection(self.altcraft_conn_id), **options)

    async def aget_conn(self, **options: Unpack[ClientOptions]) -> AltcraftClient:
        """Make a client as `get_conn` does, without blocking the event loop."""
        return client_from(await self.aget_connection(self.altcraft_conn_id), **options)

    def test_connection(self) -> tuple[bool, str]:
        """Check the URL and the token by one request: the Test button of the form."""
        try:
            asyncio.run(self._request_one())
        except AltcraftError as error:
            return False, str(error)
        return True, "The platform answers and accepts the token"

    async def _request_one(self) -> None:
        async with await self.aget_conn() as client:
            async for _ in client.resources.list(limit=1):
                break
