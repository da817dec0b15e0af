"""`AltcraftHook`: a client from an Airflow connection."""

from __future__ import annotations

import asyncio
from typing import Unpack

from airflow.sdk import BaseHook

from altcraft_async.client import AltcraftClient, ClientOptions
from altcraft_async.errors import AltcraftError
from altcraft_async.integrations.airflow.connection import client_of

__all__ = ["AltcraftHook"]


class AltcraftHook(BaseHook):
    """Makes clients from a connection of the type ``altcraft``.

    Host is the address of your install, the password is the API token.
    """

    conn_name_attr = "altcraft_conn_id"
    default_conn_name = "altcraft_default"
    conn_type = "altcraft"
    hook_name = "Altcraft"

    def __init__(self, altcraft_conn_id: str = default_conn_name) -> None:
        """Remember which connection; it is read when a client is wanted."""
        super().__init__()
        self.altcraft_conn_id = altcraft_conn_id

    def get_conn(self, **options: Unpack[ClientOptions]) -> AltcraftClient:
        """Make a client, for an ``async with`` of yours.

        Args:
            options: Further arguments of the client.

        Raises:
            ConfigurationError: The connection is wrong; the text names the field.
            AirflowNotFoundException: There is no such connection.
        """
        return client_of(self.get_connection(self.altcraft_conn_id), **options)

    async def aget_conn(self, **options: Unpack[ClientOptions]) -> AltcraftClient:
        """Do the same as `get_conn`, from a coroutine: Airflow is asked without blocking."""
        return client_of(await self.aget_connection(self.altcraft_conn_id), **options)

    def test_connection(self) -> tuple[bool, str]:
        """Say whether the platform takes the token: the Test button of the form.

        Costs one request, for the first resource.
        """
        try:
            asyncio.run(self._poll())
        except AltcraftError as error:
            return False, str(error)
        return True, "The platform answers, and takes the token"

    async def _poll(self) -> None:
        async with await self.aget_conn() as client:
            async for _ in client.resources.list(limit=1):
                break
