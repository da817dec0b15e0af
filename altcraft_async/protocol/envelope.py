"""From a whole HTTP answer to what it says, or to the one right error.

The vendor's page breaks off where it says what the HTTP status of a refusal
is, so both are polled: a non-zero ``error`` is an error under any status,
and a status other than 2xx is an error under any ``error``.
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

__all__ = ["SNIPPET_CHARACTERS", "Answered", "interpret", "parse_retry_after", "snippet"]

T = TypeVar("T")

SNIPPET_CHARACTERS = 300
"""Of a strange answer kept in the error: enough to recognise a proxy's page."""

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
# 408 and 425: the server gave up on the request, but not provably before acting.
_MAY_HAVE_ACTED = frozenset({408, 425})
# 307 and 308 ask for the same request elsewhere, so it was not carried out here.
_SURELY_NOT_ACTED = frozenset({307, 308})


class Answered(msgspec.Struct, frozen=True):
    """An endpoint's answer and how to speak of it.

    Attributes:
        endpoint: What was called.
        response: What came.
        hide: Takes secrets out of text that the server sent.
    """

    endpoint: Endpoint[object]
    response: Response
    hide: Callable[[str], str]


def interpret(endpoint: Endpoint[T], response: Response, hide: Callable[[str], str]) -> T:
    """Return what the answer says.

    Raises:
        ApiError: It says no.
        ProtocolError: It is not Altcraft's.
    """
    if response.status == _OK and (usual := endpoint.read_usual(response.body)) is not None:
        return usual
    status_class = response.status // 100
    if status_class == _REDIRECT:
        raise _redirect(Answered(endpoint, response, hide))
    try:
        document = read(response.body)
        code, text = _verdict(document)
        if code == 0 and status_class == _SUCCESS:
            return endpoint.read(document)
    except UnreadableError as refused:
        reason = str(refused)
    else:
        raise _refusal(Answered(endpoint, response, hide), code or response.status, text)
    answered = Answered(endpoint, response, hide)
    if status_class in (_CLIENT, _SERVER) and (
        response.status == _THROTTLED or not _is_page(response)
    ):
        raise _refusal(answered, response.status, snippet(response.body, hide))
    raise _misread(answered, reason)


def _verdict(document: Document) -> tuple[int, str]:
    """Return ``error`` and ``error_text`` of an envelope."""
    fields = document.value if isinstance(document.value, dict) else {}
    code = fields.get("error")
    if code == 0 or (code is None and "data" in fields):
        return 0, ""
    try:
        if isinstance(code, (int, str)):
            return int(code), str(fields.get("error_text") or "")
        reason = "neither error nor data in it"
    except ValueError:
        reason = "error is no number"
    raise UnreadableError(reason)


def _refusal(answered: Answered, code: int, said: str) -> ApiError:
    response, path = answered.response, answered.endpoint.path
    text = answered.hide(said)[:SNIPPET_CHARACTERS]
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
    """Say where it pointed, without the query, which may hold a secret."""
    response, path = answered.response, answered.endpoint.path
    where = answered.hide(_address(response.location))[:SNIPPET_CHARACTERS] or "nowhere"
    return ProtocolError(
        f"{path}: redirected to {where} (HTTP {response.status}); not followed, so that the "
        "token stays here. If that is where the platform is, put it into base_url",
        path=path,
        http_status=response.status,
        maybe_delivered=answered.endpoint.starts and response.status not in _SURELY_NOT_ACTED,
        permanent=True,
    )


def _address(location: str) -> str:
    try:
        return urlsplit(location)._replace(query="", fragment="").geturl()
    except ValueError:
        return "an address that cannot be read"


def _misread(answered: Answered, reason: str) -> ProtocolError:
    response, path = answered.response, answered.endpoint.path
    refused = response.status // 100 == _CLIENT and response.status not in _MAY_HAVE_ACTED
    kind = answered.hide(response.content_type)[:SNIPPET_CHARACTERS] or "no content type"
    hint = "; is base_url right, or did a proxy answer?" if _is_page(response) else ""
    said = f"{reason} (HTTP {response.status}, {kind}, {len(response.body)} bytes)"
    return ProtocolError(
        f"{path}: not an answer of Altcraft's: {answered.hide(said)}{hint}",
        path=path,
        http_status=response.status,
        snippet=snippet(response.body, answered.hide),
        maybe_delivered=answered.endpoint.starts and not refused,
        permanent=refused,
        retry_after=parse_retry_after(response.retry_after, now=response.received_at),
    )


def _is_page(response: Response) -> bool:
    """Tell a page made for people, as proxies answer, by its type or its beginning."""
    start = response.body[:100].lstrip().lower()
    return "html" in response.content_type.lower() or start.startswith(
        (b"<!doctype html", b"<html")
    )


def snippet(body: bytes, hide: Callable[[str], str]) -> str:
    """Return the beginning of an answer as one printable line without secrets."""
    # A large answer costs no more than its beginning, and secrets are hidden
    # before the cut, which could leave half of one.
    text = hide(body[: 64 * SNIPPET_CHARACTERS].decode(errors="replace"))[:SNIPPET_CHARACTERS]
    return "".join(c if c.isprintable() else " " for c in text).strip()


def parse_retry_after(header: str, *, now: float) -> float | None:
    """Read ``Retry-After`` as seconds from now; ``None`` where it says nothing usable.

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
