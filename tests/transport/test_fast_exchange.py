"""Kept connections of a client: which are used again, and that no answer goes astray."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import random
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    RequestTimeoutError,
    TransportError,
)
from altcraft_async.protocol.token import TokenLocation
from altcraft_async.transport.fast_exchange import missing
from tests.support.api_calls import (
    POLL,
    RUNNING,
    START,
    START_ALONE,
    STARTED,
    Call,
    both_alone,
    both_calls,
    client_of,
    failure_of,
    succeed,
)
from tests.support.echo_server import EchoServer, answer_about, body_about, poll, start
from tests.support.leftovers import let_go
from tests.support.scripted_server import ScriptedServer, Step

OK = b"HTTP/1.1 200 OK\r\n"


@both_calls
@pytest.mark.parametrize("place", ["body", "header"])
@pytest.mark.parametrize("keepalive", [0.0, 1.0])
async def test_both_ways_send_the_same_request(
    server: ScriptedServer, call: Call, place: TokenLocation, keepalive: float
) -> None:
    for fast_path in (True, False):
        server.script(call.answered)
        async with client_of(
            server.url, token_in=place, start_keepalive=keepalive, fast_path=fast_path
        ) as client:
            await succeed(call, client)
    fast, by_session = server.received
    assert fast.headers == by_session.headers
    assert (fast.method, fast.target, fast.body) == (
        by_session.method,
        by_session.target,
        by_session.body,
    )


async def test_starts_and_polls_share_a_connection(echo: EchoServer) -> None:
    async with client_of(echo.url) as client:
        assert await start(client, 1) == "t1"
        assert await poll(client, "t1") == "t1"
        assert await start(client, 2) == "t2"
    assert [connection for _, connection in echo.received] == [0, 0, 0]


@pytest.mark.looptime
async def test_start_after_a_pause_takes_the_place_of_an_idle_connection(echo: EchoServer) -> None:
    async with client_of(echo.url) as client:
        for resource_id in range(1, 6):
            await start(client, resource_id)
            await asyncio.sleep(1.5)
        assert [connection for _, connection in echo.received] == [0, 1, 2, 3, 4]
        assert echo.open == 1


async def test_starts_on_connections_of_their_own_leave_those_of_polls_alone(
    echo: EchoServer,
) -> None:
    async with client_of(echo.url, start_keepalive=0) as client:
        await poll(client, "t1")
        await start(client, 2)
        await poll(client, "t3")
    assert echo.received == [("t1", 0), ("t2", 1), ("t3", 0)]


@pytest.mark.looptime
async def test_connection_that_no_request_uses_is_closed_after_fifteen_seconds(
    echo: EchoServer,
) -> None:
    async with client_of(echo.url) as client:
        await poll(client, "t1")
        await asyncio.sleep(14)
        await poll(client, "t2")
        await asyncio.sleep(14)
        assert echo.open == 1
        await asyncio.sleep(2)
        await let_go()
        assert echo.open == 0
        assert await poll(client, "t3") == "t3"
    assert echo.received == [("t1", 0), ("t2", 0), ("t3", 1)]


@pytest.mark.parametrize("extra", [answer_about("t9"), b"HTTP/1.1 2", b"\r\n"])
@pytest.mark.parametrize("is_read", [True, False], ids=["read", "unread"])
async def test_connection_with_bytes_that_no_request_asked_for_is_not_used(
    echo: EchoServer, extra: bytes, *, is_read: bool
) -> None:
    async with client_of(echo.url) as client:
        assert await poll(client, "t1") == "t1"
        echo.writers[0].write(extra)  # to the client's socket, without a turn of the loop
        if is_read:
            await let_go()
        assert await poll(client, "t2") == "t2"
    assert echo.received == [("t1", 0), ("t2", 1)]


@pytest.mark.parametrize(
    "extra", [answer_about("t9"), b"H", OK, OK + b"Content-Length: 1", b"HTTP/1.1 100 Go on\r\n"]
)
async def test_connection_with_more_than_its_answer_is_closed_at_once(
    echo: EchoServer, extra: bytes
) -> None:
    async def with_more(task_id: str, writer: asyncio.StreamWriter) -> bool:
        writer.write(answer_about(task_id) + extra)
        return True

    echo.respond = with_more
    async with client_of(echo.url) as client:
        assert await poll(client, "t1") == "t1"
        await let_go()
        assert echo.open == 0


async def test_start_is_not_sent_over_a_connection_whose_end_has_arrived_unread(
    echo: EchoServer,
) -> None:
    async with client_of(echo.url) as client:
        await start(client, 1)
        echo.writers[0].get_extra_info("socket").shutdown(socket.SHUT_WR)
        assert await start(client, 2) == "t2"
    assert echo.received == [("t1", 0), ("t2", 1)]


PARTS = {"nothing": 0, "a part of the head": 20, "the head": -len(body_about("t1")), "half": -9}
"""How much of an answer is there when its request ends early: bytes, or less so many."""


@pytest.mark.looptime
@pytest.mark.parametrize("sent", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("ending", ["cancelled", "timed out", "both"])
async def test_request_that_ended_early_leaves_its_answer_to_no_other(
    echo: EchoServer, sent: int, ending: str
) -> None:
    rest = asyncio.Event()

    async def in_two_parts(task_id: str, writer: asyncio.StreamWriter) -> bool:
        answer = answer_about(task_id)
        cut = sent if task_id == "t1" else len(answer)
        writer.write(answer[:cut])
        if task_id == "t1":
            await rest.wait()
        writer.write(answer[cut:])
        return True

    echo.respond = in_two_parts
    async with client_of(echo.url, request_timeout=5.0) as client:
        ended = asyncio.ensure_future(client.tasks.status("t1"))
        await echo.has_received(1)
        if ending == "timed out":
            await asyncio.wait([ended])
            assert isinstance(ended.exception(), RequestTimeoutError)
        else:
            await asyncio.sleep(5.0 if ending == "both" else 1.0)
            ended.cancel()
            await asyncio.wait([ended])
        rest.set()
        assert await poll(client, "t2") == "t2"
        await let_go()
        assert await poll(client, "t3") == "t3"
        assert echo.open == 1
    assert echo.received[-2:] == [("t2", echo.received[-1][1]), ("t3", len(echo.writers) - 1)]


def sound_answers(task_id: str) -> list[bytes]:
    """Return answers of every kind."""
    body, whole = body_about(task_id), answer_about(task_id)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    packed = gzip.compress(body)
    length = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    return [
        whole,
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk,
        OK + length + packed,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + whole,
    ]


class Chance:
    """Answers in ways that are drawn by a seed."""

    def __init__(self, seed: int) -> None:
        """Draw from this seed."""
        self._random = random.Random(seed)  # noqa: S311 -- the same in every run

    async def respond(self, task_id: str, writer: asyncio.StreamWriter) -> bool:
        """Answer in one piece or two, or not to the end."""
        chance = self._random
        answer = chance.choice(sound_answers(task_id))
        way = chance.choice(["whole", "whole", "surplus", "pieces", "cut", "until closed"])
        if way == "surplus":
            # In one piece: what comes later may meet the next request, as with any HTTP/1.1.
            writer.write(answer + chance.choice([answer_about("extra"), b"HTTP/1.1 2"]))
            return True
        if way == "until closed":
            writer.write(OK + b"Connection: close\r\n\r\n" + body_about(task_id))
            return False
        cut = len(answer) if way == "whole" else chance.randrange(len(answer))
        writer.write(answer[:cut])
        if way == "cut":
            return False
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        writer.write(answer[cut:])
        return True


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))]
)
async def test_each_request_gets_its_own_answer_or_an_error_whatever_happens(
    echo: EchoServer, seed: int
) -> None:
    """Requests are cancelled at any moment while the server answers in every way."""
    chance = random.Random(seed)  # noqa: S311 -- the same in every run
    echo.respond = Chance(seed).respond
    answered = 0

    async def ask(client: AltcraftClient, number: int) -> None:
        nonlocal answered
        try:
            assert await poll(client, f"t{number}") == f"t{number}"
            assert await start(client, number) == f"t{number}"
            answered += 1
        except AltcraftError:
            pass

    async with client_of(echo.url, outage_patience=0) as client:
        asking: list[asyncio.Task[None]] = []
        for number in range(1, 301):
            asking.append(asyncio.create_task(ask(client, number)))
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                chance.choice(asking).cancel()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        wrong = [one for one in outcomes if isinstance(one, Exception)]
        assert wrong == []
        assert answered > 50
        await let_go()


@both_alone
async def test_start_that_meets_a_closed_door_is_not_delivered(
    server: ScriptedServer, call: Call
) -> None:
    server.script(*[Step(then="reset", on_accept=True)] * (1 if call.starts else 3))
    async with client_of(server.url) as client:
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert server.received == []


async def test_untrusted_certificate_of_the_platform_is_refused(
    tls_server: ScriptedServer, trusting: ssl.SSLContext
) -> None:
    tls_server.script(STARTED, RUNNING, STARTED)
    async with client_of(tls_server.url) as careful:
        error = await failure_of(START, careful)
    assert isinstance(error, TransportError)
    assert (error.permanent, error.maybe_delivered) == (True, False)
    before = tls_server.connections
    async with client_of(tls_server.url, ssl_context=trusting) as client:
        for call in (START_ALONE, POLL, START_ALONE):
            await succeed(call, client)
    assert tls_server.connections - before == 1


async def test_aiohttp_has_all_that_the_fast_path_needs() -> None:
    assert missing() is None


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("nowhere.ResponseHandler", ()),
        ("client_proto.Nothing", ()),
        ("client_proto.ResponseHandler.gone", ()),
        ("connector.TCPConnector.connect", ("req", "elsewhere")),
        ("connector.TCPConnector.connect", ("traces", "timeout")),
        ("client_proto.ResponseHandler.should_close", ("a property has none",)),
    ],
)
async def test_aiohttp_that_lacks_something_is_noticed(
    name: str, parameters: tuple[str, ...]
) -> None:
    lacking = missing({"connector.Connection.close": (), name: parameters})
    assert lacking is not None
    assert lacking.startswith(name)


OTHER_AIOHTTP = """
import asyncio, logging
from altcraft_async import AltcraftClient
from tests.support.scripted_server import ScriptedServer, answer

async def main():
    async with ScriptedServer() as server:
        server.script(*[answer('{"data": {"status": "running"}, "error": 0}')] * 2)
        async with AltcraftClient(server.url, "token") as client:
            for _ in range(2):
                assert (await client.tasks.status("t1")).status == "running"
        print(server.connections)

logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
logging.getLogger("altcraft_async").setLevel("DEBUG")
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("change", "setting", "lacking"),
    [
        pytest.param(
            "import aiohttp.http; del aiohttp.http.RawResponseMessage\n",
            "",
            "http.RawResponseMessage.code",
            id="other",
            marks=pytest.mark.slow,
        ),
        pytest.param("", "1", "a protocol that notices bytes", id="pure Python"),
    ],
)
def test_client_with_another_aiohttp_uses_its_session_and_says_so_once(
    change: str, setting: str, lacking: str
) -> None:
    ran = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-W", "error", "-c", change + OTHER_AIOHTTP],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "AIOHTTP_NO_EXTENSIONS": setting},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ran.stdout == "1\n"
    assert ran.stderr == (
        f"DEBUG altcraft_async requests go through aiohttp's session: {lacking} is missing\n"
    )


async def test_fast_path_says_nothing(echo: EchoServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="altcraft_async"):
        async with client_of(echo.url) as client:
            await poll(client, "t1")
    assert caplog.messages == []
