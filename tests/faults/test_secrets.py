"""No error, snippet, variable or trace shows the API token."""

from __future__ import annotations

import asyncio
import traceback
from typing import Literal

import aiohttp
import pytest

from altcraft_async import AltcraftClient, PermissionDeniedError, ProtocolError
from tests.faults.table import FAULTS, OK
from tests.support.api_calls import (
    START,
    STARTED,
    TOKEN,
    Call,
    both_calls,
    client_of,
    failure_of,
    told,
)
from tests.support.scripted_server import ScriptedServer, Step, answer


@both_calls
async def test_truncated_header_with_the_token_is_not_shown(
    server: ScriptedServer, call: Call
) -> None:
    step = Step(OK + f"X-Echo: {TOKEN}\r\n".encode(), "close")
    server.script(*[step] * (1 if call.starts else 3))
    async with client_of(server.url) as client:
        await failure_of(call, client)


@pytest.mark.parametrize(
    ("status", "kind"), [("200 OK", "text/html"), ("500 Oops", "text/plain")], ids=["page", "text"]
)
async def test_token_truncated_by_the_end_of_a_snippet_is_not_shown(
    server: ScriptedServer, status: str, kind: str
) -> None:
    server.script(answer("x" * 285 + TOKEN, status=status, content_type=kind))
    async with client_of(server.url) as client:
        error = await failure_of(START, client)
    assert TOKEN[:10] not in f"{error} {vars(error)}"


@pytest.mark.parametrize(
    "fault",
    ["reset after the request is read", "Content-Length of 100 GB", "empty 200", "204"],
)
@pytest.mark.parametrize("place", ["body", "header"])
async def test_variables_of_a_traceback_hold_no_token(
    server: ScriptedServer,
    fault: str,
    place: Literal["body", "header"],
) -> None:
    """Some tools print the variables of every frame."""
    server.script(FAULTS[fault].step)
    async with client_of(server.url, token_in=place) as client:
        error = await failure_of(START, client)
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in shown.stack if "/altcraft_async/" in frame.filename]
    assert ours
    assert TOKEN not in repr([frame.locals for frame in ours])


@pytest.mark.looptime
async def test_variables_after_a_callers_timeout_hold_no_token(server: ScriptedServer) -> None:
    """The cancelled request has frames of aiohttp in its traceback."""
    server.script(Step(then="hang"))
    async with client_of(server.url) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(5):
                await client.tasks.status("t1")
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert "/aiohttp/" in shown
    assert TOKEN not in shown


async def test_token_in_an_unusable_result_is_not_shown(server: ScriptedServer) -> None:
    data = f'{{"status": "completed", "result": [], "echo": "{TOKEN}"}}'
    server.script(STARTED, answer(f'{{"error": 0, "data": {data}}}'))
    async with client_of(server.url) as client:
        with pytest.raises(ProtocolError) as caught:
            await client.resources.refresh(24, database_id=1)
    assert TOKEN not in told(caught.value)


async def test_short_token_sent_back_is_not_shown(server: ScriptedServer) -> None:
    """A token this short may also be part of a number."""
    server.script(answer('{"error": 403, "error_text": "no right for s3cr3t"}'))
    async with AltcraftClient(server.url, "s3cr3t") as client:
        with pytest.raises(PermissionDeniedError) as refused:
            await client.tasks.status("t1")
    assert refused.value.text == "no right for ***"


async def test_trace_hook_that_prints_request_chunks_prints_no_token(
    server: ScriptedServer,
) -> None:
    printed: list[str] = []
    hooks = aiohttp.TraceConfig()

    async def note(_session: object, _context: object, sent: object) -> None:
        printed.append(repr(sent))

    hooks.on_request_chunk_sent.append(note)
    server.script(STARTED)
    async with (
        aiohttp.ClientSession(trace_configs=[hooks]) as borrowed,
        client_of(server.url, session=borrowed) as client,
    ):
        await START.make(client)
    assert "bytes>" in "".join(printed)
    assert TOKEN not in "".join(printed)
