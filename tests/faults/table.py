"""Faults of one exchange: what the server does, and the error and requests that follow.

Tests play each fault to a start and to a poll. `docs/faults.md` is generated from the same data.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from typing import NamedTuple

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
    ServerError,
    TariffLimitError,
    TransportError,
)
from altcraft_async.client import ClientOptions
from tests.support.api_calls import RUNNING, TOKEN
from tests.support.scripted_server import Step, answer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HTML = "<!DOCTYPE html><html><body>Bad Gateway</body></html>"
HUNDRED_GB = 10**11
SAID = '{"error": 0, "data": {"task_id": "t1", "status": "running", "progress": 40%s}}'
"""An answer to a start and to a poll, with room for more fields."""


class Fault(NamedTuple):
    """What the server does for every request, and the outcome.

    Attributes:
        row: Number in the list of faults.
        step: What the server does.
        error: Exact class of the error.
        starts: Requests sent for a start.
        polls: Requests sent for a poll.
        delivered: Whether a start may have had an effect.
        http_status: HTTP status in the error, if it has one.
        options: Settings of the client.
    """

    row: int
    step: Step
    error: type[AltcraftError]
    starts: int = 1
    polls: int = 3
    delivered: bool = True
    http_status: int | None = None
    options: ClientOptions = {}  # noqa: RUF012 -- default of a tuple, never changed


def envelope(code: int) -> str:
    """Return a refusal that echoes the token."""
    return f'{{"error": {code}, "error_text": "no access for {TOKEN}"}}'


def compressed(body: bytes, *, claims: bytes = b"gzip") -> Step:
    """Return a step that declares its body compressed."""
    head = b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (claims, len(body))
    return Step(OK + head + body)


def zeros(megabytes: int) -> bytes:
    """Return compressed megabytes of zeros; their wrong checksum is never reached."""
    packer = zlib.compressobj(wbits=31)

    def packed() -> bytes:
        # After a full flush, a piece can be repeated at any place.
        return packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)

    return packed() + packed() * (megabytes - 1) + packer.flush()


def refusal(row: int, error: type[ApiError], status: str, code: int) -> Fault:
    """Return a permanent refusal."""
    step = answer(envelope(code), status=status)
    return Fault(row, step, error, polls=1, delivered=False, http_status=int(status[:3]))


def throttled(row: int, retry_after: str, *, sends: int) -> Fault:
    """Return a 429 that asks to wait."""
    step = answer(
        envelope(429), status="429 Too Many Requests", headers=[f"Retry-After: {retry_after}"]
    )
    return Fault(row, step, RateLimitedError, sends, sends, delivered=False, http_status=429)


def redirect(
    status: str, *, delivered: bool, to: str = f"http://127.0.0.1:9/{TOKEN}?token={TOKEN}"
) -> Fault:
    """Return a redirect, with the token in its address."""
    step = answer(status=status, headers=[f"Location: {to}"])
    return Fault(41, step, ProtocolError, 1, 1, delivered=delivered, http_status=int(status[:3]))


def failed(row: int, status: str, code: int) -> Fault:
    """Return a failure of the server."""
    step = answer(envelope(code), status=status)
    return Fault(row, step, ServerError, http_status=int(status[:3]))


def unreadable(row: int, body: bytes | str, kind: str = "application/json") -> Fault:
    """Return a complete answer with an unreadable body."""
    return Fault(row, answer(body, content_type=kind), ProtocolError, http_status=200)


def xml(row: int, body: bytes | str, *, declares: str = "") -> Fault:
    """Return a complete answer with unreadable XML."""
    head = f'<?xml version="1.0"{declares}?>'.encode()
    return unreadable(row, head + (body.encode() if isinstance(body, str) else body), "text/xml")


SOON: ClientOptions = {"request_timeout": 3.0}
SMALL: ClientOptions = {"max_answer_bytes": 1000}

# 100 kB in about a hundred compressed bytes.
BOMB = gzip.compress(b"[" + b"0," * 50_000 + b"0]")
TRUNCATED_GZIP = gzip.compress(RUNNING.sends * 20)[:-40]

_ENTITIES = "".join(f"<!ENTITY a{n + 1} '&a{n};&a{n};'>" for n in range(30))
_LAUGHS = f"<!DOCTYPE xml [<!ENTITY a0 'ha'>{_ENTITIES}]><xml><data>&a30;</data></xml>"

CONNECTION: Mapping[str, Fault] = {
    "reset before the request is read": Fault(
        7, Step(then="reset", on_accept=True), TransportError
    ),
    "reset after the request is read": Fault(8, Step(then="reset"), TransportError),
    "end of stream after the request": Fault(9, Step(then="close"), TransportError),
    "body shorter than its Content-Length": Fault(
        16, Step(OK + b"Content-Length: 100\r\n\r\n{", "close"), TransportError
    ),
    "reset within the body": Fault(
        16, Step(OK + b"Content-Length: 100\r\n\r\n{", "reset"), TransportError
    ),
    "chunked body without its end": Fault(
        17, Step(CHUNKED + b"1\r\n{\r\n", "close"), TransportError
    ),
    "cut body without a length": Fault(
        18, Step(OK + b'\r\n{"error": 0, "data": {', "close"), ProtocolError, http_status=200
    ),
    "corrupt gzip": Fault(20, compressed(b"no gzip"), TransportError),
    "unknown content encoding": Fault(
        20, compressed(b"x", claims=b"rot13"), ProtocolError, http_status=200
    ),
}

TIME: Mapping[str, Fault] = {
    "no answer": Fault(13, Step(then="hang"), RequestTimeoutError, options=SOON),
    "trickling body": Fault(
        14, Step(OK + b"Content-Length: 100000\r\n\r\n", "drip"), RequestTimeoutError, options=SOON
    ),
    "trickling header": Fault(
        15, Step(OK + b"X-Slow: ", "drip"), RequestTimeoutError, options=SOON
    ),
    "endless informational answers": Fault(
        15,
        Step(then="drip", again=b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        RequestTimeoutError,
        options=SOON,
    ),
}

# aiohttp reports each of these as status 400, although the server sent no 400.
NO_HTTP: Mapping[str, Fault] = {
    "header of 20 kB": Fault(
        24, Step(OK + b"X-Huge: " + b"a" * 20_000 + b"\r\n\r\n"), ProtocolError
    ),
    "two hundred headers": Fault(
        24,
        Step(OK + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n"),
        ProtocolError,
    ),
    "invalid status line": Fault(25, Step(f"WHAT? {TOKEN}\r\n\r\n".encode()), ProtocolError),
    "body longer than its Content-Length": Fault(
        28, RUNNING._replace(sends=RUNNING.sends + b"surplus"), ProtocolError
    ),
    "two Content-Length headers": Fault(
        26, Step(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), ProtocolError
    ),
    "Content-Length with chunks": Fault(
        26,
        Step(OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ProtocolError,
    ),
    "invalid chunk size": Fault(26, Step(CHUNKED + TOKEN.encode() + b"\r\n"), ProtocolError),
}

STRANGE: Mapping[str, Fault] = {
    "truncated gzip with the right Content-Length": Fault(
        19, compressed(TRUNCATED_GZIP), ProtocolError, http_status=200
    ),
    "204": Fault(30, Step(b"HTTP/1.1 204 No Content\r\n\r\n"), ProtocolError, http_status=204),
    "empty 200": Fault(30, answer(), ProtocolError, http_status=200),
    "HTML with 200": Fault(
        31, answer(HTML, content_type="text/html"), ProtocolError, http_status=200
    ),
    "HTML with 502": Fault(
        31,
        answer(HTML, status="502 Bad Gateway", content_type="text/html"),
        ProtocolError,
        http_status=502,
    ),
    "JSON of another shape": unreadable(31, f'["{TOKEN}"]'),
    "envelope without data": unreadable(31, '{"error": 0}'),
    "JSON with invalid UTF-8": unreadable(58, b'{"error": 0, "data": {"status": "\xff\xfe"}}'),
    "JSON with a lone surrogate": unreadable(58, SAID % ', "x": "\\ud800"'),
    "JSON with NaN": unreadable(58, SAID % ', "x": NaN'),
    "JSON with trailing bytes": unreadable(58, SAID % "" + "]"),
    "JSON 100,000 levels deep": unreadable(59, "[" * 100_000 + "]" * 100_000),
    "XML 500,000 levels deep": xml(62, "<a>" * 500_000),
    "XML with a million elements": xml(62, f"<xml>{'<a/>' * 1_000_000}</xml>"),
    "XML in UTF-7": xml(63, "<xml><error>0</error></xml>", declares=' encoding="utf-7"'),
    "XML in an unknown encoding": xml(63, "<xml/>", declares=' encoding="none-such"'),
    "XML entities that expand exponentially": xml(61, _LAUGHS),
    "XML entity that refers to a file": xml(
        61, "<!DOCTYPE xml [<!ENTITY x SYSTEM 'file:///etc/hosts'>]><xml><data>&x;</data></xml>"
    ),
}

# A retry would get an answer of the same size.
TOO_LARGE: Mapping[str, Fault] = {
    "gzip bomb": Fault(
        21, compressed(BOMB), ProtocolError, polls=1, http_status=200, options=SMALL
    ),
    "endless body": Fault(
        22,
        Step(CHUNKED, "endless", again=b"64\r\n" + b"0" * 100 + b"\r\n"),
        ProtocolError,
        polls=1,
        http_status=200,
        options=SMALL,
    ),
    "Content-Length of 100 GB": Fault(
        23,
        Step(OK + b"Content-Length: %d\r\n\r\n" % HUNDRED_GB, "hang"),
        ProtocolError,
        polls=1,
        http_status=200,
    ),
}

REFUSED: Mapping[str, Fault] = {
    "429": Fault(
        32,
        answer(envelope(429), status="429 Too Many Requests"),
        RateLimitedError,
        3,
        delivered=False,
    ),
    "429 as HTML": Fault(
        32,
        answer(HTML, status="429 Too Many Requests", content_type="text/html"),
        RateLimitedError,
        3,
        delivered=False,
    ),
    "error 429 with HTTP 200": Fault(
        32, answer(envelope(429)), RateLimitedError, 3, delivered=False, http_status=200
    ),
    "429 with a wait of 0": throttled(32, "0", sends=3),
    "429 until a past date": throttled(33, "Wed, 21 Oct 2015 07:28:00 GMT", sends=3),
    "429 for more than two minutes": throttled(33, "121", sends=1),
    "429 for thirty years": throttled(33, "1e9", sends=1),
    "429 until a distant date": throttled(33, "Wed, 21 Oct 2099 07:28:00 GMT", sends=1),
    "429 with an invalid wait": throttled(33, "soon", sends=3),
    "429 with a wait of NaN": throttled(33, "NaN", sends=3),
    "429 with a negative wait": throttled(33, "-5", sends=3),
    "500": failed(34, "500 Oops", 500),
    "502": failed(34, "502 Bad Gateway", 502),
    "504": failed(34, "504 Gateway Timeout", 504),
    "error 500 with HTTP 200": failed(34, "200 OK", 500),
    "500 with another error code": failed(34, "500 Oops", 7),
    "503": failed(35, "503 Unavailable", 503),
    "503 without a body": Fault(35, answer(status="503 Unavailable"), ServerError, http_status=503),
    "408": Fault(36, answer(TOKEN, status="408 Request Timeout"), ApiError, http_status=408),
    "425": Fault(36, answer(TOKEN, status="425 Too Early"), ApiError, http_status=425),
    "400": refusal(37, BadRequestError, "400 Bad Request", 400),
    "error 400 with HTTP 200": refusal(37, BadRequestError, "200 OK", 400),
    "404": refusal(37, NotFoundError, "404 Not Found", 404),
    "error 404 with HTTP 200": refusal(37, NotFoundError, "200 OK", 404),
    "402": refusal(37, TariffLimitError, "402 Payment Required", 402),
    "error 402 with HTTP 200": refusal(37, TariffLimitError, "200 OK", 402),
    "413": refusal(37, ApiError, "413 Payload Too Large", 413),
    "422": refusal(37, ApiError, "422 Unprocessable Entity", 422),
    "401": refusal(38, AuthenticationError, "401 Unauthorized", 401),
    "error 401 with HTTP 200": refusal(38, AuthenticationError, "200 OK", 401),
    "403": refusal(38, PermissionDeniedError, "403 Forbidden", 403),
    "error 403 with HTTP 200": refusal(38, PermissionDeniedError, "200 OK", 403),
    "undocumented error code": refusal(40, ApiError, "200 OK", 440),
    "301": redirect("301 Moved Permanently", delivered=True),
    "302": redirect("302 Found", delivered=True),
    "303": redirect("303 See Other", delivered=True),
    "307": redirect("307 Temporary Redirect", delivered=False),
    "307 within the server": redirect("307 Moved", delivered=False, to=f"/{TOKEN}"),
    "308": redirect("308 Permanent Redirect", delivered=False),
}

FAULTS: Mapping[str, Fault] = {
    **CONNECTION,
    **TIME,
    **NO_HTTP,
    **STRANGE,
    **TOO_LARGE,
    **REFUSED,
}
"""Faults by name."""
