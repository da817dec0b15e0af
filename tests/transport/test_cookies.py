"""Cookies of a balancer, by which it leads all requests of a client to one node."""

from __future__ import annotations

import pytest

from tests.support.api_calls import POLL, RUNNING, START, STARTED, client_of
from tests.support.scripted_server import Received, ScriptedServer, Step, answer

pytestmark = pytest.mark.usefixtures("both_ways")

SENT = "NODE=b/2|x==; Path=/; HttpOnly"
KEPT = "NODE=b/2|x=="
UNKNOWN = answer('{"error": 404, "error_text": "there is no such task"}')


def with_cookie(step: Step, cookie: str) -> Step:
    """Return an answer that sets a cookie."""
    return answer(step.sends.split(b"\r\n\r\n")[1], headers=[f"Set-Cookie: {cookie}"])


def balancer(request: Received) -> Step:
    """Lead a request with the cookie to the node that has the task, and others to another node."""
    if request.target.endswith(START.path):
        return with_cookie(STARTED, SENT)
    return RUNNING if request.headers.get("cookie") == KEPT else UNKNOWN


@pytest.mark.parametrize("path", ["; Path=/; HttpOnly", ""])
async def test_cookie_of_a_start_reaches_its_polls_with_and_without_a_path(
    server: ScriptedServer, path: str
) -> None:
    server.script(with_cookie(STARTED, f"{KEPT}{path}"), RUNNING)
    async with client_of(server.url) as client:
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle.poll()
    assert [request.headers.get("cookie") for request in server.received] == [None, KEPT]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_polls_reach_the_node_of_their_start(server: ScriptedServer, host: str) -> None:
    """They have connections of their own, and the same cookies."""
    server.otherwise = balancer
    async with client_of(f"http://{host}:{server.port}") as client:
        handle = await client.resources.refresh_counters(24, database_id=1)
        status = await handle.poll()
        assert status is not None
        assert status.status == "running"
        await START.make(client)  # joins
        await client.resources.refresh_counters(25, database_id=1)
    assert [request.headers.get("cookie") for request in server.received] == [None, KEPT, KEPT]


async def test_newest_cookie_counts_and_one_that_is_over_is_dropped(
    server: ScriptedServer,
) -> None:
    server.script(
        with_cookie(RUNNING, "NODE=a"),
        with_cookie(RUNNING, "NODE=b"),
        with_cookie(RUNNING, "NODE=; Max-Age=0"),
        RUNNING,
    )
    async with client_of(server.url) as client:
        for _ in range(4):
            await POLL.make(client)
    kept = [request.headers.get("cookie") for request in server.received]
    assert kept == [None, "NODE=a", "NODE=b", None]


@pytest.mark.parametrize(
    "cookie", ["NODE=a; Domain=example.com", "NODE=a; Secure", "NODE=a; Path=/elsewhere"]
)
async def test_cookie_for_elsewhere_is_not_sent_here(server: ScriptedServer, cookie: str) -> None:
    server.script(with_cookie(RUNNING, cookie), RUNNING)
    async with client_of(f"http://localhost:{server.port}") as client:
        await POLL.make(client)
        await POLL.make(client)
    assert "cookie" not in server.received[1].headers


async def test_clients_share_no_cookies(server: ScriptedServer) -> None:
    server.script(with_cookie(RUNNING, "NODE=a"), RUNNING)
    for _ in range(2):
        async with client_of(server.url) as client:
            await POLL.make(client)
    assert "cookie" not in server.received[1].headers
