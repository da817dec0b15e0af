"""`AltcraftClient`: where everything begins."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from types import TracebackType
from typing import NoReturn, Self, Unpack

import aiohttp

from altcraft_async.api.assembly import Parts, assemble
from altcraft_async.api.databases import Databases
from altcraft_async.api.options import CheckedOptions, ClientOptions, FormatName
from altcraft_async.api.refresh_all import refresh_all
from altcraft_async.api.resources import Resources
from altcraft_async.api.segments import SegmentDatabaseName, Segments
from altcraft_async.api.tasks import Tasks
from altcraft_async.errors import ConfigurationError
from altcraft_async.models import Completed, CountersReport, Failed, TaskRef
from altcraft_async.models.catalogue import Resource
from altcraft_async.models.validation import checked_key, checked_kind
from altcraft_async.observer import Observer
from altcraft_async.policies.base import PollPolicy, PollState
from altcraft_async.protocol.base_url import api_root, is_exposed
from altcraft_async.protocol.token import Token
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.registry import Handle
from altcraft_async.starts.resume import resume
from altcraft_async.starts.starter import Join
from altcraft_async.tasks.poll_state import FAILURE_STATUSES, Patience
from altcraft_async.transport.clock import Clock
from altcraft_async.transport.retry import Retry
from altcraft_async.transport.sender import TokenPlace

__all__ = ["AltcraftClient", "ClientOptions"]

_FORMAT_NAMES: Mapping[str, FormatName] = {"json": "json", "xml": "xml"}
_RETRY = Retry()
_PATIENCE = Patience()


class AltcraftClient:
    """A connection to one Altcraft install with one API token.

    Constructing it does no I/O and needs no running loop. It opens at its
    first request, belongs to the event loop of that moment, and is closed by
    ``async with`` or `aclose`.

    ```python
    async with AltcraftClient("https://example.com", token="…") as mine:
        ...
    ```

    Attributes:
        resources: The ``resources/…`` methods.
        databases: The ``databases/…`` methods.
        segments: The ``segments/…`` methods.
        tasks: The ``tasks/…`` methods.
    """

    def __init__(  # noqa: PLR0913 -- one argument per choice, all but the account by name
        self,
        base_url: str,
        token: str,
        *,
        format: FormatName = "json",  # noqa: A002 -- the vendor's name for it
        token_in: TokenPlace = "body",  # noqa: S107 -- a place, no password
        session: aiohttp.ClientSession | None = None,
        retry: Retry = _RETRY,
        poll: PollPolicy | Callable[[PollState], float] | None = None,
        rate_limit: float | None = None,
        shared_limit: Callable[[], Awaitable[object]] | None = None,
        request_timeout: float = 30.0,
        polling_patience: Patience = _PATIENCE,
        outage_patience: float = 600.0,
        failure_statuses: Collection[str] = FAILURE_STATUSES,
        connections: int = 64,
        max_answer_bytes: int = 16 * 2**20,
        ssl_context: ssl.SSLContext | None = None,
        segment_database_name: SegmentDatabaseName | None = None,
        ledger: TaskLedger | None = None,
        reconcile_starts: bool = False,
        observer: Observer | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Describe the install and how to speak to it.

        Args:
            base_url: Scheme and host, with any port and path prefix, with or
                without ``/api/v1.1``. ``http://`` to another machine warns,
                as the token travels in the clear.
            token: API token; sent to that host only and never shown.
            format: Of requests; an answer is read in whichever it comes.
            token_in: ``"body"``, as every vendor page documents, or
                ``"header"`` for newer installs. Never the URL.
            session: An open ``aiohttp.ClientSession`` to use and not to
                close. Without one the client has its own.
            retry: How often a failed request is repeated.
            poll: When to poll a running task again: `Adaptive` by default,
                another policy, or a function from `PollState` to seconds.
            rate_limit: Requests per second at most, over everything this
                client sends; ``None`` for no limit of yours. When the server
                objects (429, ``Retry-After``), the rate shrinks and recovers
                by itself in both cases.
            shared_limit: Awaited before each request that is sent, one at a
                time and after ``rate_limit``: returns when it may be sent, for
                a limit that several clients share, such as ``fleet_limit`` of
                `altcraft_async.integrations.redis`. If it raises, the request
                fails and nothing is sent: with its error where that is an
                `AltcraftError`, else with a `TransportError`.
            request_timeout: Seconds for one request, from connecting to the
                last byte of the answer.
            polling_patience: How long a wait outlives polls that fail.
            outage_patience: Seconds for which a run (``refresh_many``,
                ``refresh_all``) and all polls wait while the platform does not
                answer. 0 lets each request fail by itself.
            failure_statuses: Names of a task's status that mean failure, in
                any case. The vendor documents none; the default is a guess.
            connections: Requests at once, for starts, for polls (32 at most)
                and for other calls each.
            max_answer_bytes: Largest answer, after decompression.
            ssl_context: For a private certificate authority, for example.
            segment_database_name: What your install calls the database of a
                segment, ``"db_id"`` or ``"list_id"``. ``None`` is what the
                page of each method says: ``db_id`` to refresh, ``list_id`` to
                get the counters.
            ledger: Where starts are noted before they are sent, so that a
                process that dies is no reason to start twice; `SQLiteLedger`
                for one machine. Yours to close. ``None`` notes nothing.
            reconcile_starts: Whether to ask for the last counted figures when
                the ledger does not know what became of a start. Costs one more
                request a start. That they show a running count is inferred
                from what a refresh returns; where they do not, you get the
                `StartUnknownError` that you get without this.
            observer: Told of each start, poll and end, for traces and metrics,
                for example. Without one nothing is spent on it.
            clock: The time to go by between requests, for tests that cannot
                wait: ``simulator.PretendClock``. ``None`` for the event loop's.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        options = CheckedOptions(
            format=format,
            token_in=token_in,
            session=session,
            retry=retry,
            poll=poll,
            rate_limit=rate_limit,
            shared_limit=shared_limit,
            request_timeout=request_timeout,
            polling_patience=polling_patience,
            outage_patience=outage_patience,
            failure_statuses=failure_statuses,
            connections=connections,
            max_answer_bytes=max_answer_bytes,
            ssl_context=ssl_context,
            segment_database_name=segment_database_name,
            ledger=ledger,
            reconcile_starts=reconcile_starts,
            observer=observer,
            clock=clock,
        )
        self._root = api_root(base_url)
        self._format = format
        if is_exposed(self._root):
            msg = "base_url: http:// shows the token to everyone on the way; use https://"
            warnings.warn(msg, stacklevel=_caller_level())
        self._ledger = ledger
        self._closing: asyncio.Task[None] | None = None
        self._parts = parts = assemble(self._root, Token(token), options)
        self.resources = Resources(parts.sender, parts.starter)
        self.databases = Databases(parts.sender, parts.starter)
        self.segments = Segments(parts.sender, parts.starter, segment_database_name)
        self.tasks = Tasks(parts.sender, parts.rules)

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Self:
        """Make a client from ``ALTCRAFT_URL``, ``ALTCRAFT_TOKEN`` and ``ALTCRAFT_FORMAT``.

        Args:
            options: Further arguments of the client.

        Raises:
            ConfigurationError: A variable is missing, or what it holds is
                wrong; the text names it or the argument that it becomes.
        """
        for name in ("ALTCRAFT_URL", "ALTCRAFT_TOKEN"):
            if not os.environ.get(name):
                msg = f"{name}: this environment variable is not set"
                raise ConfigurationError(msg)
        wire_format = os.environ.get("ALTCRAFT_FORMAT") or "json"
        if wire_format not in _FORMAT_NAMES:
            msg = f"ALTCRAFT_FORMAT: has to be json or xml, not {wire_format!r}"
            raise ConfigurationError(msg)
        return cls(
            os.environ["ALTCRAFT_URL"],
            os.environ["ALTCRAFT_TOKEN"],
            format=_FORMAT_NAMES[wire_format],
            **options,
        )

    def refresh_all(  # noqa: PLR0913 -- one argument per choice, all by name
        self,
        *,
        only: Callable[[Resource], bool] | None = None,
        in_flight: int = 100,
        timeout: float | None = None,
        join: Join = "client",
        idempotency_key: str | None = None,
        on_start: Callable[[TaskRef], None] | None = None,
        outage_patience: float | None = None,
    ) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
        """Refresh every resource in each of its databases: what a nightly job runs.

        Resources are listed page by page and looked up a few ahead, only as
        fast as slots get free, and refreshed as by ``resources.refresh_many``.
        Costs one request a page, one a resource, and then the refreshes.
        Nothing ends it early: a resource that cannot be looked up comes out as
        a `Failed` with the target ``(resource_id,)``, and if the list itself
        fails, its error comes after the outcomes of what was found.

        ```python
        async for outcome in client.refresh_all(only=lambda resource: resource.id < 4):
            print(outcome.target)
        ```

        Args:
            only: Says of each resource whether it shall be refreshed; ``None``
                for all. A resource without a database has nothing to refresh.
            in_flight: Targets between being found and their outcome being taken.
            timeout: Seconds that each target may take once it has started.
            join: Whether to join recounts that this client has running.
            idempotency_key: Your own name for this run, for a client with a
                ledger: run again by the same name after a crash, what was
                started comes out without being started twice.
            on_start: Called with each task as soon as it is started. Note them,
                and who leaves early can come back to what goes on at the
                platform; what it raises ends the iteration.
            outage_patience: Seconds for which the run waits while the platform
                does not answer; ``None`` for the client's. What was not started
                by then fails with a `PlatformUnavailableError`.

        Raises:
            ConfigurationError: An argument is wrong; the call says so, not the iteration.
        """
        self._parts.starter.check(join, checked_key("idempotency_key", idempotency_key))
        patience = self._parts.starter.patience(outage_patience)
        return refresh_all(
            Resources(self._parts.sender.patient(patience), self._parts.starter),
            only=only,
            in_flight=in_flight,
            timeout=timeout,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=patience,
            on_start=on_start,
        )

    def resume(self, ledger: TaskLedger | None = None) -> AsyncGenerator[Handle, None]:
        """Iterate over what was started and is not known to be over: after a crash, for example.

        First come the tasks that the ledger knows; awaiting them costs what
        awaiting any handle does. Then come those of starts that were under way:
        it waits until each was answered or its time is over. Nothing is started.

        ```python
        from altcraft_async import SQLiteLedger

        async with SQLiteLedger(":memory:") as ledger:
            async for handle in client.resume(ledger):
                print(await handle)
        ```

        Args:
            ledger: To find them in; ``None`` for the client's own.

        Raises:
            ConfigurationError: There is no ledger; the call says so, not the iteration.

        The iteration can raise a ``LedgerError``, a ``ClientClosedError``, and
        at its end one ``StartUnknownError`` for all starts of which nobody knows.
        """
        if ledger is not None:
            checked_kind("ledger", ledger, TaskLedger)
        chosen = self._ledger if ledger is None else ledger
        if chosen is None:
            msg = "ledger: this client has none, so say which one to resume from"
            raise ConfigurationError(msg)
        return resume(self._parts.ledgers.durable(chosen))

    @property
    def ledger(self) -> TaskLedger | None:
        """The ledger that the client was given; ``None`` without one."""
        return self._ledger

    def __repr__(self) -> str:
        """Show the address, the format and the state, and nothing secret."""
        lifecycle = self._parts.lifecycle
        state = "closed" if lifecycle.closed else "open" if lifecycle.loop else "unopened"
        return f"<AltcraftClient {self._root} {self._format} {state}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: connections cannot be, and the token must not."""
        msg = "a client is not pickled or copied: make one in each process, and send it refs"
        raise TypeError(msg)

    def __del__(self) -> None:
        """Warn of a client that was opened and never closed, as aiohttp does of its sessions."""
        parts: Parts | None = getattr(self, "_parts", None)  # missing if __init__ has raised
        if parts is not None and parts.lifecycle.is_open:
            msg = f"unclosed {self!r}: use `async with`, or `await client.aclose()`"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)

    async def __aenter__(self) -> Self:
        """Bind to the running loop."""
        self._parts.lifecycle.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close; whoever waits gets a ``ClientClosedError``.

        Tasks go on at the platform; a ref attached to another client finds
        them again. Closing twice is no error, and closing goes on if the
        caller is cancelled. A borrowed aiohttp session is left open, and so is
        a ledger, into which is written first what could not be written before.
        """
        if self._closing is None:
            self._parts.lifecycle.close()
            if self._parts.lifecycle.loop is None:
                return
            self._closing = asyncio.get_running_loop().create_task(self._parts.aclose())
        await asyncio.shield(self._closing)

    def _on_open(self, call: Callable[[], None]) -> None:
        """Call a function when the client binds to its event loop; for subclasses."""
        self._parts.lifecycle.opened = call


def _caller_level() -> int:
    """Return the ``stacklevel`` of a warning that points at the first line outside this module."""
    level, frame = 2, sys._getframe(2)  # noqa: SLF001 -- as `warnings` itself does
    while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    return level
