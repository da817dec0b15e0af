"""Being woken by the platform: `FeedbackReceiver`, for ASGI apps and aiohttp.web.

```python
from altcraft_async.integrations.feedback import FeedbackReceiver

receiver = FeedbackReceiver("https://shop.example/hooks", secret="at least sixteen characters")
feedback = receiver.feedback_for("resource", (24, 1))
```
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from altcraft_async.integrations._feedback.hints import Hints
from altcraft_async.integrations._feedback.signed_urls import Addresses
from altcraft_async.models import Feedback, TaskKind
from altcraft_async.models.validation import checked_choice, checked_function, checked_positive
from altcraft_async.observer import logger
from altcraft_async.protocol.base_url import is_exposed
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["FeedbackReceiver", "Received"]

T = TypeVar("T")

FeedbackKind: TypeAlias = Literal["resource", "database"]
"""What can report; the vendor's page on segments knows no feedback."""

NextPiece: TypeAlias = Callable[[], Awaitable[bytes | None]]
"""Returns the next piece of a body, ``None`` after the last."""

# ASGI, in its own words: what a message holds depends on its type.
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BODY_LIMIT = 2**20
"""Bytes of a body that are kept; the counters of a hundred channels take a tenth of it."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the platform, if it was the platform: nothing in the body is proven.

    Attributes:
        kind: What the address stands for.
        target: Its ids, as in a `TaskRef`.
        method: HTTP method.
        content_type: As sent, ``""`` where there was none.
        body: The first megabyte at most.
        complete: Whether the body is all of it.
        at: When it came, by this machine's clock, aware.
    """

    kind: TaskKind
    target: tuple[int, ...]
    method: str
    content_type: str
    body: bytes
    complete: bool
    at: datetime


class FeedbackReceiver:
    """Takes the calls that the platform makes when a refresh is over, and polls the task then.

    The vendor documents neither what is sent, nor how, nor whether it is
    repeated or signed. So a call is a hint and no more: its address, which
    nobody can guess, says which target it is about, and the handles of that
    target poll once. What they find counts; a call that is lost, late,
    forged or sent twice changes nothing but the time of a poll. It works in
    the event loop that the handles belong to.

    An ASGI app itself: ``app.mount("/hooks", receiver)``. For aiohttp.web:
    ``app.add_routes(receiver.aiohttp_routes())``.
    """

    def __init__(
        self,
        base_url: str,
        *,
        secret: str | bytes | None = None,
        on_feedback: Callable[[Received], object] | None = None,
        pause: float = 1.0,
        body_timeout: float = 10.0,
    ) -> None:
        """Say where the platform can reach this program.

        Args:
            base_url: Public address that leads here. ``http://`` to another
                machine warns, as the addresses are secret.
            secret: At least 16 bytes, the same in every process and after every
                restart, so that the same target has the same address. By
                default random, and then only this object knows its addresses.
            on_feedback: Called, and awaited where it is a coroutine function,
                with every call that has a right address, before the platform
                gets its answer: be quick. What it raises is logged.
            pause: Seconds between two polls a target because of hints.
            body_timeout: Seconds that a body may take; what has come by then counts.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        self._addresses = Addresses(base_url, secret)
        if is_exposed(self._addresses.base):
            msg = "base_url: http:// shows the secret addresses on the way; use https://"
            warnings.warn(msg, stacklevel=2)
        checked_function("on_feedback", on_feedback)
        self._on_feedback = on_feedback
        self._hints = Hints(pause=checked_positive("pause", pause))
        self._body_timeout = checked_positive("body_timeout", body_timeout)

    def __repr__(self) -> str:
        """Show where it is reached, and nothing secret."""
        return f"<FeedbackReceiver {self._addresses.base}>"

    def url_for(self, kind: FeedbackKind, target: Sequence[int]) -> str:
        """Return the address for a target; the same one for the same target and secret.

        Raises:
            ConfigurationError: There is no such target, or no feedback for it.
        """
        return self._addresses.url_for(kind, target)

    def feedback_for(self, kind: FeedbackKind, target: Sequence[int]) -> Feedback:
        """Return what to start with: ``refresh_counters(…, feedback=…)``.

        Raises:
            ConfigurationError: There is no such target, or no feedback for it.
        """
        return Feedback(url=self.url_for(kind, target))

    def watch(self, handle: TaskHandle[T]) -> TaskHandle[T]:
        """Poll this task when a call for its target comes, or has just come; return the handle.

        Nothing has to be undone: a handle that nobody holds any more is forgotten.

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
            scope["path"], scope["method"], content_type, _asgi_pieces(receive)
        )
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def aiohttp_routes(self, path: str | None = None) -> list[web.RouteDef]:
        """Return the routes for ``app.add_routes``.

        Args:
            path: What comes before kind, target and signature in the address
                that the app sees; by default the path of ``base_url``.
        """
        prefix = urlsplit(self._addresses.base).path if path is None else path.rstrip("/")
        return [web.route("*", f"{prefix}/{{kind}}/{{target}}/{{signature}}", self._handle)]

    async def _handle(self, request: web.Request) -> web.Response:
        async def piece() -> bytes | None:
            return await request.content.readany() or None

        content_type = request.headers.get("Content-Type", "")
        status = await self._take(request.path, request.method, content_type, piece)
        return web.Response(status=status)

    async def _take(self, path: str, method: str, content_type: str, next_piece: NextPiece) -> int:
        """Do what a call asks for; return the HTTP status of the answer."""
        key = self._addresses.addressed(path)
        if key is None:
            return 404
        # Before the body, which may be slow, and of which nothing is believed.
        self._hints.ring(key)
        body, complete = await _read(next_piece, self._body_timeout)
        if self._on_feedback is not None:
            kind, target = key
            await self._tell(
                self._on_feedback,
                Received(
                    kind=kind,
                    target=target,
                    method=method,
                    content_type=content_type,
                    body=body,
                    complete=complete,
                    at=datetime.now(UTC),
                ),
            )
        return 204

    @staticmethod
    async def _tell(on_feedback: Callable[[Received], object], received: Received) -> None:
        try:
            told = on_feedback(received)
            if inspect.isawaitable(told):
                await told
        except Exception:  # it is the user's code, and the hint has been taken
            words = "on_feedback failed for %s %s"
            fields = {"altcraft_kind": received.kind, "altcraft_target": received.target}
            logger.exception(words, received.kind, received.target, extra=fields)


async def _read(next_piece: NextPiece, seconds: float) -> tuple[bytes, bool]:
    """Read a body; return its beginning, and whether that is all of it.

    What is too much is read on and dropped, as a sender that is cut off would
    not get its answer.
    """
    body = bytearray()
    complete = False
    dropped = False
    try:
        async with asyncio.timeout(seconds):
            while (piece := await next_piece()) is not None:
                room = BODY_LIMIT - len(body)
                dropped = dropped or len(piece) > room
                body += piece[:room]
            complete = not dropped
    except (OSError, web.RequestPayloadError):  # cut off, too slow, or not what it says it is
        logger.debug("the body of a feedback call did not come in full")
    return bytes(body), complete


def _asgi_pieces(receive: Receive) -> NextPiece:
    last = False

    async def next_piece() -> bytes | None:
        nonlocal last
        if last:
            return None
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        last = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body

    return next_piece


async def _decline(kind: str, receive: Receive, send: Send) -> None:
    """Go along with a server that runs this as its only app; refuse a websocket."""
    if kind == "websocket":
        await send({"type": "websocket.close"})
    elif kind == "lifespan":
        for moment in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{moment}.complete"})
