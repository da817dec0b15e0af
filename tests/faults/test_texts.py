"""Texts of a hostile platform forge no line of a log, and make no large error."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Awaitable, Callable

import pytest

from altcraft_async import AltcraftClient, AltcraftError, ProtocolError, TaskRef, WaitTimeoutError
from tests.support.api_calls import START, STARTED, client_of
from tests.support.scripted_server import ScriptedServer, Step, answer

FORGED = "x\n2030-01-01 ERROR forged\r\x1b[2J\x85\u2028\u202e"
HUGE = "running" * 2**18
SHOWN = 2_000
"""Characters of an error at most."""
STORED = 10_000
"""Bytes of a pickled error at most; it has its texts more than once."""

REF = TaskRef(task_id="t1", kind="resource", target=(24, 1))


async def start(client: AltcraftClient) -> object:
    """Start a task."""
    return await START.make(client)


async def wait(client: AltcraftClient) -> object:
    """Wait for a task to the end."""
    return await client.tasks.attach(REF)


async def wait_briefly(client: AltcraftClient) -> object:
    """Wait for one poll at most."""
    return await client.tasks.attach(REF).wait(timeout=0)


def said(data: object, *, error: int = 0, text: str = "") -> Step:
    """Return an answer with this envelope."""
    return answer(json.dumps({"error": error, "error_text": text, "data": data}))


def status(name: str, **fields: object) -> Step:
    """Return the answer to a poll."""
    return said({"status": name, **fields})


Call = Callable[[AltcraftClient], Awaitable[object]]

PLACES: dict[str, tuple[Call, Callable[[str], Step]]] = {
    "error_text": (start, lambda text: said(None, error=400, text=text)),
    "id of a started task": (start, lambda text: said({"task_id": text})),
    "error without an envelope": (start, lambda text: answer(text, status="500 Oops")),
    "encoding of XML": (
        start,
        lambda text: answer(f'<?xml version="1.0" encoding="{text}"?><xml/>'),
    ),
    "status": (wait_briefly, status),
    "status of a failed task": (wait, lambda text: status("failed", reason=text)),
    "word for a result": (wait, lambda text: status("completed", result=[{text: text}])),
}
"""Where a platform can put a text, and the call that fails with it."""

places = pytest.mark.parametrize(("call", "step"), PLACES.values(), ids=PLACES)


async def failure(server: ScriptedServer, call: Call, step: Step) -> AltcraftError:
    """Return the error of a call that gets this answer."""
    server.script(step)
    async with client_of(server.url) as client:
        with pytest.raises(AltcraftError) as caught:
            await call(client)
    return caught.value


@places
async def test_text_with_line_breaks_and_escapes_forges_no_line(
    server: ScriptedServer,
    caplog: pytest.LogCaptureFixture,
    call: Call,
    step: Callable[[str], Step],
) -> None:
    caplog.set_level(logging.DEBUG, "altcraft_async")
    error = await failure(server, call, step(FORGED))
    assert str(error).isprintable()
    messages = [one.getMessage() for one in caplog.records if one.name == "altcraft_async"]
    assert all(map(str.isprintable, messages))


@places
async def test_text_of_megabytes_makes_no_large_error(
    server: ScriptedServer, call: Call, step: Callable[[str], Step]
) -> None:
    error = await failure(server, call, step(HUGE))
    assert len(str(error)) < SHOWN
    assert len(pickle.dumps(error)) < STORED


async def test_start_whose_task_id_cannot_be_printed_may_have_been_delivered(
    server: ScriptedServer,
) -> None:
    error = await failure(server, start, said({"task_id": "a\nb"}))
    assert isinstance(error, ProtocolError)
    assert error.maybe_delivered


async def test_small_status_in_an_error_has_everything_that_was_sent(
    server: ScriptedServer,
) -> None:
    error = await failure(server, wait_briefly, status("queued\n", note="as sent\n"))
    assert isinstance(error, WaitTimeoutError)
    assert error.status is not None
    assert error.status.status == "queued "
    assert error.status.raw == {"status": "queued\n", "note": "as sent\n"}


async def test_id_of_a_running_refresh_is_one_printable_line(server: ScriptedServer) -> None:
    """The counters are useful without it."""
    group: dict[str, object] = {
        "channels": [],
        "refresh_task_id": FORGED,
        "last_count_time": FORGED,
    }
    server.script(STARTED, status("completed", result=[group]))
    async with client_of(server.url) as client:
        report = await client.resources.refresh(24, database_id=1)
    assert report.groups[0].refresh_task_id.isprintable()
    assert report.groups[0].last_count_time.isprintable()
