"""No error, snippet, variable or trace shows the API token."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Awaitable, Callable
from typing import Literal

import aiohttp
import pytest

from altcraft_async import AltcraftClient, ConfigurationError, PermissionDeniedError, ProtocolError
from tests.faults.canary import chained
from tests.faults.table import FAULTS, OK
from tests.support.api_calls import (
    POLL,
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

pytestmark = pytest.mark.usefixtures("both_ways")


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


@pytest.mark.parametrize(
    "base_url",
    [
        "https://me:s3cret@example.com",
        "https://example.com/?key=s3cret",
        "https://example.com/#s3cret",
        "https://s3cret with spaces",
        "s3cret",
    ],
)
def test_variables_after_a_refused_base_url_hold_no_password(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^base_url: ") as refused:
        AltcraftClient(base_url, TOKEN)
    shown = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
    ours = [frame for frame in shown.stack if "/altcraft_async/" in frame.filename]
    assert ours
    assert "s3cret" not in repr([str(refused.value), *(frame.locals for frame in ours)])


async def start_alone(client: AltcraftClient) -> object:
    """Start a task in the caller's own asyncio task."""
    return await client.resources.refresh_counters(24, database_id=1, join="never")


@pytest.mark.looptime
@pytest.mark.parametrize("call", [START.make, POLL.make, start_alone])
@pytest.mark.parametrize("place", ["body", "header"])
@pytest.mark.parametrize(
    "step", [Step(then="hang"), Step(OK + b"Content-Length: 9\r\n\r\n", "hang")]
)
async def test_variables_after_a_callers_timeout_hold_no_token(
    server: ScriptedServer,
    call: Callable[[AltcraftClient], Awaitable[object]],
    place: Literal["body", "header"],
    step: Step,
) -> None:
    server.script(step)
    async with client_of(server.url, token_in=place) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(5):
                await call(client)
    shown = frames_with_variables(caught.value)
    assert "/altcraft_async/" in shown
    assert "/aiohttp/" not in shown
    assert TOKEN not in shown


@pytest.mark.looptime
@pytest.mark.parametrize("place", ["body", "header"])
async def test_variables_after_a_cancelled_connecting_hold_no_token(
    place: Literal["body", "header"],
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            async with client_of(f"http://127.0.0.1:{port}", token_in=place) as client:
                calling = asyncio.ensure_future(POLL.make(client))
                await asyncio.sleep(1)
                calling.cancel("by the caller")
                with pytest.raises(asyncio.CancelledError, match="by the caller") as caught:
                    await calling
    shown = frames_with_variables(caught.value)
    assert "/aiohttp/" not in shown
    assert TOKEN not in shown


def frames_with_variables(error: BaseException) -> str:
    """Return the tracebacks of an error and of all that it is chained to, with variables."""
    return "".join(
        line
        for one in chained(error)
        for line in traceback.TracebackException.from_exception(one, capture_locals=True).format()
    )


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
