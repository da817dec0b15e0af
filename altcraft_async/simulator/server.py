"""The pretend platform as an HTTP server, with planned and random faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web

from altcraft_async.models import TaskKind
from altcraft_async.simulator.faults import Fault, Planned, Script
from altcraft_async.simulator.handler import Handler, ReceivedRequest
from altcraft_async.simulator.installation import Cursor, Installation, SegmentDatabaseName
from altcraft_async.simulator.methods import METHODS
from altcraft_async.simulator.randomness import Curve, Duration, seeded_random
from altcraft_async.simulator.webhooks import Sent, Webhooks
from altcraft_async.simulator.world import World

_WEBHOOKS = Webhooks()

BODY_LIMIT = 10 * 1024 * 1024
"""The documented default; how the platform refuses larger bodies is not documented."""

GRACE = 0.1
"""Seconds that `Simulator.stop` waits for requests that are still arriving."""


class Simulator:
    """A pretend Altcraft platform on a port of this machine.

    It has resources, databases and segments to list, get and refresh, and profiles
    to export. It speaks JSON and XML, checks tokens and parameters, runs tasks over
    time and injects faults. It runs in the event loop that starts it. The vendor does
    not document the status of running, failed and unknown tasks, nor most error
    codes; the simulator's values for these are our choice.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.simulator import Simulator

    async with (
        Simulator(duration=0.1) as platform,
        AltcraftClient(platform.url, platform.token) as caller,
    ):
        await caller.resources.refresh(24, database_id=1)
        print(platform.count("resources/refresh_counters"))
    ```

    ```text
    1
    ```

    Attributes:
        token: The only accepted API token.
        world: The platform's objects and tasks, to read or to change in a test.
    """

    def __init__(  # noqa: PLR0913 -- independent choices, all by name
        self,
        *,
        seed: int = 0,
        token: str | None = None,
        resources: int | Sequence[int] = 500,
        databases: int | Sequence[int] = 200,
        segments: int | Sequence[int] = 300,
        channels: Sequence[str] = ("email", "sms", "push"),
        duration: Duration = (0.5, 5.0),
        curve: Curve = "linear",
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] | None = None,
        http_errors: bool = False,
        cursor: Cursor | None = None,
        segment_database_name: SegmentDatabaseName | None = None,
        shows_running: bool = False,
        strict: bool = False,
        webhooks: Webhooks = _WEBHOOKS,
    ) -> None:
        """Describe the platform.

        Args:
            seed: The same seed and the same calls give the same task ids,
                durations, counters and random faults.
            token: API token; by default the seed decides it.
            resources: Number of resources, with ids from 1, or their ids. All are
                linked to the first database, and two in five to one or two others.
            databases: Number of profile databases, or their ids.
            segments: Number of segments, or their ids. A segment whose id is a
                multiple of 3 is dynamic: requests must name its database.
            channels: Channels that every resource reports.
            duration: Seconds that a task takes, a log-uniform range, or a function
                that draws them; the median of the default is 1.6 s.
            curve: How the progress of tasks grows.
            host: Host name or IPv4 address to listen on.
            port: Port to listen on; 0 takes a free one.
            clock: Returns the seconds by which tasks run; by default the ``time`` of
                the event loop.
            http_errors: Let the HTTP status of a refusal equal its ``error``. It is
                200 otherwise; the vendor documents neither.
            cursor: Meaning of ``next_from_id`` in every list: ``"next_id"`` the next
                object, even if filtered out, ``"next_row"`` the next row,
                ``"last_row"`` the last row of the page. By default each list follows
                its documented sample.
            segment_database_name: The only accepted name of a segment's database, as
                in older or newer installations; both by default.
            shows_running: Let ``get_counters`` respond in groups, as a refresh does,
                with ``in_progress`` and the task id of a running refresh. The
                documented response has neither.
            strict: Refuse whatever is not as documented, so that mistakes show. By
                default requests are read as by a lenient server behind nginx, which
                is inferred, as the vendor documents neither. In a path, repeated
                slashes, dot segments, percent-encoding and a slash at the end make no
                difference. The body tells its format, whatever its content type, and
                may be empty. Unknown parameters are ignored. A number may be a text,
                a text a number, and a list a single value. Words may be in any case.
                0 and an empty object count as left out.
            webhooks: How the ``feedback`` URLs of starts are called; by default once,
                at the end of the task.

        Raises:
            ValueError: The duration is impossible, the curve is unknown, or an id is
                not positive.
        """
        self.token = token or f"{seeded_random(seed, 'token').getrandbits(128):032x}"
        self.world = World(
            seed=seed,
            resources=resources,
            databases=databases,
            segments=segments,
            channels=channels,
            duration=duration,
            curve=curve,
        )
        self._script = Script(seed)
        installation = Installation(
            self.token, http_errors, cursor, segment_database_name, shows_running, strict
        )
        self._handler = Handler(self.world, self._script, installation, clock, webhooks)
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Start listening."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        await self.stop()

    async def start(self) -> None:
        """Listen, in the running event loop.

        After a `stop`, this ends the outage: address, world and faults are the same.

        Raises:
            RuntimeError: It is already listening.
            OSError: The port is not free.
        """
        if self._runner:
            msg = "the simulator is already running"
            raise RuntimeError(msg)
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route(hdrs.METH_ANY, "/{path:.*}", self._handler.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE)
        self._handler.open()
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """Close all connections, stalled ones included; idempotent."""
        runner, self._runner = self._runner, None
        if not runner:
            return
        self._handler.close()
        await runner.cleanup()
        # Last, because a start that requests a call may arrive until the cleanup is done.
        await self._handler.sender.aclose()

    @property
    def url(self) -> str:
        """Base URL for a client.

        Raises:
            RuntimeError: It has never been started.
        """
        if not self._port:
            msg = "the simulator has no URL before it is started"
            raise RuntimeError(msg)
        return f"http://{self._host}:{self._port}"

    @property
    def requests(self) -> Sequence[ReceivedRequest]:
        """The newest 10,000 requests, oldest first."""
        return self._handler.requests

    @property
    def webhooks(self) -> Sequence[Sent]:
        """The newest 10,000 calls to ``feedback`` URLs, oldest first."""
        return self._handler.sender.sent

    @property
    def starts(self) -> Mapping[tuple[TaskKind, tuple[int, ...]], int]:
        """Number of started tasks per target, 0 for any other.

        ``server.starts["resource", (24, 1)]`` is that of resource 24 in database 1.
        """
        return self.world.starts

    @property
    def fired(self) -> Mapping[Fault, int]:
        """How often each fault happened, 0 for any other."""
        return self._script.fired

    @property
    def pending_faults(self) -> Mapping[str, tuple[Planned, ...]]:
        """Planned faults that have not happened yet, by method."""
        return self._script.pending

    def count(self, method: str) -> int:
        """Return the number of requests to an API method, responded or not."""
        return self._handler.counts[method]

    def misbehave(self, method: str, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Apply a fault to the next requests of a method.

        Faults of one method queue up: each begins after the one before has ended.

        Args:
            method: API method, for example ``"tasks/status"``.
            fault: The fault.
            times: Number of requests that it affects.
            after: Number of requests before those, which it leaves alone.

        Raises:
            ValueError: The method is unknown, or the fault would never happen.
        """
        _check_methods([method])
        self._script.plan(method, Planned(fault, times, after))

    def misbehave_randomly(
        self, *, rate: float, faults: Sequence[Fault], methods: Sequence[str] | None = None
    ) -> None:
        """Apply faults to random requests that the seed decides.

        A second call replaces the first; a rate of 0 ends the faults.

        Args:
            rate: Share of the requests, 0 to 1.
            faults: Faults to choose from, all equally likely.
            methods: API methods to affect; all by default.

        Raises:
            ValueError: A method is unknown, or no fault would ever happen.
        """
        chosen = tuple(METHODS) if methods is None else methods
        _check_methods(chosen)
        self._script.plan_randomly(rate, faults, chosen)


def _check_methods(methods: Sequence[str]) -> None:
    for method in methods:
        if method not in METHODS:
            msg = f"{method!r} has to be one of {', '.join(METHODS)}"
            raise ValueError(msg)
