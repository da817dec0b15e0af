"""`MonitorPage`: one page, live by server-sent events, for a source of views.

While a page is open, one ticker asks the source for views, and makes each part an
event once for all viewers. A viewer is sent the parts that changed since it was last
sent something, so a slow one misses what is outdated. Nothing here changes anything.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from aiohttp import web

from altcraft_async.errors import AltcraftError, ConfigurationError
from altcraft_async.history import CounterHistory
from altcraft_async.integrations._web.responses import PING, STREAM_HEADERS, stream_event
from altcraft_async.models.validation import checked_kind, checked_positive, checked_text
from altcraft_async.monitor.history_lines import HistoryLines
from altcraft_async.monitor.views import Lines, Summary, View

__all__ = ["MAX_VIEWERS", "MonitorPage"]

MAX_VIEWERS = 100
"""Pages that are open at once; another one is told to try again later."""

_SHARE = 0.02  # of the time that views take at most; if one takes long, the next comes later
_WRITE_SECONDS = 30.0  # for which a viewer may take nothing before its stream ends

_HERE = ("127.0.0.1", "localhost", "::1")

_PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")


def _hash_of(tag: str) -> str:
    """Return how a content security policy allows the one inline element of this name."""
    (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", _PAGE, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hash_of('script')}; style-src {_hash_of('style')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class MonitorPage(ABC):
    """One page that is live while it is open."""

    def __init__(
        self, source: str, *, interval: float, history: CounterHistory | None = None
    ) -> None:
        """Show what is called so, with an update after so many seconds, and these counts."""
        checked_kind("source", source, str)
        self._lines = None if history is None else HistoryLines(history)
        self.source = source
        self._interval = checked_positive("interval", interval)
        self._viewers = 0
        self._ticker: asyncio.Task[None] | None = None
        self._ticked = asyncio.Event()
        self._events: dict[str, bytes] = {}

    @abstractmethod
    async def view(self) -> View:
        """Return what is so now; the page shows why it cannot be found out, if so."""

    def setup(self, app: web.Application, *, path: str = "/monitor") -> None:
        """Add the page to an app, which decides who may see it, and its events below.

        Raises:
            ConfigurationError: ``path`` does not begin with a slash.
        """
        if not checked_text("path", path).startswith("/"):
            msg = f"path: has to be a path such as /monitor, not {path!r}"
            raise ConfigurationError(msg)
        app.router.add_get(path, self._get_page)
        app.router.add_get(f"{path.rstrip('/')}/events", self._get_events, allow_head=False)
        app.on_shutdown.append(self._end_streams)

    @asynccontextmanager
    async def serve(self, *, host: str = _HERE[0], port: int = 8090) -> AsyncGenerator[str, None]:
        """Serve the page inside the block; yield its address.

        There is no login: another ``host`` than this machine's own shows everybody who
        reaches it what is refreshed, and the counters. Port 0 takes a free one.

        Raises:
            ConfigurationError: The port or address cannot be used.
        """
        app = web.Application(middlewares=[_refuse_other_hosts] if host in _HERE else [])
        self.setup(app, path="/")
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            yield await _listen(runner, host, port)
        finally:
            await runner.cleanup()

    async def _get_page(self, _: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html", headers=_HEADERS)

    async def _get_events(self, request: web.Request) -> web.StreamResponse:
        if self._viewers >= MAX_VIEWERS:
            words = f"{MAX_VIEWERS} pages are open already, which is the limit"
            return web.Response(status=503, text=words, headers={"Retry-After": "30"})
        response = web.StreamResponse(headers=STREAM_HEADERS)
        self._viewers += 1
        try:
            with suppress(ConnectionError):
                await response.prepare(request)
                await self._stream_to(response)
        except TimeoutError:  # closing would wait for the viewer once more
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._viewers -= 1
            if not self._viewers and self._ticker is not None:
                self._ticker.cancel()
                self._ticker = None
        return response

    async def _stream_to(self, response: web.StreamResponse) -> None:
        """Send what changes until the viewer has left or the app ends."""
        if self._ticker is None or self._ticker.done():
            self._events, self._ticked = {}, asyncio.Event()
            self._ticker = asyncio.create_task(self._tick())
        ticker, sent = self._ticker, dict[str, bytes]()
        if not self._events:
            await self._ticked.wait()
        while not ticker.done():
            ticked, events = self._ticked, dict(self._events)
            changed = [event for name, event in events.items() if sent.get(name) is not event]
            async with asyncio.timeout(_WRITE_SECONDS):
                await response.write(b"".join(changed) or PING)
            sent = events
            await ticked.wait()

    async def _tick(self) -> None:
        """Make the events anew, again and again."""
        try:
            while True:
                lines = None if self._lines is None else await self._lines.read()
                began = time.perf_counter()
                await self._renew(lines)
                self._ticked.set()
                self._ticked = asyncio.Event()
                spent = time.perf_counter() - began
                await asyncio.sleep(max(self._interval, spent / _SHARE))
        finally:
            self._ticked.set()

    async def _renew(self, lines: Lines | None) -> None:
        try:
            view = await self.view()
            parts: dict[str, object] = msgspec.structs.asdict(view)
        except Exception as error:  # noqa: BLE001 -- the page says why; a `name_of` may raise anything
            why = str(error) if isinstance(error, AltcraftError) else repr(error)
            parts = {"summary": Summary(source=self.source, at=time.time(), problem=why)}
        if lines is not None:
            parts["lines"] = lines
        for name, part in parts.items():
            event = stream_event(name, msgspec.json.encode(part))
            if event != self._events.get(name):  # else it stays the object that was sent
                self._events[name] = event

    async def _end_streams(self, _: web.Application) -> None:
        # At shutdown, because the app's cleanup first waits for streams to end.
        if self._ticker is not None:
            self._ticker.cancel()


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    try:
        await web.TCPSite(runner, host, port).start()
        return f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}/"
    except (OSError, OverflowError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
    msg = f"port: cannot listen on {port} of {host}: {reason}"
    raise ConfigurationError(msg)


@web.middleware
async def _refuse_other_hosts(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse a name that a web page elsewhere has made to mean this machine."""
    name = request.host.rpartition(":")[0] or request.host
    if name.strip("[]") not in _HERE:
        return web.Response(status=403, text="open this page as http://localhost with its port\n")
    return await handler(request)
