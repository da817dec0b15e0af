"""`FeedbackReceiver`: polls a task when the platform calls back, in ASGI apps and aiohttp.web.

```python
from altcraft_async.integrations.feedback import FeedbackReceiver

receiver = FeedbackReceiver("https://shop.example/hooks", secret="at least sixteen characters")
feedback = receiver.feedback_for("resource", (24, 1))
```
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from altcraft_async.integrations._feedback.hints import Hints
from altcraft_async.integrations._feedback.signed_urls import SignedUrls
from altcraft_async.integrations._signing import Secret
from altcraft_async.models import Feedback, TaskKind
from altcraft_async.models.representation import at_any_moment
from altcraft_async.models.validation import checked_choice, checked_function, checked_positive
from altcraft_async.observer import logger
from altcraft_async.protocol.base_url import warn_if_exposed
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["FeedbackReceiver", "Received"]

T = TypeVar("T")

FeedbackKind: TypeAlias = Literal["resource", "database"]
"""Kinds with feedback; the vendor's page on segments documents none."""

NextChunk: TypeAlias = Callable[[], Awaitable[bytes | None]]
"""Returns the next chunk of a body, ``None`` after the last."""

# ASGI; the fields of a message depend on its type.
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BODY_LIMIT = 2**20
"""Bytes of a body that are kept; the counters of a hundred channels take a tenth of it."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One call to a URL of a `FeedbackReceiver`; its body may be forged.

    Attributes:
        kind: Kind of the URL's target.
        target: Ids of the target, as in a `TaskRef`.
        method: HTTP method.
        content_type: As sent; ``""`` if there was none.
        body: The first megabyte at most.
        complete: Whether the body is complete.
        at: When the call came, by this machine's clock, aware.
    """

    kind: TaskKind
    target: tuple[int, ...]
    method: str
    content_type: str
    body: bytes
    complete: bool
    at: datetime


class FeedbackReceiver:
    """Takes the calls that the platform makes when a refresh has ended, and polls its task.

    The vendor documents neither the content of a call nor whether it is repeated or
    signed. So a call is only a hint: its URL, which cannot be guessed, names the target,
    and the handles of that target poll once. A lost, late, forged or repeated call
    changes nothing but the time of a poll. Use the receiver in the event loop of the handles.

    It is an ASGI app: ``app.mount("/hooks", receiver)``. For aiohttp.web:
    ``app.add_routes(receiver.aiohttp_routes())``.
    """

    def __init__(
        self,
        base_url: str,
        *,
        secret: Secret | None = None,
        on_feedback: Callable[[Received], object] | None = None,
        pause: float = 1.0,
        body_timeout: float = 10.0,
    ) -> None:
        """Describe where the platform can reach this program.

        Args:
            base_url: Public URL that leads here. ``http://`` to another machine
                warns, because the signed URLs are secret.
            secret: At least 16 bytes, the same in every process and after every
                restart, so that a target keeps its URL. The default is random,
                and then only this object knows its URLs. To change it, pass
                several, the newest first: each is accepted, the first one signs.
            on_feedback: Called with every call to a valid URL, before the platform
                gets its response, so it has to be quick. A coroutine is awaited,
                an exception is logged.
            pause: Minimum seconds between two polls of a target by hints.
            body_timeout: Seconds to read a body; what has come by then counts.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        self._urls = SignedUrls(base_url, secret)
        msg = "base_url: http:// shows the secret URLs to the network; use https://"
        warn_if_exposed(self._urls.base, msg)
        checked_function("on_feedback", on_feedback)
        self._on_feedback = on_feedback
        self._hints = Hints(interval=checked_positive("pause", pause))
        self._body_timeout = checked_positive("body_timeout", body_timeout)

    @at_any_moment
    def __repr__(self) -> str:
        """Show the base URL, which is not secret."""
        return f"<FeedbackReceiver {self._urls.base}>"

    def url_for(self, kind: FeedbackKind, target: Sequence[int]) -> str:
        """Return the URL for a target; the same target and secret give the same URL.

        Raises:
            ConfigurationError: There is no such target, or no feedback for it.
        """
        return self._urls.url_for(kind, target)

    def feedback_for(self, kind: FeedbackKind, target: Sequence[int]) -> Feedback:
        """Return the argument for a start: ``refresh_counters(…, feedback=…)``.

        Raises:
            ConfigurationError: There is no such target, or no feedback for it.
        """
        return Feedback(url=self.url_for(kind, target))

    def watch(self, handle: TaskHandle[T]) -> TaskHandle[T]:
        """Poll this task when a call for its target comes or has just come; return the handle.

        The receiver does not keep the handle alive, so there is no way to undo this.

        Raises:
            ConfigurationError: There is no feedback for such a task.
        """
        ref = handle.ref
        checked_choice("handle", ref.kind, "resource", "database")
        self._hints.watch((ref.kind, ref.target or ()), handle)
        return handle

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Take a call as an ASGI app, wherever it is mounted."""
        if scope["type"] != "http":
            await _decline(scope["type"], receive, send)
            return
        headers = dict[bytes, bytes](scope["headers"])
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        status = await self._take(
            scope["path"], scope["method"], content_type, _asgi_chunks(receive)
        )
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def aiohttp_routes(self, path: str | None = None) -> list[web.RouteDef]:
        """Return the routes for ``app.add_routes``.

        Args:
            path: Path before kind, target and signature, as the app sees it; by
                default the path of ``base_url``.
        """
        prefix = urlsplit(self._urls.base).path if path is None else path.rstrip("/")
        return [web.route("*", f"{prefix}/{{kind}}/{{target}}/{{signature}}", self._handle)]

    async def _handle(self, request: web.Request) -> web.Response:
        async def next_chunk() -> bytes | None:
            return await request.content.readany() or None

        content_type = request.headers.get("Content-Type", "")
        status = await self._take(request.path, request.method, content_type, next_chunk)
        return web.Response(status=status)

    async def _take(self, path: str, method: str, content_type: str, next_chunk: NextChunk) -> int:
        """Take a call; return the HTTP status of the response."""
        verified = self._urls.verified_target(path)
        if verified is None:
            return 404
        self._hints.hint(verified)  # before the body, which may be slow
        body, complete = await _read(next_chunk, self._body_timeout)
        if self._on_feedback is not None:
            kind, target = verified
            received = Received(
                kind=kind,
                target=target,
                method=method,
                content_type=content_type,
                body=body,
                complete=complete,
                at=datetime.now(UTC),
            )
            await _call_back(self._on_feedback, received)
        return 204


async def _call_back(on_feedback: Callable[[Received], object], received: Received) -> None:
    try:
        returned = on_feedback(received)
        if inspect.isawaitable(returned):
            await returned
    except Exception:  # the user's code failed; the poll is already under way
        fields = {"altcraft_kind": received.kind, "altcraft_target": received.target}
        logger.exception(
            "on_feedback failed for %s %s", received.kind, received.target, extra=fields
        )


async def _read(next_chunk: NextChunk, seconds: float) -> tuple[bytes, bool]:
    """Read a body; return its beginning, and whether that is all of it.

    The rest is read and dropped: closing the connection would cost the sender its response.
    """
    body = bytearray()
    complete = False
    dropped = False
    try:
        async with asyncio.timeout(seconds):
            while (chunk := await next_chunk()) is not None:
                space = BODY_LIMIT - len(body)
                dropped = dropped or len(chunk) > space
                body += chunk[:space]
            complete = not dropped
    except (OSError, web.RequestPayloadError):  # disconnected, too slow, or badly encoded
        logger.debug("the body of a feedback call is incomplete")
    return bytes(body), complete


def _asgi_chunks(receive: Receive) -> NextChunk:
    ended = False

    async def next_chunk() -> bytes | None:
        nonlocal ended
        if ended:
            return None
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        ended = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body

    return next_chunk


async def _decline(kind: str, receive: Receive, send: Send) -> None:
    """Refuse a websocket; accept the lifespan of a server that runs this as its only app."""
    if kind == "websocket":
        await send({"type": "websocket.close"})
    elif kind == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
