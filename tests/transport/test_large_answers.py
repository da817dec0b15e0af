"""Large answers are read beside the event loop, in either format."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest

from altcraft_async import ProtocolError, Retry
from tests.support.api_calls import STARTED, client_of
from tests.support.longest_pause import watched_loop
from tests.support.scripted_server import ScriptedServer, answer

ONCE = Retry(attempts=1)
EMAIL = {"channel": "email", "status": {"all": 5, "subscribed": 5}}
GROUPS = [{"list_id": number, "channels": [EMAIL]} for number in range(1, 10_001)]
DONE = {"status": "completed", "progress": 100, "result": GROUPS}

AT_MOST = 0.1
"""Seconds of computing in one iteration of the loop; the server of these tests needs most of it."""


def keys() -> str:
    """Return an answer of many keys."""
    return json.dumps({"error": 0, "data": {f"k{number}": 0 for number in range(200_000)}})


def groups() -> str:
    """Return an answer of many groups."""
    return json.dumps({"error": 0, "data": GROUPS})


def elements() -> str:
    """Return an answer of many elements."""
    return f"<xml><error>0</error><data>{'<a>1</a>' * 190_000}</data></xml>"


@pytest.mark.parametrize(
    "large",
    [
        groups,
        pytest.param(keys, marks=pytest.mark.slow),
        pytest.param(elements, marks=pytest.mark.slow),
    ],
)
async def test_answer_is_read_beside_the_loop(
    server: ScriptedServer, large: Callable[[], str]
) -> None:
    server.script(answer(large()))
    async with client_of(server.url, retry=ONCE) as client, watched_loop() as pauses:
        with contextlib.suppress(ProtocolError):
            await client.databases.get_counters(1, resource_id=24)
    assert pauses.worked < AT_MOST


async def test_result_is_read_beside_the_loop(server: ScriptedServer) -> None:
    server.script(STARTED, answer(json.dumps({"error": 0, "data": DONE})))
    async with client_of(server.url, retry=ONCE) as client:
        handle = await client.resources.refresh_counters(24, database_id=1)
        async with watched_loop() as pauses:
            report = await handle
            updates = [status async for status in handle.updates()]
    assert len(report.groups) == len(GROUPS)
    assert [status.status for status in updates] == ["completed"]
    assert pauses.worked < AT_MOST


@pytest.mark.slow
async def test_raw_status_is_read_beside_the_loop_and_whole(server: ScriptedServer) -> None:
    server.script(answer(json.dumps({"error": 0, "data": DONE})))
    async with client_of(server.url) as client, watched_loop() as pauses:
        status = await client.tasks.status("t1")
    assert pauses.worked < AT_MOST
    assert status.raw == DONE
