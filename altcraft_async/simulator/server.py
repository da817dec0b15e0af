"""The pretend platform on a real socket: HTTP in, HTTP out, and what may go wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web

from altcraft_async.models import TaskKind
from altcraft_async.simulator.faults import Fault, Planned, Script
from altcraft_async.simulator.handler import Handler, ReceivedRequest
from altcraft_async.simulator.installation import Install, SegmentDatabaseName
from altcraft_async.simulator.lists import Cursor
from altcraft_async.simulator.methods import METHODS
from altcraft_async.simulator.randomness import Curve, Duration, dice
from altcraft_async.simulator.webhooks import Sent, Webhooks
from altcraft_async.simulator.world import World

_WEBHOOKS = Webhooks()

BODY_LIMIT = 10 * 1024 * 1024
"""The documented default; how the platform refuses a larger body is not documented."""

GRACE = 0.1
"""Seconds that a `stop` leaves to requests which have not arrived in full."""


class Simulator:
    """A pretend Altcraft platform on a port of this machine.

    It has resources, databases and segments to list, look up, count and
    refresh, and profiles to export. It speaks JSON and XML, checks tokens and
    parameters, runs tasks over time and misbehaves when told to. It runs in the
    event loop that starts it, and opens nothing before. The vendor documents
    neither how a task polls that still runs or has failed, nor what an unknown
    one gives, nor most error codes: there, what the simulator says is its own
    choice.

        async with Simulator() as server:
            client = AltcraftClient(server.url, token=server.token)

    Attributes:
        token: The only API token that is accepted.
        world: The platform behind the socket, to be polled or tampered with.
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
        webhooks: Webhooks = _WEBHOOKS,
    ) -> None:
        """Describe the platform.

        Args:
            seed: The same seed and the same calls give the same task ids,
                durations, figures and random faults.
            token: API token; by default one that is drawn by the seed.
            resources: How many there are, with ids from 1; or their ids. All of
                them are linked with the first database, and two in five with
                one or two others.
            databases: How many profile databases there are, or their ids.
            segments: How many there are, or their ids. Those whose id divides
                by 3 are dynamic: requests have to name the database.
            channels: Channels that every resource reports.
            duration: Seconds a task takes, or a range, or a drawing of your
                own; by default 1.6 s in the median.
            curve: How the progress of tasks goes.
            host: Host name or IPv4 address to listen on.
            port: Port to listen on; 0 takes a free one.
            clock: Returns the seconds that tasks go by; the event loop's
                ``time`` by default, one you move by hand in tests.
            http_errors: Let the HTTP status follow the ``error`` of a refusal.
                It is 200 otherwise; the vendor documents neither.
            cursor: What ``next_from_id`` means in every list: ``"next_id"`` the
                next object, in the answer or not, ``"next_row"`` the next row,
                ``"last_row"`` the last row that was given. By default each
                list means what its sample shows.
            segment_database_name: The only name of a segment's database that is
                taken, as by an older or a newer install; either by default.
            shows_running: Let every ``get_counters`` answer in groups, as a
                refresh does, with ``in_progress`` and the id of a count that
                runs. The documented answer, without them, by default.
            webhooks: What happens to the calls that a start asks for by its
                ``feedback``: by default each is made once, when the task is over.

        Raises:
            ValueError: No task can take such a duration, the curve is none, or
                an id is not positive.
        """
        self.token = token or f"{dice(seed, 'token').getrandbits(128):032x}"
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
        install = Install(self.token, http_errors, cursor, segment_database_name, shows_running)
        self._handler = Handler(self.world, self._script, install, clock, webhooks)
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

        After a `stop` it comes back with the same address, world and script,
        like a platform after an outage.

        Raises:
            RuntimeError: It is listening already.
            OSError: The port is not free.
        """
        if self._runner:
            msg = "the simulator is running already"
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
        """Close every connection, stalled ones too; idempotent."""
        runner, self._runner = self._runner, None
        if not runner:
            return
        self._handler.close()
        await runner.cleanup()
        # Only now, as until then a start may come in that wants to be called.
        await self._handler.sender.aclose()

    @property
    def url(self) -> str:
        """Base URL for a client.

        Raises:
            RuntimeError: It never started, so that the port is not known.
        """
        if not self._port:
            msg = "the simulator has no address before it is started"
            raise RuntimeError(msg)
        return f"http://{self._host}:{self._port}"

    @property
    def requests(self) -> Sequence[ReceivedRequest]:
        """The newest 10,000 requests, oldest first."""
        return self._handler.requests

    @property
    def webhooks(self) -> Sequence[Sent]:
        """The newest 10,000 calls to addresses that starts named as ``feedback``, oldest first."""
        return self._handler.sender.sent

    @property
    def starts(self) -> Mapping[tuple[TaskKind, tuple[int, ...]], int]:
        """How many tasks were started per target, 0 for any other.

        ``server.starts["resource", (24, 1)]`` counts those of resource 24 in
        database 1.
        """
        return self.world.starts

    @property
    def fired(self) -> Mapping[Fault, int]:
        """How often each fault happened, 0 for any other."""
        return self._script.fired

    @property
    def pending_faults(self) -> Mapping[str, tuple[Planned, ...]]:
        """Scripted faults that did not happen yet, by method; empty when all did."""
        return self._script.pending

    def count(self, method: str) -> int:
        """Return how many requests to an API method came in, answered or not."""
        return self._handler.counts[method]

    def misbehave(self, method: str, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Let a fault happen to the next requests of a method.

        Faults of one method queue up: the next begins when this one is over.

        Args:
            method: API method, for example ``"tasks/status"``.
            fault: What shall happen.
            times: To how many requests.
            after: How many requests go well before.

        Raises:
            ValueError: It would never happen.
        """
        _check_methods([method])
        self._script.plan(method, Planned(fault, times, after))

    def misbehave_randomly(
        self, *, rate: float, faults: Sequence[Fault], methods: Sequence[str] | None = None
    ) -> None:
        """Let faults happen at random, drawn by the seed.

        A second call replaces the first; a rate of 0 ends it.

        Args:
            rate: Share of the requests, 0 to 1.
            faults: What may happen, all equally likely.
            methods: API methods it may happen to; every one by default.

        Raises:
            ValueError: It would never happen.
        """
        _check_methods(methods or ())
        self._script.plan_randomly(rate, faults, tuple(METHODS) if methods is None else methods)


def _check_methods(methods: Sequence[str]) -> None:
    for method in methods:
        if method not in METHODS:
            msg = f"{method!r} is none of the methods {', '.join(METHODS)}"
            raise ValueError(msg)
