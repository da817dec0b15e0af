"""Which connection a start is sent over, and what happens if the server closes it."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async import TransportError
from tests.support.api_calls import POLL, RUNNING, START_ALONE, STARTED, client_of, failure_of
from tests.support.scripted_server import ScriptedServer, Step, Then, answer

pytestmark = pytest.mark.usefixtures("both_ways")

STARTED_BODY = STARTED.sends.split(b"\r\n\r\n")[1]
SOON = 0.05
"""Seconds in which a client hears that the server has closed a connection."""


async def test_starts_in_sequence_share_a_connection(server: ScriptedServer) -> None:
    server.script(*[STARTED] * 5)
    async with client_of(server.url) as client:
        for _ in range(5):
            await START_ALONE.make(client)
    assert server.connections == 1


async def test_start_after_a_pause_takes_a_new_connection(server: ScriptedServer) -> None:
    """A poll takes any that is open."""
    server.script(STARTED, RUNNING, STARTED, RUNNING)
    async with client_of(server.url, start_keepalive=0.01) as client:
        for _ in range(2):
            await START_ALONE.make(client)
            await POLL.make(client)
            await asyncio.sleep(SOON)
    first_start, first_poll, second_start, second_poll = server.received
    earlier = {first_start.connection, first_poll.connection}
    assert second_start.connection not in earlier
    assert second_poll.connection in earlier | {second_start.connection}


async def test_without_keepalive_each_start_takes_a_new_connection(server: ScriptedServer) -> None:
    server.script(STARTED, STARTED)
    async with client_of(server.url, start_keepalive=0) as client:
        await START_ALONE.make(client)
        await START_ALONE.make(client)
    assert [request.headers["connection"] for request in server.received] == ["close", "close"]
    assert server.connections == 2


@pytest.mark.parametrize(
    ("header", "connections"),
    [
        ("Connection: close", 3),
        ("Keep-Alive: timeout=1", 3),
        ("Keep-Alive: max=100, Timeout = 0", 3),
        ("Keep-Alive: timeout=5, max=100", 1),
        ("Keep-Alive: soon", 1),
    ],
)
async def test_start_takes_a_new_connection_if_the_server_announces_to_close_it(
    server: ScriptedServer, header: str, connections: int
) -> None:
    server.script(*[answer(STARTED_BODY, headers=[header])] * 3)
    async with client_of(server.url) as client:
        for _ in range(3):
            await START_ALONE.make(client)
    assert server.connections == connections


async def test_start_after_the_server_has_closed_takes_a_new_connection(
    server: ScriptedServer,
) -> None:
    server.script(STARTED._replace(then="close"), STARTED)
    async with client_of(server.url) as client:
        await START_ALONE.make(client)
        await asyncio.sleep(SOON)
        await START_ALONE.make(client)
    assert (len(server.received), server.connections) == (2, 2)


@pytest.mark.parametrize("then", ["close", "reset"])
async def test_start_whose_kept_connection_breaks_may_be_delivered_and_is_sent_once(
    server: ScriptedServer, then: Then
) -> None:
    server.script(STARTED, Step(then=then))
    async with client_of(server.url) as client:
        await START_ALONE.make(client)
        error = await failure_of(START_ALONE, client)
        assert isinstance(error, TransportError)
        assert error.maybe_delivered
    assert [request.connection for request in server.received] == [1, 1]


async def test_poll_whose_kept_connection_breaks_is_repeated(server: ScriptedServer) -> None:
    server.script(RUNNING, Step(then="close"), RUNNING)
    async with client_of(server.url) as client:
        await POLL.make(client)
        await POLL.make(client)
    assert [request.connection for request in server.received] == [1, 1, 2]
