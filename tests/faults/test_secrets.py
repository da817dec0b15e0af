"""What must not be shown, whatever goes wrong: the token, in no text anywhere."""

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
async def test_header_that_broke_off_is_not_shown(server: ScriptedServer, call: Call) -> None:
    """A server that echoes the token in a header and hangs up does not get it into an error."""
    step = Step(OK + f"X-Echo: {TOKEN}\r\n".encode(), "close")
    server.script(*[step] * (1 if call.starts else 3))
    async with client_of(server.url) as client:
        await failure_of(call, client)


@pytest.mark.parametrize(
    ("status", "kind"), [("200 OK", "text/html"), ("500 Oops", "text/plain")], ids=["page", "text"]
)
async def test_token_cut_off_by_the_end_of_a_snippet_is_not_shown(
    server: ScriptedServer, status: str, kind: str
) -> None:
    """Half a token is not shown either."""
    server.script(answer("x" * 285 + TOKEN, status=status, content_type=kind))
    async with client_of(server.url) as client:
        error = await failure_of(START, client)
    assert TOKEN[:10] not in f"{error} {vars(error)}"


@pytest.mark.parametrize(
    "fault",
    ["reset after the request is read", "length of a hundred gigabytes", "empty 200", "204"],
)
@pytest.mark.parametrize("place", ["body", "header"])
async def test_variables_of_a_traceback_hold_no_token(
    server: ScriptedServer,
    fault: str,
    place: Literal["body", "header"],
) -> None:
    """A tool that prints the variables of every frame of ours does not print the token."""
    server.script(FAULTS[fault].step)
    async with client_of(server.url, token_in=place) as client:
        error = await failure_of(START, client)
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in shown.stack if "/altcraft_async/" in frame.filename]
    assert ours
    assert TOKEN not in repr([frame.locals for frame in ours])


@pytest.mark.looptime
async def test_variables_of_a_callers_timeout_hold_no_body(server: ScriptedServer) -> None:
    """A cancelled request shows aiohttp's frames, in which the body does not show."""
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
    """What a finished task echoes is not shown when its result cannot be used."""
    data = f'{{"status": "completed", "result": [], "echo": "{TOKEN}"}}'
    server.script(STARTED, answer(f'{{"error": 0, "data": {data}}}'))
    async with client_of(server.url) as client:
        with pytest.raises(ProtocolError) as caught:
            await client.resources.refresh(24, database_id=1)
    assert TOKEN not in told(caught.value)


async def test_short_token_that_is_sent_back_is_not_shown(server: ScriptedServer) -> None:
    """A token so short that it may be part of a figure is kept out of texts all the same."""
    server.script(answer('{"error": 403, "error_text": "no right for s3cr3t"}'))
    async with AltcraftClient(server.url, "s3cr3t") as client:
        with pytest.raises(PermissionDeniedError) as refused:
            await client.tasks.status("t1")
    assert refused.value.text == "no right for ***"


async def test_hook_that_prints_what_is_sent_prints_no_token(server: ScriptedServer) -> None:
    """Those who log what their aiohttp session sends do not log the token in it."""
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
