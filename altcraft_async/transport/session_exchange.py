"""Sends requests through aiohttp's sessions: a borrowed one, or two of the client's own.

Connections that have been idle for long are for polls only, see `Transport`, so
starts have a session of their own, whose connections are closed sooner.
"""

from __future__ import annotations

import ssl

import aiohttp
import msgspec
from aiohttp import hdrs
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDictProxy
from yarl import URL

from altcraft_async.protocol.messages import Request

__all__ = ["LONGEST_IDLE", "USER_AGENT", "Answer", "SessionExchange", "Sessions"]

USER_AGENT = "altcraft-async"

LONGEST_IDLE = 15.0
"""Seconds that an idle connection is kept; aiohttp's own default."""


class Answer(msgspec.Struct, frozen=True):
    """The head of an answer, and its body as it arrives."""

    status: int
    headers: CIMultiDictProxy[str]
    content: aiohttp.StreamReader


class Sessions:
    """The sessions of one client."""

    def __init__(
        self,
        root: str,
        cookies: aiohttp.CookieJar,
        borrowed: aiohttp.ClientSession | None,
        *,
        ssl_context: ssl.SSLContext | bool,
        timeout: aiohttp.ClientTimeout,
    ) -> None:
        """Open nothing yet; ``cookies`` are for sessions of the client's own."""
        self.ssl_context = ssl_context
        self.timeout = timeout
        self.headers = {} if _has_agent(borrowed) else {hdrs.USER_AGENT: USER_AGENT}
        self._root = root
        self._cookies = cookies
        self._borrowed = borrowed
        self._own: dict[float, aiohttp.ClientSession] = {}
        self._urls: dict[str, URL] = {}

    def begin(self, request: Request, max_idle: float) -> SessionExchange:
        """Return the exchange of a request, over a connection used within so many seconds."""
        return SessionExchange(self, request, self._session(max_idle))

    def url(self, path: str) -> URL:
        """Return the address of an API method."""
        if path not in self._urls:
            self._urls[path] = URL(f"{self._root}/{path}")
        return self._urls[path]

    async def aclose(self) -> None:
        """Close what was opened here; a borrowed session is left as it is."""
        for session in self._own.values():
            await session.close()

    def _session(self, max_idle: float) -> aiohttp.ClientSession:
        if self._borrowed is not None:
            return self._borrowed
        if max_idle not in self._own:
            self._own[max_idle] = self._open(max_idle)
        return self._own[max_idle]

    def _open(self, max_idle: float) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=max_idle or None, force_close=not max_idle
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=self._cookies)


class SessionExchange:
    """One request through a session, and its answer until that was read."""

    __slots__ = ("_body", "_request", "_response", "_session", "_sessions")

    def __init__(
        self, sessions: Sessions, request: Request, session: aiohttp.ClientSession
    ) -> None:
        """Send nothing yet."""
        self._sessions = sessions
        self._request = request
        self._session = session
        self._body = _Body(request.body, content_type=request.content_type)
        self._response: aiohttp.ClientResponse | None = None

    @property
    def is_sent(self) -> bool:
        """Whether any of the request was given to a connection."""
        return self._body.is_sent

    @property
    def is_closed(self) -> bool:
        """Whether the session was closed."""
        return self._session.closed

    async def answer(self) -> Answer:
        """Send the request and return the head of the answer; `end` has to follow."""
        # No variable here holds the headers: tools print the variables of a traceback.
        response = self._response = await self._session.post(
            self._sessions.url(self._request.path),
            data=self._body,
            headers=self._sessions.headers | _headers(self._request),
            timeout=self._sessions.timeout,
            ssl=self._sessions.ssl_context,
            allow_redirects=False,
            raise_for_status=False,
        )
        if not self._body.is_sent:
            # An answer that was there before: it belongs to another request.
            response.close()
            raise aiohttp.ServerDisconnectedError
        return Answer(response.status, response.headers, response.content)

    def end(self, *, is_whole: bool) -> None:
        """Keep the connection if the whole answer was read, otherwise close it."""
        if self._response is None:
            return
        if is_whole:
            self._response.release()
        else:
            self._response.close()


class _Body(aiohttp.BytesPayload):
    """A request body that hides its content; aiohttp would send, and show, a plain copy.

    It also tells whether it was sent: the kind of an error does not, as hooks of a
    borrowed session may raise anything at any moment.
    """

    _writer: AbstractStreamWriter | None = None
    _is_copied = False

    @property
    def is_sent(self) -> bool:
        """Whether any of it was given to a connection, or to code that may send a copy."""
        return self._is_copied or (self._writer is not None and self._writer.output_size > 0)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the content to a middleware, which may send it in another body."""
        self._is_copied = True
        return await super().as_bytes(encoding, errors)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write all of it; ``content_length`` is always its own."""
        del content_length
        self._writer = writer
        # aiohttp may reuse a connection with an answer that no request asked for.
        protocol = getattr(writer, "protocol", None)
        if protocol is not None and protocol.should_close:
            raise aiohttp.ServerDisconnectedError
        await self.write(writer)


def _has_agent(session: aiohttp.ClientSession | None) -> bool:
    """Return whether the session decides what the header ``User-Agent`` says."""
    header = hdrs.USER_AGENT
    return session is not None and (
        header in session.headers or header in session.skip_auto_headers
    )


def _headers(request: Request) -> dict[str, str]:
    # The default headers of a borrowed session would win over the type of the body.
    headers = {"Content-Type": request.content_type}
    if request.authorization is not None:
        headers["Authorization"] = request.authorization
    return headers
