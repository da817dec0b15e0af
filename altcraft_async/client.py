"""`AltcraftClient`: where everything begins."""

from __future__ import annotations

import asyncio
import math
import os
import random
import ssl
import warnings
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Mapping,
)
from types import TracebackType
from typing import Literal, NoReturn, Self, TypedDict, Unpack

import aiohttp

from altcraft_async._validation import (
    checked_choice,
    checked_function,
    checked_id,
    checked_key,
    checked_kind,
    checked_names,
    checked_positive,
    checked_seconds,
)
from altcraft_async.api.databases import Databases
from altcraft_async.api.refresh_all import refresh_all
from altcraft_async.api.resources import Resources
from altcraft_async.api.segments import SegmentDatabaseName, Segments
from altcraft_async.api.tasks import Tasks
from altcraft_async.errors import ConfigurationError
from altcraft_async.models import Completed, CountersReport, Failed, TaskRef
from altcraft_async.models.catalogue import Resource
from altcraft_async.observer import Observer, Telling
from altcraft_async.policies.adaptive import Adaptive
from altcraft_async.policies.base import Learner, PollPolicy, PollState, checked_policy
from altcraft_async.protocol.base_url import api_root, is_exposed
from altcraft_async.protocol.codecs import FORMATS
from altcraft_async.protocol.endpoints import TASK_STATUS, counters_by_kind
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.protocol.token import Token
from altcraft_async.starts.durable import Durability, Ledgers
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.reconcile import Reconciling
from altcraft_async.starts.registry import Handle, Running
from altcraft_async.starts.resume import resume
from altcraft_async.starts.starter import Join, Starting
from altcraft_async.tasks.poll_state import FAILURE_STATUSES, Patience
from altcraft_async.tasks.poller import PollRules
from altcraft_async.tasks.scheduler import Scheduler
from altcraft_async.transport.clock import Clock
from altcraft_async.transport.http import Limits, Transport
from altcraft_async.transport.lifecycle import Lifetime
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import Budget, SharedBudget
from altcraft_async.transport.retry import Quota, Retry
from altcraft_async.transport.sender import ClockedSession, Session, TokenPlace

__all__ = ["AltcraftClient", "ClientOptions", "when_opened"]

FormatName = Literal["json", "xml"]

_FORMAT_NAMES: Mapping[str, FormatName] = {"json": "json", "xml": "xml"}
_RETRY = Retry()
_PATIENCE = Patience()

# Enough to keep one core busy over loopback; each costs an idle client nothing.
_WORKERS = 32


class ClientOptions(TypedDict, total=False):
    """Keyword arguments of `AltcraftClient` that have nothing to do with the account."""

    token_in: TokenPlace
    session: aiohttp.ClientSession | None
    retry: Retry
    poll: PollPolicy | Callable[[PollState], float] | None
    rate_limit: float | None
    shared_limit: Callable[[], Awaitable[object]] | None
    request_timeout: float
    polling_patience: Patience
    failure_statuses: Collection[str]
    connections: int
    max_answer_bytes: int
    ssl_context: ssl.SSLContext | None
    segment_database_name: SegmentDatabaseName | None
    ledger: TaskLedger | None
    reconcile_starts: bool
    observer: Observer | None
    clock: Clock | None


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
        checked_choice("format", format, *FORMATS)
        checked_choice("token_in", token_in, "body", "header")
        checked_kind("retry", retry, Retry)
        checked_kind("polling_patience", polling_patience, Patience)
        if segment_database_name is not None:
            checked_choice("segment_database_name", segment_database_name, "db_id", "list_id")
        _check_ledger(ledger, reconcile_starts=reconcile_starts, retry=retry)
        if observer is not None:
            checked_kind("observer", observer, Observer)
        if session is not None:
            checked_kind("session", session, aiohttp.ClientSession)
        if clock is not None:
            checked_kind("clock", clock, Clock)
        self._root = api_root(base_url)
        if is_exposed(self._root):
            msg = "base_url: http:// shows the token to everyone on the way; use https://"
            warnings.warn(msg, stacklevel=2)
        secret = Token(token)
        self._format = format
        self._closing: asyncio.Task[None] | None = None
        self._lifetime = Lifetime(clock)
        most = math.inf if rate_limit is None else checked_positive("rate_limit", rate_limit)
        checked_function("shared_limit", shared_limit)
        self._budget = (
            Budget(self._lifetime, Rate(most))
            if shared_limit is None
            else SharedBudget(self._lifetime, Rate(most), shared_limit)
        )
        quota = Quota()
        telling = None if observer is None else Telling(observer)
        limits = Limits(
            seconds=checked_seconds("request_timeout", request_timeout, least=0.001),
            answer_bytes=checked_id("max_answer_bytes", max_answer_bytes),
        )
        connections = checked_id("connections", connections)
        self._session = (Session if clock is None else ClockedSession)(
            Transport(
                self._root,
                limits=limits,
                borrowed=session,
                ssl_context=ssl_context,
            ),
            lifetime=self._lifetime,
            budget=self._budget,
            token=secret,
            token_in=token_in,
            wire_format=FORMATS[format],
            retry=retry,
            quota=quota,
            at_once=connections,
            chance=random.random,
            telling=telling,
        )
        self._scheduler = Scheduler(
            self._lifetime, self._budget, workers=min(_WORKERS, connections)
        )
        policy = checked_policy(Adaptive() if poll is None else poll)
        running = Running()
        rules = PollRules(
            lifetime=self._lifetime,
            scheduler=self._scheduler,
            poll=self._poll,
            policy=policy,
            learn=policy.learn if isinstance(policy, Learner) else None,
            over=running.over,
            patience=polling_patience,
            retry=retry,
            quota=quota,
            failure_statuses=checked_names("failure_statuses", failure_statuses),
            chance=random.random,
            wall_clock=self._lifetime.now,
            hide=secret.hide,
            telling=telling,
        )
        self._ledger = ledger
        counters = counters_by_kind(segment_database_name)
        self._ledgers = Ledgers(
            Durability(
                api_root=self._root,
                request_timeout=limits.seconds,
                reconciling=Reconciling(self._session, counters) if reconcile_starts else None,
            ),
            rules=rules,
            running=running,
        )
        durable = None if ledger is None else self._ledgers.own(ledger)
        self._starting = Starting(self._session, rules, running, durable)
        self.resources = Resources(self._session, self._starting)
        self.databases = Databases(self._session, self._starting)
        self.segments = Segments(self._session, self._starting, segment_database_name)
        self.tasks = Tasks(self._session, rules)

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

        Raises:
            ConfigurationError: An argument is wrong; the call says so, not the iteration.
        """
        self._starting.check(join, checked_key("idempotency_key", idempotency_key))
        return refresh_all(
            self.resources,
            only=only,
            in_flight=in_flight,
            timeout=timeout,
            join=join,
            idempotency_key=idempotency_key,
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
        return resume(self._ledgers.durable(chosen))

    def __repr__(self) -> str:
        """Show where it speaks to, and nothing secret."""
        state = "closed" if self._lifetime.closed else "open" if self._lifetime.loop else "unopened"
        return f"<AltcraftClient {self._root} {self._format} {state}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: connections cannot be, and the token must not."""
        msg = "a client is not pickled or copied: make one in each process, and send it refs"
        raise TypeError(msg)

    def __del__(self) -> None:
        """Warn of a client that was opened and never closed, as aiohttp does of its sessions."""
        lifetime: Lifetime | None = getattr(self, "_lifetime", None)
        if lifetime is not None and lifetime.is_open:
            msg = f"unclosed {self!r}: use `async with`, or `await client.aclose()`"
            warnings.warn(msg, ResourceWarning, source=self, stacklevel=2)

    async def __aenter__(self) -> Self:
        """Bind to the running loop."""
        self._lifetime.enter()
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
            self._lifetime.close()
            if self._lifetime.loop is None:
                return
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self._budget.aclose()
        await self._scheduler.aclose()
        await self._starting.aclose()
        await self._ledgers.aclose()
        await self._session.aclose()

    def _poll(self, task_id: str) -> Coroutine[object, object, TaskAnswer]:
        return self._session.attempt(TASK_STATUS, {"task_id": task_id})


def _check_ledger(ledger: object, *, reconcile_starts: object, retry: Retry) -> None:
    checked_kind("reconcile_starts", reconcile_starts, bool)
    if ledger is not None:
        checked_kind("ledger", ledger, TaskLedger)
        if retry.ambiguous_starts:
            msg = "retry: ambiguous_starts may start twice, which a ledger is there to prevent"
            raise ConfigurationError(msg)
    elif reconcile_starts:
        msg = "reconcile_starts: without a ledger, nothing is known of earlier starts"
        raise ConfigurationError(msg)


def has_ledger(client: AltcraftClient) -> bool:
    """Say whether a client has a ledger, for this library's own rooms."""
    return client._ledger is not None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # kept out of what people see


def when_opened(client: AltcraftClient, call: Callable[[], None]) -> None:
    """Have a function called in the loop that a client binds to, for this library's own rooms."""
    client._lifetime.opened = call  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # kept out of what people see
