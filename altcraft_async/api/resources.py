"""``client.resources``: the resources people subscribe to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Iterable
from typing import TypeAlias

from altcraft_async.api.listing import listed
from altcraft_async.api.pages import Pages
from altcraft_async.api.refreshes import Refreshes
from altcraft_async.models import Completed, CountersReport, Failed, Feedback, TaskRef
from altcraft_async.models.catalogue import Resource, ResourceDetails, SubscriptionField
from altcraft_async.models.validation import checked_id, checked_text
from altcraft_async.protocol.endpoints import (
    GET_RESOURCE,
    LIST_RESOURCES,
    REFRESH_RESOURCE,
    RESOURCE_COUNTERS,
    RESOURCE_FIELDS,
)
from altcraft_async.protocol.task_responses import last_report
from altcraft_async.starts.starter import Join, Starter
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.transport.sender import Sender

__all__ = ["ResourceTarget", "Resources"]

ResourceTarget: TypeAlias = tuple[int, int]
"""``(resource_id, database_id)``"""


class Resources:
    """The ``resources/…`` methods of the platform."""

    def __init__(self, sender: Sender, starter: Starter) -> None:
        """Use the client's parts."""
        self._sender = sender
        self._refreshes = Refreshes(starter, REFRESH_RESOURCE, "resource")

    def list(
        self,
        *,
        from_id: int = 1,
        limit: int = 1000,
        groups: Collection[str] | None = None,
        groups_id: Collection[int] | None = None,
    ) -> Pages[Resource]:
        """Iterate over the resources, page by page.

        Costs one request a page, each sent when its first row is wanted, and
        keeps one page in memory. What comes while you iterate may be in it or
        not. See `Pages` for how to go on after a page that failed.

        ```python
        async for resource in client.resources.list(limit=100):
            print(resource.id, resource.name)
        ```

        Args:
            from_id: Resources with a smaller id are left out.
            limit: Rows a page; 1000 is the vendor's default.
            groups: Names of access groups to list; ``None`` for all.
            groups_id: Their ids. How the two filters go together is not documented.

        Raises:
            ConfigurationError: An argument is wrong; the call says so, not the iteration.

        Each step of the iteration can raise an ``ApiError``, ``TransportError``,
        ``ProtocolError`` or ``ClientClosedError``.

        Vendor page: Resources, "Get resources list" (``resources/list``).
        """
        return listed(
            self._sender,
            LIST_RESOURCES,
            from_id=from_id,
            limit=limit,
            groups=groups,
            groups_id=groups_id,
        )

    async def get(self, resource_id: int) -> ResourceDetails:
        """Look up a resource: its channels, its databases, its addresses.

        Costs one request, repeated where it fails in passing.

        Args:
            resource_id: The resource.

        Raises:
            ConfigurationError: ``resource_id`` is no id; nothing was sent.
            ApiError: The platform refused, for example as there is no such object.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Resources, "Get resource information" (``resources/get``).
        """
        values = {"resource_id": checked_id("resource_id", resource_id)}
        return await self._sender.send(GET_RESOURCE, values)

    async def get_counters(self, resource_id: int, *, database_id: int) -> CountersReport:
        """Read what was last counted, without counting again.

        The name of this API method and its parameters are inferred from
        ``databases/get_counters``: the vendor has a page for it, which could
        not be read. An install that has no such method answers with an error;
        ``client.databases.get_counters`` is documented, and takes the same two
        ids. Costs one request, repeated where it fails in passing.

        Args:
            resource_id: The resource.
            database_id: Profile database that was counted in; sent as ``list_id``.

        Returns:
            A report of one group, whose ids are those of the request where
            the answer has none.

        Raises:
            ConfigurationError: An id is none; nothing was sent.
            ApiError: The platform refused, for example as there is no such object.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Resources, "Get resource statistics" (``resources/get_counters``).
        """
        values = {
            "resource_id": checked_id("resource_id", resource_id),
            "database_id": checked_id("database_id", database_id),
        }
        return last_report(await self._sender.send(RESOURCE_COUNTERS, values), **values)

    async def fields_get(self, resource_id: int, *, channel: str) -> tuple[SubscriptionField, ...]:
        """Look up which fields the subscriptions of one channel have.

        Costs one request, repeated where it fails in passing.

        Args:
            resource_id: The resource.
            channel: Documented are ``"email"``, ``"sms"``, ``"push"``,
                ``"telegram_bot"`` and ``"whatsapp"``; an install can have more.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ApiError: The platform refused, for example as there is no such object.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Resources, "Get resource subscription fields" (``resources/fields_get``).
        """
        values = {
            "resource_id": checked_id("resource_id", resource_id),
            "channel": checked_text("channel", channel),
        }
        return await self._sender.send(RESOURCE_FIELDS, values)

    async def refresh_counters(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        resource_id: int,
        *,
        database_id: int,
        feedback: Feedback | None = None,
        join: Join = "client",
        idempotency_key: str | None = None,
        outage_patience: float = 0.0,
    ) -> TaskHandle[CountersReport]:
        """Start recounting the subscribers of a resource.

        The server answers at once and counts in the background. Await the
        returned handle for the figures, or keep its ``ref`` and come back.
        Costs one request; it is repeated only where it surely was not acted on.

        Args:
            resource_id: Resource whose subscribers are counted.
            database_id: Profile database to count in; sent as ``list_id``.
            feedback: Where the platform shall report as well; only its request
                is documented, so take a report as a hint.
            join: With ``"client"``, a recount of the same target that this
                client has running is joined instead of starting another;
                ``"never"`` always starts one.
            idempotency_key: Your own name for this start, for a client with a
                ledger: asked for again by the same name, also by another
                process, it is the same task, over or not.
            outage_patience: Seconds to wait while the platform is known not to
                answer. By default the call fails at once then, with a
                `PlatformUnavailableError`.

        Returns:
            A handle on the running task. Nothing is polled until it is awaited.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ApiError: The server refused, for example for want of access rights.
            TransportError: No answer arrived. Where ``maybe_delivered`` is true
                the recount may have started all the same.
            ProtocolError: The answer is not Altcraft's; ``maybe_delivered`` as above.
            ClientClosedError: The client is closed.
            LedgerError: The client's ledger cannot be used; nothing was sent.
            StartUnknownError: An earlier start may have been sent; this one was not.

        Vendor page: Resources, "Update statistics on resource"
        (``resources/refresh_counters``).
        """
        target = (resource_id, database_id)
        return await self._refreshes.start(
            target,
            feedback=feedback,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
        )

    async def refresh(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        resource_id: int,
        *,
        database_id: int,
        feedback: Feedback | None = None,
        join: Join = "client",
        idempotency_key: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- handed on to `TaskHandle.wait`
        outage_patience: float = 0.0,
    ) -> CountersReport:
        """Recount the subscribers of a resource and wait for the figures.

        `refresh_counters` and `TaskHandle.wait` in one: their arguments, costs
        and errors. Where the wait ends early, the error's ``ref`` is the way
        back to the running task.

        Args:
            resource_id: Resource whose subscribers are counted.
            database_id: Profile database to count in; sent as ``list_id``.
            feedback: Where the platform shall report as well.
            join: Whether to join a recount that this client has running.
            idempotency_key: Your own name for this start, as `refresh_counters` has it.
            timeout: Seconds to wait once the recount has started.
            outage_patience: Seconds to wait while the platform is known not to
                answer. By default the call fails at once then, with a
                `PlatformUnavailableError`.

        Raises:
            TaskError: The task gave no result, or not in time.
            AltcraftError: The start or a poll failed.
        """
        target = (resource_id, database_id)
        return await self._refreshes.finish(
            target,
            feedback=feedback,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
            timeout=timeout,
        )

    def refresh_many(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        targets: Iterable[ResourceTarget] | AsyncIterable[ResourceTarget],
        *,
        in_flight: int = 100,
        timeout: float | None = None,
        join: Join = "client",
        idempotency_key: str | None = None,
        on_start: Callable[[TaskRef], None] | None = None,
        outage_patience: float | None = None,
    ) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
        """Refresh many resources, a bounded number at once.

        Targets are read only as fast as slots get free, so a million of them
        from a generator need no more memory than ``in_flight``. Each comes
        out exactly once, in order of completion; one that is bad or fails is
        a `Failed` of its own and never ends the stream. When you leave early,
        what was started goes on at the platform.

        ```python
        async for outcome in client.resources.refresh_many([(24, 1), (25, 1)]):
            print(outcome.target, outcome.ref)
        ```

        Args:
            targets: ``(resource_id, database_id)`` each, from any iterable or
                async iterable. If reading it fails, its error comes after the
                outcomes of what was read.
            in_flight: Targets between being read and their outcome being
                taken. The rate of requests is bounded by the poll policy, the
                client's ``connections`` and ``rate_limit``.
            timeout: Seconds that each target may take once it has started.
            join: Whether to join recounts that this client has running.
            idempotency_key: Your own name for this run, for a client with a
                ledger: run again by the same name after a crash, what was
                started comes out without being started twice.
            on_start: Called with the ref of each task that was started, so that a
                caller that leaves early can come back to it. An exception from
                it ends the iteration.
            outage_patience: Seconds for which the run waits while the platform
                does not answer; ``None`` for the client's. What was not started
                by then fails with a `PlatformUnavailableError`.

        Raises:
            ConfigurationError: An argument is wrong; the call says so, not the iteration.
        """
        return self._refreshes.many(
            targets,
            in_flight=in_flight,
            timeout=timeout,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
            on_start=on_start,
        )
