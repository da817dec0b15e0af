"""A page for all workers of a fleet, which report to a stream in Redis.

A worker sends one short command a second while it has tasks, and one in five seconds
while it has none. The stream has the newest reports only. Needs the extra ``redis``.
"""

# redis-py does not annotate its **kwargs:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Self, TypeVar, cast

import msgspec

from altcraft_async.errors import TransportError
from altcraft_async.history import CounterHistory
from altcraft_async.models.extras import extra
from altcraft_async.models.validation import checked_kind, checked_positive, checked_text
from altcraft_async.monitor.client_monitor import Monitor
from altcraft_async.monitor.fleet_views import Fleet, Report, news
from altcraft_async.monitor.page import MonitorPage
from altcraft_async.monitor.views import View
from altcraft_async.observer import logger

with extra("redis", "redis"):
    from redis.asyncio import Redis

    from altcraft_async.integrations._redis import RedisFailure, client_of, run_command

__all__ = ["FleetMonitor", "report_to"]

T = TypeVar("T")

_Entries = list[tuple[bytes | str, dict[bytes, bytes]]]

REPORTS = 500
"""Reports in the stream, which Redis cuts to about so many."""

_KEEP_SECONDS = 86_400  # for which the stream is kept after the last report
_LAST_SECONDS = 2.0  # for the report at the end of the block, as the worker wants to stop
_PAGE = 100  # reports that are read at once


@asynccontextmanager
async def report_to(
    redis: Redis | str, monitor: Monitor, *, prefix: str = "altcraft:", interval: float = 1.0
) -> AsyncGenerator[None, None]:
    """Report what a monitor sees to Redis inside the block, for a `FleetMonitor`.

    If Redis cannot be reached, nothing else waits or fails: the next report is tried
    after the interval, and has what the lost ones had.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.monitor import Monitor
    from altcraft_async.monitor.fleet import report_to

    async def work() -> None:
        monitor = Monitor()
        async with (
            report_to("redis://localhost:6379", monitor),
            AltcraftClient.from_env(observer=monitor) as client,
        ):
            await client.resources.refresh(24, database_id=1)
    ```

    Args:
        redis: URL, or your own ``redis.asyncio.Redis``, which is not closed.
        monitor: The observer of the worker's client; it need not serve a page.
        prefix: Start of the key name; the same for all workers and the page.
        interval: Seconds between two reports.

    Raises:
        ConfigurationError: An argument is wrong; the text names it.
    """
    try:
        client, owned = client_of(redis, retries=0)
    finally:
        del redis  # tools that show the variables of a traceback must not show a password
    checked_kind("monitor", monitor, Monitor)
    key = checked_text("prefix", prefix) + "fleet"
    reporter = _Reporter(client, key, monitor)
    reporting = asyncio.create_task(reporter.run(checked_positive("interval", interval)))
    try:
        yield
    finally:
        reporting.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await asyncio.wait({reporting})
                await reporter.report()
        if owned:
            await client.aclose()


class _Reporter:
    def __init__(self, client: Redis, key: str, monitor: Monitor) -> None:
        self._client, self._key, self._monitor = client, key, monitor
        self._id, self._worker = secrets.token_hex(8), f"{socket.gethostname()}:{os.getpid()}"
        self._sent: View | None = None
        self._warned = False

    async def run(self, interval: float) -> None:
        while True:
            await self.report()
            await asyncio.sleep(interval)

    async def report(self) -> None:
        """Send what is new, if anything is."""
        try:
            view = await self._monitor.view()
            new = news(view, self._sent)
            if new is not None:
                data = msgspec.json.encode(Report(self._id, self._worker, new))
                await run_command(self._client, lambda: self._send(data), nullcontext())
                self._sent = view
                self._warned = False
        except Exception as error:  # noqa: BLE001 -- a `name_of` may raise anything, and the work goes on
            if not self._warned:
                self._warned = True
                logger.warning("monitor: nothing is reported for now (%s)", error)

    async def _send(self, data: bytes) -> None:
        async with self._client.pipeline(transaction=False) as both:
            both.xadd(self._key, {"report": data}, maxlen=REPORTS, approximate=True)
            both.expire(self._key, _KEEP_SECONDS)
            await both.execute()


class FleetMonitor(MonitorPage):
    """Shows what all workers do that report to the same Redis.

    ```python
    from altcraft_async.monitor.fleet import FleetMonitor

    async def watch() -> None:
        async with FleetMonitor("redis://localhost:6379", "workers") as fleet:
            async with fleet.serve() as url:
                print(url)
    ```
    """

    def __init__(
        self,
        redis: Redis | str,
        source: str,
        *,
        prefix: str = "altcraft:",
        history: CounterHistory | None = None,
        interval: float = 2.0,
    ) -> None:
        """Remember where to read; nothing is opened yet.

        Args:
            redis: URL, or your own ``redis.asyncio.Redis``, which is not closed.
            source: What the page calls it; no password.
            prefix: As of the workers.
            history: Shown as well; you close it.
            interval: Seconds between two reads, and more where one takes long.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        try:
            self._redis, self._owned = client_of(redis, retries=1)
        finally:
            del redis  # as in `report_to`
        super().__init__(source, interval=interval, history=history)
        self._key = checked_text("prefix", prefix) + "fleet"
        self._fleet, self._last = Fleet(), "-"

    async def view(self) -> View:
        """Read what is new.

        Raises:
            TransportError: Redis cannot be used.
        """
        seconds, micros = await self._run(lambda: self._redis.time())  # noqa: PLW0108 -- gives it a type
        while found := await self._run(self._next):
            for number, fields in found:
                name = number.decode() if isinstance(number, bytes) else number
                self._last = f"({name}"
                with suppress(msgspec.MsgspecError):  # another program's, or a later version's
                    report = msgspec.json.decode(next(iter(fields.values())), type=Report)
                    self._fleet.add(int(name.partition("-")[0]), report)
        return self._fleet.view(self.source, seconds * 1000 + micros // 1000)

    async def __aenter__(self) -> Self:
        """Return itself; the first use opens the connections."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless they are yours."""
        if self._owned:
            await self._redis.aclose()

    async def _next(self) -> _Entries:
        found = await self._redis.xrange(self._key, self._last, "+", count=_PAGE)
        return cast("_Entries", found)  # as Redis documents it

    async def _run(self, command: Callable[[], Awaitable[T]]) -> T:
        try:
            return await run_command(self._redis, command, nullcontext())
        except RedisFailure as failed:
            reason = str(failed)
        msg = f"fleet: Redis cannot be used ({reason})"
        raise TransportError(msg)
