"""``client.resources``: resources, their channels, fields and counters."""

from __future__ import annotations

from collections.abc import Collection

from altcraft_async.api.namespace import Namespace
from altcraft_async.api.pages import Pages
from altcraft_async.models import CountersReport, Feedback
from altcraft_async.models.catalogue import Resource, ResourceDetails, SubscriptionField
from altcraft_async.models.validation import checked_id, checked_text
from altcraft_async.protocol.endpoints import (
    GET_RESOURCE,
    LIST_RESOURCES,
    REFRESH_RESOURCE,
    RESOURCE_COUNTERS,
    RESOURCE_FIELDS,
)
from altcraft_async.starts.starter import JoinMode, Starter
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.transport.sender import Sender

__all__ = ["Resources"]


class Resources(Namespace[tuple[int, int]]):
    """The ``resources/…`` methods of the platform."""

    def __init__(self, sender: Sender, starter: Starter) -> None:
        """Use the client's parts."""
        super().__init__(sender, starter, REFRESH_RESOURCE, "resource")

    def list(
        self,
        *,
        from_id: int = 1,
        limit: int = 1000,
        groups: Collection[str] | None = None,
        groups_id: Collection[int] | None = None,
    ) -> Pages[Resource]:
        """Iterate over the resources, page by page.

        Costs one request per page, sent when its first row is read, and keeps
        one page in memory. A row that is created or deleted meanwhile may come
        or not. See `Pages` for how to go on after a page that failed.

        ```python
        async for resource in client.resources.list(limit=100):
            print(resource.id, resource.name)
        ```

        Args:
            from_id: Rows with a smaller id are left out.
            limit: Rows per page; 1000 is the vendor's default.
            groups: Names of access groups; ``None`` for all.
            groups_id: Their ids. How the filters combine is not documented.

        Raises:
            ConfigurationError: An argument is wrong; raised by the call, not the iteration.
            ApiError: The platform refused a page; raised by the iteration, as the next three.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Resources, "Get resources list" (``resources/list``).
        """
        return self._pages(
            LIST_RESOURCES, from_id=from_id, limit=limit, groups=groups, groups_id=groups_id
        )

    async def get(self, resource_id: int) -> ResourceDetails:
        """Look up a resource: its channels, its databases, its addresses.

        Costs one request, retried where a failure may pass.

        Args:
            resource_id: The resource.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ApiError: The platform refused, for example as there is no such object.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Resources, "Get resource information" (``resources/get``).
        """
        values = {"resource_id": checked_id("resource_id", resource_id)}
        return await self._sender.send(GET_RESOURCE, values)

    async def get_counters(self, resource_id: int, *, database_id: int) -> CountersReport:
        """Read the newest counters, without a refresh.

        Costs one request, retried where a failure may pass. Its API method and
        parameters are inferred from ``databases/get_counters``, as the vendor's
        page could not be read. On an install that has no such method, use
        ``client.databases.get_counters`` with the same two ids.

        Args:
            resource_id: The resource.
            database_id: The profile database; sent as ``list_id``.

        Returns:
            A report of one group, with the ids of the request where the answer has none.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ApiError: The platform refused, for example as there is no such object.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Resources, "Get resource statistics" (``resources/get_counters``).
        """
        return await self._last_report(RESOURCE_COUNTERS, (resource_id, database_id))

    async def fields_get(self, resource_id: int, *, channel: str) -> tuple[SubscriptionField, ...]:
        """Look up which fields the subscriptions of one channel have.

        Costs one request, retried where a failure may pass.

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
        join: JoinMode = "client",
        idempotency_key: str | None = None,
        outage_patience: float = 0.0,
    ) -> TaskHandle[CountersReport]:
        """Start a refresh of the counters of a resource.

        The platform answers at once and counts in the background. Await the
        returned handle for the report, or store its ``ref`` and come back later.
        Costs one request, retried only where the platform surely did not act on it.

        Args:
            resource_id: The resource.
            database_id: The profile database to count in; sent as ``list_id``.
            feedback: Where the platform shall report at the end as well. Only
                this parameter is documented, so take a report as a hint.
            join: ``"client"`` joins a running refresh of the same target that this
                client has started; ``"never"`` always starts one.
            idempotency_key: Your own name for this start, for a client with a
                ledger. The same name gives the same task, running or over,
                also in another process.
            outage_patience: Seconds to wait while the platform is known not to
                answer. By default the call fails at once with a
                `PlatformUnavailableError`.

        Returns:
            A handle on the task. Nothing is polled until it is awaited.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ApiError: The platform refused, for example for want of access rights.
            TransportError: No complete answer arrived. Where ``maybe_delivered``
                is true, the refresh may have started all the same.
            ProtocolError: The answer is not Altcraft's; ``maybe_delivered`` as above.
            ClientClosedError: The client is closed.
            LedgerError: The client's ledger cannot be used; nothing was sent.
            StartUnknownError: An earlier start may have happened; this one was not sent.

        Vendor page: Resources, "Update statistics on resource"
        (``resources/refresh_counters``).
        """
        target = (resource_id, database_id)
        return await self._start(
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
        join: JoinMode = "client",
        idempotency_key: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- handed on to `TaskHandle.wait`
        outage_patience: float = 0.0,
    ) -> CountersReport:
        """Refresh the counters of a resource and wait for the report.

        `refresh_counters` and `TaskHandle.wait` in one, with the costs and
        errors of both. If the wait ends early, the error's ``ref`` leads back
        to the running task.

        Args:
            resource_id: The resource.
            database_id: The profile database to count in; sent as ``list_id``.
            feedback: Where the platform shall report at the end as well.
            join: Whether to join a running refresh of this client.
            idempotency_key: Your own name for this start, as in `refresh_counters`.
            timeout: Seconds to wait once the refresh has started, and before that at
                most as long for another process that is starting it.
            outage_patience: Seconds to wait while the platform is known not to
                answer. By default the call fails at once with a
                `PlatformUnavailableError`.

        Raises:
            TaskError: The task gave no result, or not in time.
            AltcraftError: The start or a poll failed.
        """
        return await self._finish(
            (resource_id, database_id),
            feedback=feedback,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
            timeout=timeout,
        )
