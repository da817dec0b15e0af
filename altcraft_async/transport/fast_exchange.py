"""Sends requests over connections of aiohttp's, without the work of its session.

aiohttp's connector makes the connections: it resolves names, speaks TLS and tries
several addresses. Its parser reads the answers. What its session does for each
request is left out: the head of a request is written once per API method.

- **Idle** connections are kept in order of last use, and a request takes the newest,
  if it was used recently enough for that request. An idle connection has no parser,
  so bytes that no request asked for make it unusable. Bytes that the event loop has
  not read yet do as well.
- **In use**, a connection belongs to one `FastExchange`. It is kept only once the
  answer was read to its end and nothing came behind it, and if its request was small.
  In every other case it is closed: after an error, a cancellation or a timeout, at
  whatever point.

This is the only file that uses more of aiohttp than it documents. `missing` tells
whether that is there. Proxies are left to aiohttp's session: only connections of
the client's own come here, which use none.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import select
import ssl
from collections import deque
from collections.abc import Mapping
from contextvars import Context
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDictProxy
from yarl import URL

from altcraft_async.protocol.messages import Request
from altcraft_async.protocol.token import SecretBytes
from altcraft_async.transport.session_exchange import LONGEST_IDLE, USER_AGENT, Answer

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

__all__ = ["FastConnections", "FastExchange", "missing"]

_TIMER_SLACK = 0.1
"""Seconds by which a connection may be closed too early, so that no timer is set for less."""

_SENT_AT_ONCE = 2**14
"""Bytes of a body that the kernel takes at once. Over TLS, nothing tells what it has taken."""

_EMPTY_LINES = b"\r\n\r\n"
"""Nothing to a parser between two answers; they complete, or break, a part of another answer."""

_SWITCHING_PROTOCOLS = 101
_INFORMATIONAL = range(100, 200)

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "client_reqrep.ClientRequest": ("method", "url", "headers", "loop", "ssl"),
    "client_reqrep.ClientRequest.request_info": (),
    "connector.TCPConnector.connect": ("req", "traces", "timeout"),
    "connector.Connection.protocol": (),
    "connector.Connection.close": (),
    "client_proto.ResponseHandler.set_response_params": ("read_until_eof",),
    "client_proto.ResponseHandler.data_received": ("data",),
    "client_proto.ResponseHandler.read": (),
    "client_proto.ResponseHandler.is_connected": (),
    "client_proto.ResponseHandler.should_close": (),
    "http.RawResponseMessage.code": (),
    "http.RawResponseMessage.headers": (),
}
"""What is used, below ``aiohttp``, with the parameters that it has to take."""


def missing(needed: Mapping[str, tuple[str, ...]] = _NEEDED) -> str | None:
    """Return what is needed and not there; ``None`` if all is. Needs a running event loop."""
    if not hasattr(select, "poll"):
        return "select.poll"  # on Windows
    for name, parameters in needed.items():
        module, *attributes = name.split(".")
        try:
            found: Any = importlib.import_module(f"aiohttp.{module}")
            for attribute in attributes:
                found = getattr(found, attribute)
            if not _takes(found, parameters):
                return f"{name}({', '.join(parameters)})"
        except (ImportError, AttributeError, TypeError, ValueError):
            return name
    return None if _notices_bytes() else "a protocol that notices bytes"


def _takes(found: Any, parameters: tuple[str, ...]) -> bool:  # noqa: ANN401 -- of aiohttp's
    """Tell whether a function can be called with these parameters; an attribute has none."""
    if not callable(found):
        return not parameters
    taken = inspect.signature(found).parameters
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = {
        name for name, one in taken.items() if one.default is one.empty and one.kind not in kinds
    }
    return required - {"self"} <= set(parameters) <= taken.keys()


def _notices_bytes() -> bool:
    """Try whether bytes make a connection unusable, in its parser as well as without one."""
    handler_class = importlib.import_module("aiohttp.client_proto").ResponseHandler
    loop = asyncio.get_running_loop()
    try:
        idle, clean, partly = [handler_class(loop) for _ in range(3)]
        is_new = not idle.should_close
        _drop_parser(idle)
        idle.data_received(b"H")
        for handler in (clean, partly):
            handler.set_response_params(read_until_eof=True)
        partly.data_received(b"H")
        for handler in (clean, partly):
            handler.data_received(_EMPTY_LINES)
    except Exception:  # noqa: BLE001 -- whatever another aiohttp raises
        return False
    return is_new and idle.should_close and partly.should_close and not clean.should_close


def _drop_parser(protocol: ResponseHandler) -> None:
    """Let bytes be kept aside, which makes `should_close` true, until the next request."""
    protocol._parser = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


class _Head(NamedTuple):
    """What the requests to one API method have in common.

    Attributes:
        request: For the connector: where to connect.
        text: Request line and headers, but for those about the body and the token.
    """

    request: aiohttp.ClientRequest
    text: bytes


class FastConnections:
    """The connections of one client, and the heads of its requests."""

    def __init__(
        self,
        root: str,
        cookies: aiohttp.CookieJar,
        *,
        ssl_context: ssl.SSLContext | bool,
        timeout: aiohttp.ClientTimeout,
    ) -> None:
        """Open nothing yet; needs a running event loop."""
        self._root = root
        self._cookies = cookies
        self._ssl = ssl_context
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._connector = aiohttp.TCPConnector(limit=0)
        self._heads: dict[tuple[str, str], _Head] = {}
        self._idle: deque[tuple[Connection, float]] = deque()  # with the time of their last use
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, request: Request, max_idle: float) -> FastExchange:
        """Return the exchange of a request, over a connection used within so many seconds."""
        return FastExchange(self, request, max_idle)

    def head(self, request: Request) -> _Head:
        """Return the head of a request, which is made once."""
        key = (request.path, request.content_type)
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = self._new_head(request)
        return head

    def take(self, max_idle: float) -> Connection | None:
        """Take the connection that was used last, if that is at most so many seconds ago."""
        while max_idle and self._idle:
            connection, used_at = self._idle[-1]
            if self._loop.time() - used_at > max_idle:
                # The connection that is opened now takes its place, so their number stays.
                self._idle.popleft()[0].close()
                break
            self._idle.pop()
            if _is_usable(connection):
                return connection
            connection.close()
        return None

    async def connect(self, head: _Head) -> Connection:
        """Open a connection."""
        try:
            return await self._connector.connect(head.request, [], self._timeout)
        except TimeoutError as slow:
            raise aiohttp.ConnectionTimeoutError from slow

    def keep(self, connection: Connection) -> None:
        """Keep a connection whose answer was read to its end, unless it is to be closed."""
        protocol = connection.protocol
        if protocol is not None:
            protocol.data_received(_EMPTY_LINES)
        if protocol is None or protocol.should_close or not protocol.is_connected():
            connection.close()
            return
        _drop_parser(protocol)
        self._idle.append((connection, self._loop.time()))
        if self._timer is None:
            self._arm(LONGEST_IDLE)

    def cookie_line(self, head: _Head) -> bytes:
        """Return the header line with the cookies of the platform; empty if it set none."""
        if not len(self._cookies):
            return b""
        cookies = self._cookies.filter_cookies(head.request.url)
        value = cookies.output(header="", sep=";").strip()
        return f"{hdrs.COOKIE}: {value}\r\n".encode() if value else b""

    def keep_cookies(self, head: _Head, headers: CIMultiDictProxy[str]) -> None:
        """Keep the cookies that an answer sets."""
        if hdrs.SET_COOKIE in headers:
            sent = headers.getall(hdrs.SET_COOKIE)
            self._cookies.update_cookies_from_headers(sent, head.request.url)

    async def aclose(self) -> None:
        """Close all connections, those in use as well."""
        if self._timer is not None:
            self._timer.cancel()
        idle, self._idle = self._idle, deque()
        try:
            await self._connector.close()
        finally:
            for connection, _ in idle:
                connection.close()

    def _new_head(self, request: Request) -> _Head:
        headers = {hdrs.USER_AGENT: USER_AGENT, hdrs.CONTENT_TYPE: request.content_type}
        url = URL(f"{self._root}/{request.path}")
        made = aiohttp.ClientRequest(
            hdrs.METH_POST, url, headers=headers, loop=self._loop, ssl=self._ssl
        )
        del made.headers[hdrs.CONTENT_LENGTH]
        lines = [f"{name}: {value}\r\n" for name, value in made.headers.items()]
        return _Head(made, f"POST {url.raw_path} HTTP/1.1\r\n{''.join(lines)}".encode())

    def _arm(self, seconds: float) -> None:
        # In an empty context, not in that of the caller that happened to come first.
        self._timer = self._loop.call_later(seconds, self._expire, context=Context())

    def _expire(self) -> None:
        """Close what has been idle for too long."""
        self._timer = None
        now = self._loop.time()
        while self._idle and now - self._idle[0][1] >= LONGEST_IDLE - _TIMER_SLACK:
            self._idle.popleft()[0].close()
        if self._idle:
            self._arm(LONGEST_IDLE - (now - self._idle[0][1]))


class FastExchange:
    """One request, and its answer until that was read.

    Attributes:
        is_sent: Whether any of the request was given to a connection.
        is_closed: Whether a session was closed; there is none.
    """

    __slots__ = ("_connection", "_connections", "_max_idle", "_request", "_transport", "is_sent")

    is_closed = False

    def __init__(self, connections: FastConnections, request: Request, max_idle: float) -> None:
        """Send over a connection used within so many seconds; 0 for one of its own."""
        self._connections = connections
        self._request = request
        self._max_idle = max_idle
        self._connection: Connection | None = None
        self._transport: asyncio.Transport | None = None
        self.is_sent = False

    async def answer(self) -> Answer:
        """Send the request and return the head of the answer; `end` has to follow."""
        connections = self._connections
        head = connections.head(self._request)
        # Once taken, a connection is this exchange's before anything else is awaited.
        connection = connections.take(self._max_idle) or await connections.connect(head)
        self._connection = connection
        protocol, transport = connection.protocol, connection.transport
        self._transport = transport  # a connection that was closed does not know it
        if protocol is None or transport is None or transport.is_closing():
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(read_until_eof=True)
        request = self._bytes(head)
        self.is_sent = True
        transport.write(request)
        try:
            while True:
                message, content = await protocol.read()
                connections.keep_cookies(head, message.headers)
                if message.code not in _INFORMATIONAL or message.code == _SWITCHING_PROTOCOLS:
                    return Answer(message.code, message.headers, content)
        except (aiohttp.ClientError, OSError):
            raise
        except Exception as malformed:
            # As aiohttp's session says it; the parser's own errors are not documented.
            raise aiohttp.ClientResponseError(head.request.request_info, ()) from malformed

    def end(self, *, is_whole: bool) -> None:
        """Keep the connection if the whole answer was read, otherwise close it.

        A server may answer a large request before all of it was sent; the rest would
        stand before the next request.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        is_over = is_whole and len(self._request.body) <= _SENT_AT_ONCE
        if is_over and self._max_idle:
            self._connections.keep(connection)
            return
        if not is_over and self._transport is not None:
            # Closing alone waits until the server has read all, and for its end of TLS.
            self._transport.abort()
        connection.close()

    def _bytes(self, head: _Head) -> bytes:
        request = self._request
        lines = b"Content-Length: %d\r\n" % len(request.body)
        lines += self._connections.cookie_line(head)
        if not self._max_idle:
            lines += b"Connection: close\r\n"
        if request.authorization is None:
            return SecretBytes(b"%b%b\r\n%b" % (head.text, lines, request.body))
        return SecretBytes(
            b"%b%bAuthorization: %b\r\n\r\n%b"
            % (head.text, lines, request.authorization.encode(), request.body)
        )


def _is_usable(connection: Connection) -> bool:
    """Tell whether an idle connection is open and nothing has arrived over it."""
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing() or protocol.should_close:
        return False
    # The loop may not have read yet what has arrived: an end, or bytes nobody asked for.
    arrived = select.poll()
    arrived.register(transport.get_extra_info("socket"), select.POLLIN)
    return not arrived.poll(0)
