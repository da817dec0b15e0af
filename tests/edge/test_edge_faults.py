"""Each way in which a request can fail: which error, how often sent, and what it may have done.

One table. Every row is played to a start and to a look by a server that keeps
count, and each of its steps has to fire.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import traceback
from collections.abc import Generator
from typing import Literal, NamedTuple

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from altcraft_async import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RequestTimeoutError,
    Retry,
    ServerError,
    TariffLimitError,
    TransportError,
)
from altcraft_async.client import ClientOptions
from tests.edge.calls import (
    LOOK,
    RUNNING,
    START,
    STARTED,
    TOKEN,
    Call,
    both_calls,
    client_of,
    failure_of,
    told,
)
from tests.edge.scripted import ScriptedServer, Step, answer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HTML = "<!DOCTYPE html><html><body>Bad Gateway</body></html>"
HUNDRED_GB = 10**11


class Fault(NamedTuple):
    """One row of the table.

    Attributes:
        step: What the server does, each time.
        error: The very class that comes of it.
        starts: How often a start is sent.
        looks: How often a look is sent.
        delivered: Whether a start may have been acted on.
        http_status: What the error says of the HTTP status, where it does.
        options: How the client is set up.
    """

    step: Step
    error: type[AltcraftError]
    starts: int = 1
    looks: int = 3
    delivered: bool = True
    http_status: int | None = None
    options: ClientOptions = {}  # noqa: RUF012 -- a tuple's default, changed by nobody


def envelope(code: int) -> str:
    """Return a refusal that echoes the token."""
    return f'{{"error": {code}, "error_text": "no access for {TOKEN}"}}'


def compressed(body: bytes, *, claims: bytes = b"gzip") -> Step:
    """Return a step whose body says that it is compressed."""
    head = b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (claims, len(body))
    return Step(OK + head + body)


def refusal(error: type[ApiError], status: str, code: int) -> Fault:
    """Return the row of a refusal for good."""
    step = answer(envelope(code), status=status)
    return Fault(step, error, looks=1, delivered=False, http_status=int(status[:3]))


def throttled(retry_after: str, *, sends: int) -> Fault:
    """Return the row of a 429 that asks to wait."""
    step = answer(
        envelope(429), status="429 Too Many Requests", headers=[f"Retry-After: {retry_after}"]
    )
    return Fault(step, RateLimitedError, sends, sends, delivered=False, http_status=429)


def redirect(status: str, *, delivered: bool) -> Fault:
    """Return the row of a redirect."""
    step = answer(status=status, headers=[f"Location: http://127.0.0.1:9/{TOKEN}?token={TOKEN}"])
    return Fault(step, ProtocolError, 1, 1, delivered=delivered, http_status=int(status[:3]))


SOON: ClientOptions = {"request_timeout": 3.0}
SMALL: ClientOptions = {"max_answer_bytes": 1000}

# A body of 100 kB that is some hundred bytes compressed, cut where it is still plausible.
BOMB = gzip.compress(b"[" + b"0," * 50_000 + b"0]")
CUT = gzip.compress(RUNNING.sends * 20)[:-40]

FAULTS = {
    # The connection breaks.
    "reset before a request is read": Fault(Step(then="reset", on_accept=True), TransportError),
    "reset after the request": Fault(Step(then="reset"), TransportError),
    "end of stream after the request": Fault(Step(then="close"), TransportError),
    "body shorter than its length": Fault(
        Step(OK + b"Content-Length: 100\r\n\r\n{", "close"), TransportError
    ),
    "chunked body without its end": Fault(Step(CHUNKED + b"1\r\n{\r\n", "close"), TransportError),
    "reset within the body": Fault(
        Step(OK + b"Content-Length: 100\r\n\r\n{", "reset"), TransportError
    ),
    "corrupt gzip": Fault(compressed(b"no gzip"), TransportError),
    # No time left.
    "no answer at all": Fault(Step(then="hang"), RequestTimeoutError, options=SOON),
    "dripped header": Fault(Step(OK + b"X-Slow: ", "drip"), RequestTimeoutError, options=SOON),
    "dripped body": Fault(
        Step(OK + b"Content-Length: 100000\r\n\r\n", "drip"), RequestTimeoutError, options=SOON
    ),
    "informational answers for ever": Fault(
        Step(then="drip", again=b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        RequestTimeoutError,
        options=SOON,
    ),
    # No HTTP. aiohttp calls each of these a status 400, which it is not.
    "garbage status line": Fault(Step(f"WHAT? {TOKEN}\r\n\r\n".encode()), ProtocolError),
    "huge header": Fault(Step(OK + b"X-Huge: " + b"a" * 20_000 + b"\r\n\r\n"), ProtocolError),
    "two lengths": Fault(
        Step(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), ProtocolError
    ),
    "chunk size that is no number": Fault(Step(CHUNKED + TOKEN.encode() + b"\r\n"), ProtocolError),
    # HTTP, but not Altcraft's.
    "empty 200": Fault(answer(), ProtocolError, http_status=200),
    "204": Fault(Step(b"HTTP/1.1 204 No Content\r\n\r\n"), ProtocolError, http_status=204),
    "HTML with 200": Fault(answer(HTML, content_type="text/html"), ProtocolError, http_status=200),
    "HTML with 502": Fault(
        answer(HTML, status="502 Bad Gateway", content_type="text/html"),
        ProtocolError,
        http_status=502,
    ),
    "JSON of another shape": Fault(answer(f'["{TOKEN}"]'), ProtocolError, http_status=200),
    "envelope without data": Fault(answer('{"error": 0}'), ProtocolError, http_status=200),
    "truncated gzip of the right length": Fault(compressed(CUT), ProtocolError, http_status=200),
    # Too large: the next answer would be so too, so there is none.
    "gzip bomb": Fault(compressed(BOMB), ProtocolError, looks=1, http_status=200, options=SMALL),
    "endless body": Fault(
        Step(CHUNKED, "endless", again=b"64\r\n" + b"0" * 100 + b"\r\n"),
        ProtocolError,
        looks=1,
        http_status=200,
        options=SMALL,
    ),
    "length of a hundred gigabytes": Fault(
        Step(OK + b"Content-Length: %d\r\n\r\n" % HUNDRED_GB, "hang"), ProtocolError, looks=1
    ),
    # The platform, or a proxy in its name, refuses.
    "429": Fault(
        answer(envelope(429), status="429 Too Many Requests"), RateLimitedError, 3, delivered=False
    ),
    "429 as HTML": Fault(
        answer(HTML, status="429 Too Many Requests", content_type="text/html"),
        RateLimitedError,
        3,
        delivered=False,
    ),
    "429 in an answer with 200": Fault(
        answer(envelope(429)), RateLimitedError, 3, delivered=False, http_status=200
    ),
    "429 to be repeated at once": throttled("0", sends=3),
    "429 until a date that is past": throttled("Wed, 21 Oct 2015 07:28:00 GMT", sends=3),
    "429 for more than two minutes": throttled("121", sends=1),
    "429 until a distant date": throttled("Wed, 21 Oct 2099 07:28:00 GMT", sends=1),
    "429 with a wait that is no number": throttled("soon", sends=3),
    "503": Fault(answer(envelope(503), status="503 Unavailable"), ServerError, http_status=503),
    "503 without a body": Fault(answer(status="503 Unavailable"), ServerError, http_status=503),
    "500": Fault(answer(envelope(500), status="500 Oops"), ServerError, http_status=500),
    "500 in an answer with 200": Fault(answer(envelope(500)), ServerError, http_status=200),
    "500 with another code": Fault(
        answer(envelope(7), status="500 Oops"), ServerError, http_status=500
    ),
    "408": Fault(answer(TOKEN, status="408 Request Timeout"), ApiError, http_status=408),
    "400": refusal(BadRequestError, "400 Bad Request", 400),
    "400 in an answer with 200": refusal(BadRequestError, "200 OK", 400),
    "401": refusal(AuthenticationError, "401 Unauthorized", 401),
    "401 in an answer with 200": refusal(AuthenticationError, "200 OK", 401),
    "402": refusal(TariffLimitError, "402 Payment Required", 402),
    "402 in an answer with 200": refusal(TariffLimitError, "200 OK", 402),
    "403": refusal(PermissionDeniedError, "403 Forbidden", 403),
    "403 in an answer with 200": refusal(PermissionDeniedError, "200 OK", 403),
    "404": refusal(NotFoundError, "404 Not Found", 404),
    "404 in an answer with 200": refusal(NotFoundError, "200 OK", 404),
    "code that no page documents": refusal(ApiError, "200 OK", 440),
    # Elsewhere.
    "301": redirect("301 Moved Permanently", delivered=True),
    "302": redirect("302 Found", delivered=True),
    "303": redirect("303 See Other", delivered=True),
    "307": redirect("307 Temporary Redirect", delivered=False),
    "308": redirect("308 Permanent Redirect", delivered=False),
}


@pytest.mark.looptime
@both_calls
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_fault_gives_its_error_after_as_many_requests_as_are_safe(
    server: ScriptedServer, call: Call, fault: Fault
) -> None:
    """A start is sent again only where it surely was not acted on, a look where it may help."""
    sends = fault.starts if call.starts else fault.looks
    server.script(*[fault.step] * sends)
    async with client_of(server.url, **fault.options) as client:
        error = await failure_of(call, client)
    assert type(error) is fault.error
    assert vars(error)["path"] == call.path
    assert vars(error)["maybe_delivered"] is (fault.delivered and call.starts)
    assert fault.http_status is None or vars(error)["http_status"] == fault.http_status
    assert len(server.received) == (0 if fault.step.on_accept else sends)
    assert server.connections <= sends


@pytest.mark.looptime
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_fault_is_over_with_the_next_request(server: ScriptedServer, fault: Fault) -> None:
    """Whatever went wrong, the next request is not touched; a token in a header is not shown."""
    server.script(fault.step, RUNNING)
    once: ClientOptions = {**fault.options, "retry": Retry(attempts=1), "token_in": "header"}
    async with client_of(server.url, **once) as client:
        await failure_of(LOOK, client)
        assert (await client.tasks.status("t1")).progress == 40


async def test_refusal_carries_what_the_platform_said(server: ScriptedServer) -> None:
    """Code and text of a refusal are kept, its text without the token that it echoes."""
    server.script(answer(envelope(403)))
    async with client_of(server.url) as client:
        error = await failure_of(LOOK, client)
    assert isinstance(error, PermissionDeniedError)
    assert (error.code, error.text, error.http_status) == (403, "no access for ***", 200)


@pytest.mark.parametrize(("header", "seconds"), [("121", 121.0), ("1e9", 1e9), ("-5", None)])
async def test_wait_asked_for_is_in_the_error(
    server: ScriptedServer, header: str, seconds: float | None
) -> None:
    """Where the wait is too long to be made here, the caller learns of it."""
    step = answer(envelope(429), status="429 Slow", headers=[f"Retry-After: {header}"])
    server.script(step)
    async with client_of(server.url, retry=Retry(attempts=1)) as client:
        error = await failure_of(START, client)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == seconds


@both_calls
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed_anywhere(
    server: ScriptedServer, call: Call, status: int
) -> None:
    """Not one byte goes to the other place, for it would carry the token."""
    async with ScriptedServer() as elsewhere:
        where = f"Location: {elsewhere.url}/api/v1.1/{call.path}"
        server.script(answer(status=f"{status} Elsewhere", headers=[where]))
        async with client_of(server.url) as client:
            error = await failure_of(call, client)
        assert elsewhere.connections == 0
        assert elsewhere.url in str(error)


async def test_strange_page_is_recognisable_in_the_error(server: ScriptedServer) -> None:
    """The beginning of a proxy's page is kept, with its status and type."""
    server.script(answer(HTML, status="502 Bad Gateway", content_type="text/html"))
    async with client_of(server.url) as client:
        error = await failure_of(START, client)
    assert isinstance(error, ProtocolError)
    assert error.snippet == HTML
    assert "HTTP 502, text/html" in str(error)
    assert "base_url" in str(error)


async def test_informational_answers_before_the_real_one_are_skipped(
    server: ScriptedServer,
) -> None:
    """100 and 103 announce an answer and are none."""
    early = b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    server.script(Step(early + RUNNING.sends))
    async with client_of(server.url) as client:
        assert (await client.tasks.status("t1")).progress == 40


@pytest.mark.parametrize(
    ("surplus", "looks"),
    [(b"surplus", 2), (answer(envelope(403)).sends, 1)],
    ids=["bytes", "answer"],
)
async def test_what_nobody_asked_for_answers_no_later_request(
    server: ScriptedServer, surplus: bytes, looks: int
) -> None:
    """The next look gets its own answer, sent again if what was too much has spoilt it."""
    server.script(Step(RUNNING.sends + surplus), *[RUNNING] * looks)
    async with client_of(server.url) as client:
        assert (await client.tasks.status("t1")).progress == 40
        assert (await client.tasks.status("t1")).progress == 40


async def test_connection_closed_while_idle_is_replaced_for_a_look(
    server: ScriptedServer,
) -> None:
    """A kept connection that the server has closed costs no error."""
    server.script(RUNNING._replace(then="close"), RUNNING)
    async with client_of(server.url) as client:
        await client.tasks.status("t1")
        await client.tasks.status("t1")
    assert [request.connection for request in server.received] == [1, 2]


@pytest.mark.parametrize("then", ["close", "reset"])
async def test_connection_closed_under_a_look_is_replaced(
    server: ScriptedServer, then: str
) -> None:
    """Where the server closes a kept connection at the moment of a look, it is sent once more."""
    server.script(RUNNING, Step(then="close" if then == "close" else "reset"), RUNNING)
    async with client_of(server.url) as client:
        await client.tasks.status("t1")
        await client.tasks.status("t1")
    assert [request.connection for request in server.received] == [1, 1, 2]


# What fails before a byte of the request has left.


class Attempts(aiohttp.TraceConfig):
    """Counts the requests of a borrowed session, also those that never get out."""

    def __init__(self) -> None:
        """Begin at none."""
        super().__init__()
        self.made = 0
        self.on_request_start.append(self._count)

    async def _count(self, *_about: object) -> None:
        self.made += 1


class NoNames(AbstractResolver):
    """Knows no host."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Fail as a resolver does."""
        msg = f"{host}:{port}/{family} is not known"
        raise OSError(msg)

    async def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def closed_port() -> Generator[int, None, None]:
    """A port that is taken, so that nobody else gets it, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def full_port() -> Generator[int, None, None]:
    """A port whose queue of connections is full, so that connecting takes for ever."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        queue = [socket.socket() for _ in range(3)]
        for one in queue:
            one.setblocking(False)  # noqa: FBT003 -- socket takes no keywords
            one.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
        for one in queue:
            one.close()


@both_calls
async def test_refused_connection_is_tried_three_times(call: Call, closed_port: int) -> None:
    """Where nobody listens nothing was delivered, so that a start is safe to repeat."""
    attempts = Attempts()
    async with (
        aiohttp.ClientSession(trace_configs=[attempts]) as borrowed,
        client_of(f"http://127.0.0.1:{closed_port}", session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, error.permanent, attempts.made) == (False, False, 3)


async def test_refused_connection_on_a_session_of_its_own_is_the_same_error(
    closed_port: int,
) -> None:
    """Whose aiohttp session it is makes no difference."""
    async with client_of(f"http://127.0.0.1:{closed_port}") as client:
        error = await failure_of(START, client)
    assert isinstance(error, TransportError)
    assert not error.maybe_delivered


@both_calls
async def test_unknown_host_is_looked_up_three_times(call: Call) -> None:
    """A name may be known a moment later, and nothing was sent."""
    attempts = Attempts()
    connector = aiohttp.TCPConnector(resolver=NoNames())
    async with (
        aiohttp.ClientSession(connector=connector, trace_configs=[attempts]) as borrowed,
        client_of("http://altcraft.invalid", session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, error.permanent, attempts.made) == (False, False, 3)
    assert "altcraft.invalid" in str(error)


@both_calls
async def test_tls_to_a_plain_port_was_not_delivered(server: ScriptedServer, call: Call) -> None:
    """Without a TLS connection no byte of the request left."""
    plain = Step(b"HTTP/1.1 400 Bad Request\r\n\r\n", "close", on_accept=True)
    server.script(*[plain] * 3)
    async with client_of(f"https://127.0.0.1:{server.port}") as client:
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, server.connections) == (False, 3)
    assert "TLS" in str(error)


@both_calls
async def test_certificate_that_nobody_vouches_for_is_refused_once(
    tls_server: ScriptedServer, call: Call
) -> None:
    """A certificate does not get better by asking again, and nothing was sent."""
    attempts = Attempts()
    async with (
        aiohttp.ClientSession(trace_configs=[attempts]) as borrowed,
        client_of(tls_server.url, session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, error.permanent, attempts.made) == (False, True, 1)
    assert tls_server.received == []


async def test_certificate_that_the_caller_trusts_is_taken(
    tls_server: ScriptedServer, trusting: ssl.SSLContext
) -> None:
    """A context of the caller's own says whom to trust."""
    tls_server.script(RUNNING)
    async with client_of(tls_server.url, ssl_context=trusting) as client:
        assert (await client.tasks.status("t1")).progress == 40


@pytest.mark.looptime
@both_calls
async def test_connecting_takes_at_most_the_time_of_a_request(call: Call, full_port: int) -> None:
    """A host that does not answer the connection gets half of the time of a request."""
    url = f"http://127.0.0.1:{full_port}"
    async with client_of(url, request_timeout=3.0, retry=Retry(attempts=1)) as client:
        error = await failure_of(call, client)
    assert isinstance(error, RequestTimeoutError)
    assert not error.permanent
    assert asyncio.get_running_loop().time() == 1.5


@pytest.mark.looptime
async def test_connect_timeout_of_a_start_was_not_delivered(full_port: int) -> None:
    """A start that never connected was surely not acted on."""
    url = f"http://127.0.0.1:{full_port}"
    async with client_of(url, request_timeout=3.0, retry=Retry(attempts=1)) as client:
        error = await failure_of(START, client)
    assert isinstance(error, RequestTimeoutError)
    assert not error.maybe_delivered


# What must not be shown, or not come through.


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
    "host",
    ["a..b", "a" * 64 + ".localhost", "127.0.0.1\\x"],
    ids=["empty label", "long label", "backslash"],
)
async def test_host_that_can_be_no_host_is_an_error_of_ours(host: str) -> None:
    """What is wrong with an address is said by this library, at the latest by the request."""
    try:
        async with client_of(f"http://{host}", retry=Retry(attempts=1)) as client:
            await client.tasks.status("t1")
    except AltcraftError:
        pass


@pytest.mark.parametrize(
    "fault", ["reset after the request", "length of a hundred gigabytes", "empty 200", "204"]
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


async def test_variables_of_a_callers_timeout_hold_no_body(server: ScriptedServer) -> None:
    """A cancelled request shows aiohttp's frames, in which the body does not show."""
    server.script(Step(then="hang"))
    async with client_of(server.url) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.02):
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
