"""Sends one request through aiohttp and reads the whole answer.

A client's own connections are used by `fast_exchange`. The requests of a borrowed
session go through that session, with its proxy, its hooks and its cookies. So do all
requests if ``fast_path`` is off or aiohttp lacks what `fast_exchange` needs.

Only these three modules know aiohttp. Whatever aiohttp raises is mapped by one table
and raised outside the ``except`` block: a chained error of aiohttp's would carry
frames whose variables hold the request, and with it the token. A cancellation
loses these frames for the same reason.
"""

from __future__ import annotations

import errno
import functools
import math
import os
import re
import ssl
import time
from typing import NamedTuple

import aiohttp
from aiohttp import hdrs
from aiohttp.client import DEFAULT_TIMEOUT

from altcraft_async.errors import (
    AltcraftError,
    ClientClosedError,
    ProtocolError,
    RequestTimeoutError,
    TransportError,
)
from altcraft_async.observer import logger
from altcraft_async.protocol.messages import Request, Response
from altcraft_async.transport.cookies import PlatformCookies
from altcraft_async.transport.fast_exchange import FastConnections, missing
from altcraft_async.transport.session_exchange import LONGEST_IDLE, Answer, Sessions
from altcraft_async.transport.timeouts import Timeouts

__all__ = ["Limits", "Transport"]

_KEEP_ALIVE = re.compile(r"\btimeout\s*=\s*(\d{1,9})", re.IGNORECASE | re.ASCII)


class Limits(NamedTuple):
    """What one request may cost.

    Attributes:
        seconds: For connecting, sending and the whole answer together.
        connect_seconds: For connecting alone, and at most half of the above.
        answer_bytes: Size of an answer after decompression.
        start_idle: Seconds that an idle connection is kept for the next start.
        read_seconds: For each read from the connection; ``None`` for no such limit.
    """

    seconds: float = 30.0
    connect_seconds: float = 10.0
    answer_bytes: int = 16 * 2**20
    start_idle: float = 1.0
    read_seconds: float | None = None

    def within(self, timeout: aiohttp.ClientTimeout) -> Limits:
        """Return the limits with those of a borrowed session, unless it has aiohttp's default."""
        if timeout == DEFAULT_TIMEOUT:
            return self
        connect = timeout.connect, timeout.sock_connect
        return self._replace(
            seconds=min(self.seconds, timeout.total or math.inf),
            connect_seconds=min(self.connect_seconds, *(one or math.inf for one in connect)),
            read_seconds=timeout.sock_read,
        )


class Transport:
    """Sends requests below one API root, on its own connections or a borrowed session.

    Connections are kept alive. If the server closes one at the moment in which a
    start is sent over it, nobody knows whether the start arrived. Servers close
    connections that have been idle for long, so a start takes one that was used
    within ``start_idle`` seconds, or none once the server announces that it closes
    them that soon.
    """

    def __init__(
        self,
        root: str,
        *,
        limits: Limits,
        borrowed: aiohttp.ClientSession | None = None,
        ssl_context: ssl.SSLContext | None = None,
        fast_path: bool = True,
    ) -> None:
        """Remember how to connect; nothing is opened yet."""
        self._root = root
        self._limits = limits
        self._borrowed = borrowed
        self._ssl = True if ssl_context is None else ssl_context
        self._start_idle = limits.start_idle
        self._may_be_fast = fast_path and borrowed is None
        self._exchanges: FastConnections | Sessions | None = None
        # Well below the total, so that it is known which of the two ran out:
        # a request that never connected can safely be retried.
        connect = min(limits.seconds / 2, limits.connect_seconds)
        # `Timeouts` is cheaper than aiohttp's total limit, so aiohttp limits only connecting.
        self._timeouts = {starts: Timeouts(limits.seconds) for starts in (False, True)}
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=connect, sock_connect=connect, sock_read=limits.read_seconds
        )

    async def exchange(self, request: Request) -> Response:
        """Send one request and read the whole answer.

        Raises:
            TransportError: No complete answer arrived.
            ProtocolError: The answer is no HTTP, or too large.
            ClientClosedError: The borrowed aiohttp session is closed.
        """
        max_idle = self._start_idle if request.starts else LONGEST_IDLE
        exchange = (self._exchanges or self._open()).begin(request, max_idle)
        is_whole = False
        try:
            with self._timeouts[request.starts].limit():
                response = await self._read(await exchange.answer(), request)
                is_whole = True
                return response
        except AltcraftError:
            raise
        except Exception as foreign:  # noqa: BLE001 -- hooks of a borrowed session may raise anything
            error = _translated(
                foreign,
                request.path,
                closed=exchange.is_closed,
                delivered=exchange.is_sent and request.starts,
            )
        except BaseException as passing:
            # Most often a cancellation. The variables of aiohttp's frames hold the headers.
            passing.__traceback__ = passing.__context__ = passing.__cause__ = None
            raise
        finally:
            exchange.end(is_whole=is_whole)
        raise error

    def give_up(self, age: float, *, start_seconds: float) -> None:
        """Let requests of at least this age time out: reads now, starts after so many seconds."""
        self._timeouts[False].shorten(0.0, age)
        self._timeouts[True].shorten(start_seconds, age)

    async def aclose(self) -> None:
        """Close what was opened here; a borrowed session is left as it is."""
        for timeouts in self._timeouts.values():
            timeouts.close()
        if self._exchanges is not None:
            await self._exchanges.aclose()

    def _open(self) -> FastConnections | Sessions:
        """Choose how to send, once a loop runs."""
        cookies = PlatformCookies()
        if self._may_be_fast and _has_fast_path():
            self._exchanges = FastConnections(
                self._root, cookies, ssl_context=self._ssl, timeout=self._timeout
            )
        else:
            self._exchanges = Sessions(
                self._root, cookies, self._borrowed, ssl_context=self._ssl, timeout=self._timeout
            )
        return self._exchanges

    def _expect_close(self, keep_alive: str) -> None:
        """Keep no connection for starts if the server closes it within that time anyway."""
        announced = _KEEP_ALIVE.search(keep_alive)
        if announced and int(announced[1]) <= self._start_idle:
            self._start_idle = 0.0

    async def _read(self, answer: Answer, request: Request) -> Response:
        content, headers = answer.content, answer.headers
        if hdrs.KEEP_ALIVE in headers:
            self._expect_close(headers[hdrs.KEEP_ALIVE])
        # Most answers come whole with their head, so there is nothing to wait for.
        body = content.read_nowait() if content.is_eof() else b""
        if not content.at_eof() or len(body) > self._limits.answer_bytes:
            body = await self._rest(answer, request, body)
        return Response(
            status=answer.status,
            body=body,
            content_type=headers.get(hdrs.CONTENT_TYPE, ""),
            retry_after=headers.get(hdrs.RETRY_AFTER, ""),
            location=headers.get(hdrs.LOCATION, ""),
            received_at=time.time(),
        )

    async def _rest(self, answer: Answer, request: Request, body: bytes) -> bytes:
        """Read on in pieces, so that a small compressed answer cannot fill the memory."""
        pieces, left = [body], self._limits.answer_bytes - len(body)
        if int(answer.headers.get(hdrs.CONTENT_LENGTH, 0)) > self._limits.answer_bytes:
            left = -1
        while left >= 0:
            if answer.content.at_eof():
                return b"".join(pieces)
            pieces.append(await answer.content.readany())
            left -= len(pieces[-1])
        msg = f"{request.path}: the answer is larger than {self._limits.answer_bytes} bytes"
        raise ProtocolError(
            msg,
            path=request.path,
            http_status=answer.status,
            maybe_delivered=request.starts,
            permanent=True,
        )


@functools.cache
def _has_fast_path() -> bool:
    lacking = missing()
    if lacking is not None:
        logger.debug("requests go through aiohttp's session: %s is missing", lacking)
    return lacking is None


class _Meaning(NamedTuple):
    """What an error of aiohttp's says about our request."""

    words: str
    error: type[TransportError | ProtocolError] = TransportError
    permanent: bool = False


# The first row that fits counts, so special errors stand before general ones.
_TABLE: tuple[tuple[type[BaseException], _Meaning], ...] = (
    (
        aiohttp.ClientConnectorCertificateError,
        _Meaning("the server's certificate is not trusted", permanent=True),
    ),
    (
        aiohttp.ServerFingerprintMismatch,
        _Meaning("the server's certificate is not trusted", permanent=True),
    ),
    (aiohttp.ClientConnectorSSLError, _Meaning("no TLS connection")),
    (aiohttp.ClientConnectorDNSError, _Meaning("the host name cannot be resolved")),
    (aiohttp.ClientConnectorError, _Meaning("cannot connect")),
    (
        aiohttp.ConnectionTimeoutError,
        _Meaning("connecting took too long", RequestTimeoutError),
    ),
    (aiohttp.InvalidURL, _Meaning("the address cannot be used", permanent=True)),
    (TimeoutError, _Meaning("no whole answer in time", RequestTimeoutError)),
    (aiohttp.ServerDisconnectedError, _Meaning("the server hung up without an answer")),
    (aiohttp.ClientPayloadError, _Meaning("the answer broke off or cannot be decompressed")),
    (aiohttp.ClientHttpProxyError, _Meaning("the proxy refused", permanent=True)),
    # aiohttp says status 400 here, but it is the answer that is malformed.
    (aiohttp.ClientResponseError, _Meaning("the answer is no HTTP", ProtocolError)),
    (
        ValueError,
        _Meaning(
            "the request cannot be made as asked, as with a login in netrc beside the token",
            permanent=True,
        ),
    ),
    (Exception, _Meaning("the connection broke")),
)


_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""Errors of a process, or a machine, that has too many files open."""


def _translated(foreign: Exception, path: str, *, closed: bool, delivered: bool) -> AltcraftError:
    if closed:
        at_end = ClientClosedError(f"{path}: the aiohttp session of this client is closed")
        at_end.maybe_delivered = delivered
        return at_end
    meaning = next(meaning for kind, meaning in _TABLE if isinstance(foreign, kind))
    error = meaning.error(
        f"{path}: {meaning.words} ({_described(foreign)})",
        path=path,
        maybe_delivered=delivered,
        permanent=meaning.permanent,
    )
    if isinstance(error, TransportError):
        error.local = isinstance(foreign, OSError) and foreign.errno in _NO_DESCRIPTORS
    return error


def _described(foreign: Exception) -> str:
    """Name an error without the texts that may hold the token."""
    name = type(foreign).__name__
    if isinstance(foreign, aiohttp.ClientConnectorError):
        host = f"[{foreign.host}]" if ":" in foreign.host else foreign.host
        return f"{host}:{foreign.port}: {_reason(foreign.os_error)}"
    # The text of an operating system's error is its own; other errors quote headers.
    return f"{name}: {foreign}" if isinstance(foreign, OSError) and str(foreign) else name


def _reason(error: OSError) -> str:
    """Return what the system says; asyncio's own text repeats the address instead."""
    if error.errno and error.errno > 0 and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
