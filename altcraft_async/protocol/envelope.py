"""Makes the value of an endpoint, or one error, from a complete HTTP answer.

An answer is an envelope of ``error``, ``error_text`` and ``data``. The
vendor's page breaks off where it says which HTTP status a refusal has, so
both count: a non-zero ``error`` is an error under any status, and a status
other than 2xx is an error under any ``error``.

    answer                                        outcome
    2xx, ``error`` 0 or missing beside ``data``   the endpoint's value
    3xx                                           `ProtocolError`, permanent
    an envelope with another ``error`` or status  `ApiError` by code, else by status
    4xx or 5xx without an envelope                `ApiError` by status
    the same as an HTML page, but for 429         `ProtocolError`
    anything else                                 `ProtocolError`

For a call that starts a task, ``maybe_delivered`` is true unless the answer
proves that the platform did not act on the request.

Text of the server is masked, cut and put on one line before it gets into an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from altcraft_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    TariffLimitError,
)
from altcraft_async.protocol.codecs import Document, UnreadableError, read
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.text import LONGEST_LINE, masked_line

__all__ = ["Answered", "interpret", "parse_retry_after", "snippet"]

T = TypeVar("T")

_OK = 200
_SUCCESS, _REDIRECT, _CLIENT, _SERVER = 2, 3, 4, 5  # first digits of HTTP statuses

_BY_CODE: Mapping[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: TariffLimitError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitedError,
}
_THROTTLED = 429
# 408 and 425: the server gave up on the request, maybe after it acted on it.
_MAY_HAVE_ACTED = frozenset({408, 425})
# 307 and 308 ask for the same request elsewhere, so this server did not act on it.
_SURELY_NOT_ACTED = frozenset({307, 308})


class Answered(msgspec.Struct, frozen=True):
    """An answer and its context, for an error.

    Attributes:
        endpoint: What was called.
        response: The answer.
        mask: Masks secrets in text of the server.
    """

    endpoint: Endpoint[object]
    response: Response
    mask: Callable[[str], str]


def interpret(endpoint: Endpoint[T], response: Response, mask: Callable[[str], str]) -> T:
    """Return the value that the answer has.

    Raises:
        ApiError: The platform refused.
        ProtocolError: The answer is not Altcraft's.
    """
    if response.status == _OK and (usual := endpoint.read_usual(response.body)) is not None:
        return usual
    status_class = response.status // 100
    if status_class == _REDIRECT:
        raise _redirect(Answered(endpoint, response, mask))
    try:
        document = read(response.body)
        code, text = _code_and_text(document)
        if code == 0 and status_class == _SUCCESS:
            return endpoint.read(document)
    except UnreadableError as refused:
        reason = str(refused)
    else:
        raise _refusal(Answered(endpoint, response, mask), code or response.status, text)
    answered = Answered(endpoint, response, mask)
    if status_class in (_CLIENT, _SERVER) and (
        response.status == _THROTTLED or not _is_page(response)
    ):
        raise _refusal(answered, response.status, snippet(response.body, mask))
    raise _unreadable(answered, reason)


class _Code(msgspec.Struct):
    error: int | bool | None


def _code_and_text(document: Document) -> tuple[int, str]:
    """Return ``error`` and ``error_text`` of an envelope."""
    fields = document.value if isinstance(document.value, dict) else {}
    if fields.get("error") in (0, "0"):  # as in most answers
        return 0, ""
    code = Document({"error": fields.get("error")}, textual=True).to(_Code).error
    if code == 0 or (code is None and "data" in fields):
        return 0, ""
    if code is not None:
        return int(code), str(fields.get("error_text") or "")
    msg = "neither error nor data in it"
    raise UnreadableError(msg)


def _refusal(answered: Answered, code: int, error_text: str) -> ApiError:
    response, path = answered.response, answered.endpoint.path
    text = masked_line(error_text, answered.mask)
    acted = _MAY_HAVE_ACTED & {code, response.status}
    by_server = _SERVER in (code // 100, response.status // 100)
    error_type = _class_of(code) or _class_of(response.status) or ApiError
    retry_after = parse_retry_after(response.retry_after, now=response.received_at)
    wait = "" if retry_after is None else f", asks to wait {retry_after:g} s"
    return error_type(
        f"{path}: refused with {code}: {text or 'no text'} (HTTP {response.status}{wait})",
        code=code,
        text=text,
        path=path,
        http_status=response.status,
        maybe_delivered=answered.endpoint.starts and (by_server or bool(acted)),
        retry_after=retry_after,
    )


def _class_of(code: int) -> type[ApiError] | None:
    return _BY_CODE.get(code) or (ServerError if code // 100 == _SERVER else None)


def _redirect(answered: Answered) -> ProtocolError:
    """Return the error of a redirect, without the query of its address, which may have a secret."""
    response, path = answered.response, answered.endpoint.path
    target = masked_line(_without_query(response.location), answered.mask) or "nowhere"
    return ProtocolError(
        f"{path}: redirected to {target} (HTTP {response.status}); not followed, as that "
        "would send the token there. If the platform has this address, use it as base_url",
        path=path,
        http_status=response.status,
        maybe_delivered=answered.endpoint.starts and response.status not in _SURELY_NOT_ACTED,
        permanent=True,
    )


def _without_query(location: str) -> str:
    try:
        return urlsplit(location)._replace(query="", fragment="").geturl()
    except ValueError:
        return "an address that cannot be read"


def _unreadable(answered: Answered, reason: str) -> ProtocolError:
    response, path = answered.response, answered.endpoint.path
    refused = response.status // 100 == _CLIENT and response.status not in _MAY_HAVE_ACTED
    kind = masked_line(response.content_type, answered.mask) or "no content type"
    hint = "; is base_url right, or did a proxy answer?" if _is_page(response) else ""
    details = f"HTTP {response.status}, {kind}, {len(response.body)} bytes"
    why = masked_line(reason, answered.mask)
    return ProtocolError(
        f"{path}: not an answer of Altcraft's: {why} ({details}){hint}",
        path=path,
        http_status=response.status,
        snippet=snippet(response.body, answered.mask),
        maybe_delivered=answered.endpoint.starts and not refused,
        permanent=refused,
        retry_after=parse_retry_after(response.retry_after, now=response.received_at),
    )


def _is_page(response: Response) -> bool:
    """Tell whether the answer is an HTML page, as of a proxy, by its type or its beginning."""
    start = response.body[:100].lstrip().lower()
    return "html" in response.content_type.lower() or start.startswith(
        (b"<!doctype html", b"<html")
    )


def snippet(body: bytes, mask: Callable[[str], str]) -> str:
    """Return the beginning of an answer as one printable line without secrets."""
    # Only the beginning of a large answer is decoded.
    return masked_line(body[: 64 * LONGEST_LINE].decode(errors="replace"), mask).strip()


def parse_retry_after(header: str, *, now: float) -> float | None:
    """Read ``Retry-After`` as seconds from now; ``None`` where it is neither of the two.

    Args:
        header: Seconds, or an HTTP date.
        now: Wall-clock seconds since 1970, to count a date from.
    """
    try:
        seconds = float(header)
    except ValueError:
        seconds = _seconds_until(header, now)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str, now: float) -> float:
    try:
        at = parsedate_to_datetime(date)
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return math.nan
