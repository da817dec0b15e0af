"""`AltcraftClient`: one platform, one API token, and the methods to use them."""

from __future__ import annotations

import asyncio
import os
import ssl
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from typing import NoReturn, Self, Unpack

import aiohttp

from altcraft_async.api.assembly import Parts, assemble
from altcraft_async.api.databases import Databases
from altcraft_async.api.environment import checked_environment
from altcraft_async.api.options import CheckedOptions, ClientOptions, FormatName
from altcraft_async.api.refresh_all import refresh_all
from altcraft_async.api.resources import Resources
from altcraft_async.api.segments import SegmentDatabaseName, Segments
from altcraft_async.api.tasks import Tasks
from altcraft_async.errors import ConfigurationError
from altcraft_async.models import Completed, CountersReport, Failed, TaskRef
from altcraft_async.models.catalogue import Resource
from altcraft_async.models.representation import at_any_moment
from altcraft_async.models.validation import checked_key, checked_kind
from altcraft_async.observer import Observer
from altcraft_async.policies.base import PollPolicy, PollState
from altcraft_async.protocol.base_url import api_root, warn_if_exposed
from altcraft_async.protocol.token import Token, TokenLocation
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.registry import Handle
from altcraft_async.starts.resume import resume
from altcraft_async.starts.starter import JoinMode
from altcraft_async.tasks.poll_state import FAILURE_STATUSES, Patience
from altcraft_async.transport.clock import Clock
from altcraft_async.transport.outage_status import OutageStatus
from altcraft_async.transport.retry import Retry

__all__ = ["AltcraftClient", "ClientOptions"]

_RETRY = Retry()
_PATIENCE = Patience()


class AltcraftClient:
    """A client of one Altcraft platform with one API token.

    Constructing it does no I/O and needs no running loop. Its first request
    opens it and binds it to the running event loop. ``async with`` or `aclose`
    closes it.

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
        token_in: TokenLocation = "body",  # noqa: S107 -- no password
        session: aiohttp.ClientSession | None = None,
        retry: Retry = _RETRY,
        poll: PollPolicy | Callable[[PollState], float] | None = None,
        rate_limit: float | None = None,
        shared_limit: Callable[[], Awaitable[object]] | None = None,
        request_timeout: float = 30.0,
        polling_patience: Patience = _PATIENCE,
        outage_patience: float = 600.0,
        failure_statuses: Collection[str] = FAILURE_STATUSES,
        connections: int = 256,
        start_keepalive: float = 1.0,
        max_answer_bytes: int = 16 * 2**20,
        ssl_context: ssl.SSLContext | None = None,
        fast_path: bool = True,
        segment_database_name: SegmentDatabaseName | None = None,
        ledger: TaskLedger | None = None,
        reconcile_starts: bool = False,
        observer: Observer | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Use the platform at this address with this token.

        Args:
            base_url: Scheme and host, with any port and path prefix, with or
                without ``/api/v1.1``. ``http://`` to another machine warns, as
                the token is not encrypted on the way.
            token: API token; sent to that host only and never shown.
            format: Of requests; an answer is read in either format.
            token_in: ``"body"``, as every page documents, or ``"header"`` for newer installs.
            session: An open ``aiohttp.ClientSession``, used as it is set up and never closed
                here. Without one the client has its own connections, and cookies in memory.
            retry: How often a failed request is retried.
            poll: When to poll a running task again: `Adaptive` by default,
                another policy, or a function from `PollState` to seconds.
            rate_limit: Requests per second at most, over everything that this client
                sends. The rate shrinks while the platform refuses many, and recovers.
            shared_limit: Awaited before each request is sent, one at a time and
                after ``rate_limit``, for a limit that several clients share, such
                as ``fleet_limit`` of `altcraft_async.integrations.redis`. If it raises,
                nothing is sent, and the request fails with that `AltcraftError`, or
                with a `TransportError`.
            request_timeout: Seconds for one request, from connecting to the end of the answer.
            polling_patience: How long a wait goes on while polls fail.
            outage_patience: Seconds for which runs and waits hold still while the
                platform does not answer. With 0, each request fails by itself.
            failure_statuses: Statuses of a failed task, in any case; the default is a guess.
            connections: Requests at once at most: polls, starts, and others each.
            start_keepalive: Seconds that an idle connection is kept for the next
                start. A start that meets the server's closing it is ``maybe_delivered``,
                so stay below the server's limit. 0 opens one for each. Not with ``session``.
            max_answer_bytes: Largest answer, after decompression.
            ssl_context: For a private certificate authority; with a session as well.
            fast_path: Whether the client's own connections are used without aiohttp's
                session, at a fraction of the CPU time. Never so with ``session``.
            segment_database_name: What your install calls the database of a segment:
                ``"db_id"`` or ``"list_id"``. ``None`` is the name on the page of each
                method: ``db_id`` to refresh, ``list_id`` to read the counters.
            ledger: Has each start before it is sent, so that a crash never causes
                a duplicate start; `SQLiteLedger` for one machine. You close it.
            reconcile_starts: Whether to read the newest counters when the ledger
                does not have the outcome of a start, which costs one more request per
                start. That they show a running refresh is inferred from the result of
                one; where they do not, a `StartUnknownError` is raised as without this.
            observer: Told of each start, poll and end, for example for metrics.
            clock: The time between requests, for tests that cannot wait:
                ``simulator.PretendClock``. ``None`` for the event loop's.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        try:
            secret, self._root = Token(token), api_root(base_url)
        finally:
            del token, base_url  # tools that show the variables of a traceback must not show them
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
            start_keepalive=start_keepalive,
            max_answer_bytes=max_answer_bytes,
            ssl_context=ssl_context,
            fast_path=fast_path,
            segment_database_name=segment_database_name,
            ledger=ledger,
            reconcile_starts=reconcile_starts,
            observer=observer,
            clock=clock,
        )
        self._format = format
        warn_if_exposed(self._root, "base_url: http:// sends the token unencrypted; use https://")
        self._ledger = ledger
        self._closing: asyncio.Task[None] | None = None
        self._parts = parts = assemble(self._root, secret, options)
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
            ConfigurationError: A variable or another argument is wrong; the text names it.
        """
        wire_format = checked_environment()
        return cls(
            os.environ["ALTCRAFT_URL"],
            os.environ["ALTCRAFT_TOKEN"],
            format=wire_format,
            **options,
        )

    def refresh_all(  # noqa: PLR0913 -- one argument per choice, all by name
        self,
        *,
        only: Callable[[Resource], bool] | None = None,
        in_flight: int = 100,
        timeout: float | None = None,
        join: JoinMode = "client",
        idempotency_key: str | None = None,
        on_start: Callable[[TaskRef], None] | None = None,
        outage_patience: float | None = None,
    ) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
        """Refresh every resource in each of its databases, as a nightly job does.

        Resources are listed page by page and looked up a few ahead, only as fast
        as slots get free. Costs one request per page, one per resource, and the
        refreshes. A resource that cannot be looked up comes out as a `Failed` with
        the target ``(resource_id,)``. If the list fails, its error comes after
        the outcomes of the resources before.

        ```python
        async for outcome in client.refresh_all(only=lambda resource: resource.id < 4):
            print(outcome.target)
        ```

        Args:
            only: Tells for each resource whether to refresh it; ``None`` for all.
                A resource without a database has nothing to refresh.
            in_flight: Targets that were found and whose outcome you have not taken.
            timeout: Seconds that each target may take once it has started.
            join: Whether to join running refreshes of this client.
            idempotency_key: Your own name for this run, for a client with a
                ledger. Run again with the same name after a crash, it returns
                the tasks that were started instead of starting them twice.
            on_start: Called with the ref of each task that was started, so that a caller
                can come back to it. An exception from it ends the iteration.
            outage_patience: Seconds to wait in an outage, before the remaining targets
                fail with a `PlatformUnavailableError`; ``None`` for the client's.

        Raises:
            ConfigurationError: An argument is wrong; raised by the call, not the iteration.
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
        """Iterate over the tasks in a ledger that are not known to be over.

        What a process calls after a crash. Running tasks come first. Starts
        under way come once they are answered or their lease is over. Nothing
        is started.

        ```python
        from altcraft_async import SQLiteLedger

        async with SQLiteLedger(":memory:") as ledger:
            async for handle in client.resume(ledger):
                print(await handle)
        ```

        Args:
            ledger: To read; ``None`` for the client's own.

        Raises:
            ConfigurationError: There is no ledger; raised by the call, not the iteration.
            LedgerError: The ledger cannot be used; raised by the iteration, as the next two.
            ClientClosedError: The client is closed.
            StartUnknownError: At the end, for all starts whose outcome is unknown.
        """
        chosen = self._ledger if ledger is None else ledger
        if chosen is None:
            msg = "ledger: this client has none; name the one to resume from"
            raise ConfigurationError(msg)
        checked_kind("ledger", chosen, TaskLedger)
        return resume(self._parts.starter.of_ledger(chosen))

    @property
    def ledger(self) -> TaskLedger | None:
        """The client's own ledger; ``None`` without one."""
        return self._ledger

    @property
    def outage(self) -> OutageStatus | None:
        """Since when and why the platform does not answer; ``None`` while it does."""
        return self._parts.outage.status

    @at_any_moment
    def __repr__(self) -> str:
        """Show the address, the format and the state, and no token."""
        lifecycle = self._parts.lifecycle
        state = "closed" if lifecycle.closed else "open" if lifecycle.loop else "unopened"
        return f"<AltcraftClient {self._root} {self._format} {state}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: the connections and the token cannot be."""
        msg = "a client is not pickled or copied: make one in each process, and send it refs"
        raise TypeError(msg)

    def __del__(self) -> None:
        """Warn about a client that was opened and not closed, as aiohttp does for sessions."""
        parts: Parts | None = getattr(self, "_parts", None)  # missing until __init__ is done
        if parts is not None and parts.lifecycle.is_open:
            msg = f"unclosed {self!r}: use `async with`, or `await client.aclose()`"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)

    async def __aenter__(self) -> Self:
        """Bind to the running loop."""
        self._parts.lifecycle.enter()
        return self

    async def __aexit__(self, *_failure: object) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the client; every call and wait raises a ``ClientClosedError``.

        Tasks go on at the platform: attach their refs to another client. Closing
        twice is no error, and cancelling the caller does not stop the closing. A
        borrowed session and the ledger stay open. Outstanding writes into the
        ledger are made first.

        Raises:
            ConfigurationError: It is open in another event loop, or before a fork: close it there.
        """
        if self._closing is None:
            self._parts.lifecycle.close()
            if self._parts.lifecycle.loop is None:
                return
            self._closing = asyncio.get_running_loop().create_task(self._parts.aclose())
        elif not self._closing.done():
            self._parts.lifecycle.check_place()
        await asyncio.shield(self._closing)

    def _on_open(self, call: Callable[[], None]) -> None:
        """Call a function when the client binds to its event loop; for subclasses."""
        self._parts.lifecycle.opened = call
