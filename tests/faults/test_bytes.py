"""Any bytes as an answer end in a valid value or an AltcraftError, and nothing hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async import (
    AltcraftError,
    ApiError,
    Constant,
    CountersReport,
    Patience,
    Retry,
    TaskRef,
)
from altcraft_async.protocol.codecs import UnreadableError
from altcraft_async.protocol.counter_responses import counters_report
from altcraft_async.protocol.endpoints import REFRESH_RESOURCE, TASK_STATUS
from altcraft_async.protocol.envelope import interpret
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.token import Token
from tests.support.api_calls import POLL, START, STARTED, TOKEN, Call, client_of, told
from tests.support.examples import examples
from tests.support.scripted_server import ScriptedServer, Step, answer

pytestmark = pytest.mark.usefixtures("both_ways")

SAMPLES = Path(__file__).parents[1] / "samples"
FORMATS = ("json", "xml")
STARTS = [SAMPLES / f"resources_refresh_counters.answer.{kind}" for kind in FORMATS]
POLLS = sorted(
    one
    for kind in FORMATS
    for one in SAMPLES.glob(f"tasks_status.*.{kind}")
    if "request" not in one.name
)
TASK = TaskRef(task_id="t1", kind="resource", target=(24, 1))

HANG_SECONDS = 60.0
"""Loop time, which jumps; every limit below is far shorter."""


@st.composite
def damaged(draw: st.DrawFn, sound: st.SearchStrategy[bytes]) -> bytes:
    """Draw sound bytes, then change, double, add, remove or cut pieces."""
    body = bytearray(draw(sound))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(body)))
        end = draw(st.integers(begin, min(len(body), begin + 40)))
        piece = bytes(body[begin:end])
        body[begin:end] = draw(
            st.sampled_from([b"", piece * 2, piece[::-1], piece.upper()])
            | st.binary(max_size=8)
            | st.sampled_from(
                [b"{", b"}", b"[", b"]", b'"', b"<", b"</xml>", b"&x;", b"null", b"-1"]
            )
            | st.sampled_from([b"1e999", b"9" * 400, b"\\ud800", b"\x00", b"\xff", b"]]>", b"<!--"])
        )
    cut = draw(st.none() | st.integers(0, len(body)))
    return bytes(body[:cut])


def samples(paths: list[Path]) -> st.SearchStrategy[bytes]:
    """Draw unchanged answers of the vendor."""
    return st.sampled_from(paths).map(Path.read_bytes)


def bodies(paths: list[Path]) -> st.SearchStrategy[bytes]:
    """Draw sound, damaged and arbitrary bodies."""
    return samples(paths) | damaged(samples(paths)) | st.binary(max_size=400)


@settings(max_examples=examples(400))
@given(body=bodies(POLLS), status=st.sampled_from([200, 200, 200, 404, 500]))
@example(body=b"", status=200)
def test_any_poll_gives_a_report_or_an_altcraft_error(body: bytes, status: int) -> None:
    """The poller turns an ``UnreadableError`` into an AltcraftError."""
    mask = Token(TOKEN).mask
    try:
        polled = interpret(TASK_STATUS, Response(status=status, body=body), mask)
        report = counters_report(polled.result, TASK)
    except (AltcraftError, UnreadableError):
        return
    counters = [one for group in report.groups for one in group.channels.values()]
    numbers = [number for one in counters for number in msgspec.structs.asdict(one).values()]
    assert all(number is None or 0 <= number < 2**63 for number in numbers)


@settings(max_examples=examples(200))
@given(body=bodies(STARTS))
def test_any_start_gives_an_id_or_an_error_that_may_be_delivered(body: bytes) -> None:
    answered = Response(status=200, body=body)
    try:
        outcome: str | AltcraftError = interpret(REFRESH_RESOURCE, answered, Token(TOKEN).mask)
    except AltcraftError as error:
        outcome = error
    if isinstance(outcome, ApiError):
        return
    assert outcome if isinstance(outcome, str) else vars(outcome)["maybe_delivered"] is True


async def ended(work: Awaitable[object]) -> object:
    """Return the result or the error of work that has to end."""
    async with asyncio.timeout(HANG_SECONDS):
        (outcome,) = await asyncio.gather(work, return_exceptions=True)
    return outcome


@pytest.mark.looptime
@settings(max_examples=examples(60))
@given(body=bodies(POLLS))
async def test_any_poll_over_a_socket_ends_a_refresh(body: bytes) -> None:
    async with ScriptedServer() as server:
        server.script(STARTED)
        server.otherwise = lambda _: answer(body)
        async with client_of(
            server.url,
            poll=Constant(0.05),
            polling_patience=Patience(failures=2, seconds=0.0, unknown=0.0),
        ) as client:
            outcome = await ended(client.resources.refresh(24, database_id=1, timeout=5.0))
        assert isinstance(outcome, (CountersReport, AltcraftError))


whole_answers = samples([*STARTS, *POLLS]).map(lambda body: answer(body).sends)


@pytest.mark.looptime
@pytest.mark.parametrize("call", [START, POLL], ids=["start", "poll"])
@settings(max_examples=examples(60))
@given(
    raw=damaged(whole_answers) | st.binary(max_size=200),
    closes=st.booleans(),
)
async def test_any_bytes_on_a_connection_end_a_call(
    call: Call, raw: bytes, *, closes: bool
) -> None:
    """Status line, headers and body are arbitrary, and no error shows the token."""
    async with ScriptedServer() as server:
        server.script(Step(raw, "close" if closes else "hang"))
        async with client_of(
            server.url, retry=Retry(attempts=1, first=0.0), request_timeout=1.0
        ) as client:
            outcome = await ended(call.make(client))
        assert len(server.received) == 1
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, AltcraftError)
        assert TOKEN not in told(outcome)
