"""Clients that the triggers of a connection share."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async.integrations.airflow.clients import shared_client
from altcraft_async.simulator import Simulator
from tests.airflow.connections import connection_json

CONNECTION = "altcraft_default"


@pytest.mark.usefixtures("server")
def test_users_of_one_connection_share_a_client_that_the_last_closes() -> None:
    async def scenario() -> None:
        async with shared_client(CONNECTION) as first:
            async with shared_client(CONNECTION) as second:
                assert first is second
                assert (await first.resources.get(24)).id == 24
            assert " open>" in repr(first)
        assert " closed>" in repr(first)
        async with shared_client(CONNECTION) as later:
            assert later is not first

    asyncio.run(scenario())


def test_edited_connection_gets_a_new_client(
    server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with shared_client(CONNECTION) as before:
            monkeypatch.setenv(
                "AIRFLOW_CONN_ALTCRAFT_DEFAULT", connection_json(server.url, "another")
            )
            async with shared_client(CONNECTION) as after:
                assert after is not before

    asyncio.run(scenario())
