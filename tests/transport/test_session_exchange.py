"""Connections of aiohttp's session: no answer on one goes to a request that did not ask for it."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from altcraft_async import Retry, TransportError
from tests.support.api_calls import START, STARTED, client_of, failure_of
from tests.support.echo_server import EchoServer, answer_about, body_about, poll, start
from tests.support.scripted_server import ScriptedServer


async def large_with_another(task_id: str, writer: asyncio.StreamWriter) -> bool:
    """Answer about ``t1`` in more than one read, and put another answer behind it."""
    if task_id == "t1":
        body = json.dumps(json.loads(body_about(task_id)) | {"padding": "a" * 300_000}).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        writer.write(head + body + answer_about("extra"))
    else:
        writer.write(answer_about(task_id))
    return True


@pytest.mark.parametrize("is_borrowed", [True, False], ids=["borrowed", "own"])
async def test_answer_behind_a_large_one_goes_to_no_other_request(
    echo: EchoServer, *, is_borrowed: bool
) -> None:
    echo.respond = large_with_another
    async with (
        aiohttp.ClientSession() as session,
        client_of(echo.url, session=session if is_borrowed else None, fast_path=False) as client,
    ):
        assert await poll(client, "t1") == "t1"
        assert await poll(client, "t2") == "t2"
        assert await start(client, 1) == "t1"
        assert await start(client, 2) == "t2"
    assert [task_id for task_id, _ in echo.received] == ["t1", "t2", "t1", "t2"]


async def test_start_that_a_middleware_answers_without_sending_it_is_not_delivered(
    server: ScriptedServer,
) -> None:
    server.script(STARTED)

    async def answer_without(
        request: aiohttp.ClientRequest,
        handler: aiohttp.ClientHandlerType,  # noqa: ARG001 -- aiohttp's interface
    ) -> aiohttp.ClientResponse:
        return await other.get(request.url)

    async with (
        aiohttp.ClientSession() as other,
        aiohttp.ClientSession(middlewares=[answer_without]) as borrowed,
        client_of(server.url, session=borrowed, retry=Retry(attempts=1)) as client,
    ):
        failure = await failure_of(START, client)
    assert isinstance(failure, TransportError)
    assert not failure.maybe_delivered
    assert [one.method for one in server.received] == ["GET"]
