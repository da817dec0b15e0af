"""Each fault of one exchange: its error, the requests sent, and whether it may be delivered."""

from __future__ import annotations

import gzip
import tracemalloc
from importlib.metadata import version

import pytest

from altcraft_async import (
    ApiError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    Retry,
    TransportError,
)
from altcraft_async.client import ClientOptions
from tests.faults.quirks import QUIRKS, Quirk
from tests.faults.rows import advice
from tests.faults.table import FAULTS, HTML, Fault, compressed, envelope, zeros
from tests.support.api_calls import (
    POLL,
    RUNNING,
    START,
    Call,
    both_alone,
    both_calls,
    client_of,
    failure_of,
    succeed,
)
from tests.support.leftovers import let_go
from tests.support.scripted_server import ScriptedServer, Step, answer

pytestmark = pytest.mark.usefixtures("both_ways")

OLD_AIOHTTP = version("aiohttp").startswith("3.13.")


@pytest.mark.looptime
@both_calls
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_fault_raises_its_error_after_the_safe_number_of_requests(
    server: ScriptedServer, call: Call, fault: Fault
) -> None:
    """A start is retried only if it surely had no effect, a poll if that may help."""
    sends = fault.starts if call.starts else fault.polls
    server.script(*[fault.step] * sends)
    async with client_of(server.url, **fault.options) as client:
        error = await failure_of(call, client)
    assert type(error) is fault.error
    assert vars(error)["path"] == call.path
    assert vars(error)["maybe_delivered"] is (fault.delivered and call.starts)
    if "snippet" in advice(fault.row, fault.error.__name__):
        assert vars(error)["snippet"]
    assert fault.http_status is None or vars(error)["http_status"] == fault.http_status
    assert len(server.received) == (0 if fault.step.on_accept else sends)
    assert server.connections <= sends


@pytest.mark.looptime
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_request_after_a_fault_succeeds(server: ScriptedServer, fault: Fault) -> None:
    """The token is in a header here, and no error shows it."""
    server.script(fault.step, RUNNING)
    once: ClientOptions = {**fault.options, "retry": Retry(attempts=1), "token_in": "header"}
    async with client_of(server.url, **once) as client:
        await failure_of(POLL, client)
        assert (await client.tasks.status("t1")).progress == 40


async def test_refusal_keeps_the_code_and_text_of_the_platform(server: ScriptedServer) -> None:
    """The text echoes the token, which is masked."""
    server.script(answer(envelope(403)))
    async with client_of(server.url) as client:
        error = await failure_of(POLL, client)
    assert isinstance(error, PermissionDeniedError)
    assert (error.code, error.text, error.http_status) == (403, "no access for ***", 200)


@pytest.mark.parametrize(("header", "seconds"), [("121", 121.0), ("1e9", 1e9), ("-5", None)])
async def test_error_holds_the_retry_after_of_the_answer(
    server: ScriptedServer, header: str, seconds: float | None
) -> None:
    step = answer(envelope(429), status="429 Slow", headers=[f"Retry-After: {header}"])
    server.script(step)
    async with client_of(server.url, retry=Retry(attempts=1)) as client:
        error = await failure_of(START, client)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == seconds


@both_calls
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(server: ScriptedServer, call: Call, status: int) -> None:
    """The request would carry the token to the other server."""
    async with ScriptedServer() as elsewhere:
        where = f"Location: {elsewhere.url}/api/v1.1/{call.path}"
        server.script(answer(status=f"{status} Elsewhere", headers=[where]))
        async with client_of(server.url) as client:
            error = await failure_of(call, client)
        assert elsewhere.connections == 0
        assert elsewhere.url in str(error)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@both_calls
async def test_refusal_before_the_body_is_read_is_understood(
    server: ScriptedServer, call: Call
) -> None:
    """The answer counts, although the rest of the request could not be sent."""
    said = '{"error": 413, "error_text": "too large"}'
    refusal = answer(said, status="413 Payload Too Large", headers=["Connection: close"])
    server.script(refusal._replace(on_accept=True, then="close"))
    # More than a connection buffers while the server does not read.
    async with client_of(server.url, "x" * 2**23) as client:
        error = await failure_of(call, client)
    assert type(error) is ApiError
    assert (error.http_status, error.maybe_delivered) == (413, False)
    assert (server.received, server.connections) == ([], 1)


async def test_error_shows_the_page_of_a_proxy(server: ScriptedServer) -> None:
    server.script(answer(HTML, status="502 Bad Gateway", content_type="text/html"))
    async with client_of(server.url) as client:
        error = await failure_of(START, client)
    assert isinstance(error, ProtocolError)
    assert error.snippet == HTML
    assert "HTTP 502, text/html" in str(error)
    assert "base_url" in str(error)


@both_calls
@pytest.mark.parametrize("quirk", QUIRKS.values(), ids=QUIRKS)
async def test_unusual_answer_is_accepted(server: ScriptedServer, call: Call, quirk: Quirk) -> None:
    server.script(quirk.step)
    async with client_of(server.url) as client:
        await succeed(call, client)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE xml [<!ENTITY x SYSTEM '{url}'>]><xml><data>&x;</data></xml>",
        "<!DOCTYPE xml [<!ENTITY % x SYSTEM '{url}'> %x;]><xml/>",
        "<!DOCTYPE xml SYSTEM '{url}'><xml/>",
    ],
    ids=["entity", "parameter entity", "document type"],
)
@both_calls
async def test_xml_answer_fetches_nothing(
    server: ScriptedServer, call: Call, document: str
) -> None:
    async with ScriptedServer() as elsewhere:
        body = document.format(url=f"{elsewhere.url}/x.dtd")
        server.script(*[answer(body, content_type="application/xml")] * (1 if call.starts else 3))
        async with client_of(server.url) as client:
            error = await failure_of(call, client)
        assert elsewhere.connections == 0
    assert isinstance(error, ProtocolError)
    assert error.maybe_delivered is call.starts


async def test_gzip_bomb_does_not_fill_the_memory(server: ScriptedServer) -> None:
    """Of 200 MB sent as 0.2 MB, the client holds the answer limit and one piece."""
    bomb = zeros(200)
    assert len(bomb) < 2**18
    server.script(compressed(bomb))
    async with client_of(server.url, retry=Retry(attempts=1)) as client:
        tracemalloc.start()
        try:
            error = await failure_of(POLL, client)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    if OLD_AIOHTTP:
        # It unpacks pieces of 32 MiB and gives up on larger ones: 64 MiB measured.
        assert isinstance(error, TransportError)
        assert peak < 80 * 2**20
    else:
        assert isinstance(error, ProtocolError)
        assert peak < 32 * 2**20


@both_alone
async def test_extra_answer_answers_no_later_request(server: ScriptedServer, call: Call) -> None:
    refusal = answer(envelope(403)).sends
    server.script(call.answered._replace(sends=call.answered.sends + refusal), call.answered)
    async with client_of(server.url) as client:
        await succeed(call, client)
        await succeed(call, client)
    assert len(server.received) == 2


async def test_connection_closed_while_idle_is_replaced_for_a_poll(
    server: ScriptedServer,
) -> None:
    server.script(RUNNING._replace(then="close"), RUNNING)
    async with client_of(server.url, retry=Retry(attempts=1)) as client:
        await client.tasks.status("t1")
        await let_go()
        await client.tasks.status("t1")
    assert [request.connection for request in server.received] == [1, 2]


@pytest.mark.parametrize("then", ["close", "reset"])
async def test_connection_closed_during_a_poll_is_replaced(
    server: ScriptedServer, then: str
) -> None:
    server.script(RUNNING, Step(then="close" if then == "close" else "reset"), RUNNING)
    async with client_of(server.url) as client:
        await client.tasks.status("t1")
        await client.tasks.status("t1")
    assert [request.connection for request in server.received] == [1, 1, 2]


async def test_answer_limit_applies_to_a_body_that_arrives_with_the_headers(
    server: ScriptedServer,
) -> None:
    """The body is compressed; the limit is about its size after decompression."""
    packed = gzip.compress(b" " * 5000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    server.script(Step(head.encode() + packed))
    async with client_of(server.url, max_answer_bytes=1000) as client:
        error = await failure_of(POLL, client)
    assert isinstance(error, ProtocolError)
    assert error.permanent
