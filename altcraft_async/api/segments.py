"""``client.segments``: segments, their rules and counters."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from altcraft_async.api.namespace import Namespace
from altcraft_async.api.pages import Pages
from altcraft_async.models import CountersReport, SegmentTarget
from altcraft_async.models.catalogue import Segment, SegmentDetails
from altcraft_async.models.validation import checked_id
from altcraft_async.protocol.endpoints import (
    GET_SEGMENT,
    LIST_SEGMENTS,
    REFRESH_SEGMENT,
    SEGMENT_COUNTERS,
    renamed,
)
from altcraft_async.starts.starter import JoinMode, Starter
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.transport.sender import Sender

__all__ = ["SegmentDatabaseName", "Segments"]

SegmentDatabaseName = Literal["db_id", "list_id"]
"""What an install calls the database of a segment."""


class Segments(Namespace[tuple[int, int] | tuple[int, int, int] | SegmentTarget]):
    """The ``segments/…`` methods of the platform."""

    def __init__(
        self, sender: Sender, starter: Starter, database_name: SegmentDatabaseName | None
    ) -> None:
        """Use the client's parts.

        Args:
            sender: Sends the requests.
            starter: Starts the tasks.
            database_name: Wire name of the database; ``None`` for the one on
                the page of each method.
        """
        refresh = renamed(REFRESH_SEGMENT, "database_id", database_name)
        super().__init__(sender, starter, refresh, "segment")
        self._counters = renamed(SEGMENT_COUNTERS, "database_id", database_name)

    def list(
        self,
        *,
        from_id: int = 1,
        limit: int = 1000,
        tags: Collection[str] | None = None,
        groups: Collection[str] | None = None,
        groups_id: Collection[int] | None = None,
    ) -> Pages[Segment]:
        """Iterate over the segments, page by page.

        Costs one request per page, sent when its first row is read, and keeps
        one page in memory. A row that is created or deleted meanwhile may come
        or not. See `Pages` for how to go on after a page that failed.

        ```python
        async for segment in client.segments.list(limit=100):
            print(segment.id, segment.name)
        ```

        Args:
            from_id: Rows with a smaller id are left out.
            limit: Rows per page; 1000 is the vendor's default.
            tags: Tags to look for; ``None`` for all. Sent as ``ui_tags``.
            groups: Names of access groups; ``None`` for all.
            groups_id: Their ids. How the filters combine is not documented.

        Raises:
            ConfigurationError: An argument is wrong; raised by the call, not the iteration.
            ApiError: The platform refused a page; raised by the iteration, as the next three.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Segments, list (``segments/list``).
        """
        return self._pages(
            LIST_SEGMENTS,
            from_id=from_id,
            limit=limit,
            tags=tags,
            groups=groups,
            groups_id=groups_id,
        )

    async def get(self, segment_id: int) -> SegmentDetails:
        """Look up a segment: how many profiles it has, and the rules that make it.

        Costs one request, retried where a failure may pass.

        Args:
            segment_id: The segment.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ApiError: The platform refused, for example as there is no such object.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Segments, information (``segments/get``).
        """
        values = {"segment_id": checked_id("segment_id", segment_id)}
        return await self._sender.send(GET_SEGMENT, values)

    async def get_counters(
        self, segment_id: int, *, resource_id: int, database_id: int | None = None
    ) -> CountersReport:
        """Read the newest counters, without a refresh.

        Costs one request, retried where a failure may pass. The answer does not
        say when the counters were refreshed. Segments have two of them,
        ``subscribed_sendable`` and ``unconfirmed_sendable``; the others are ``None``.

        Args:
            segment_id: The segment.
            resource_id: The resource.
            database_id: The profile database; a dynamic segment needs it. Sent as
                ``list_id``, unless the client has another ``segment_database_name``.

        Returns:
            A report of one group, with the ids of the request where the answer has none.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ApiError: The platform refused, for example as there is no such object.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Segments, "Get statistics on resource" (``segments/get_counters``).
        """
        target = _target(segment_id, resource_id, database_id)
        return await self._last_report(self._counters, target)

    async def refresh_counters(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        segment_id: int,
        *,
        resource_id: int,
        database_id: int | None = None,
        join: JoinMode = "client",
        idempotency_key: str | None = None,
        outage_patience: float = 0.0,
    ) -> TaskHandle[CountersReport]:
        """Start a refresh of the counters of a segment.

        The platform answers at once and counts in the background. Await the
        returned handle for the report, or store its ``ref`` and come back later.
        Costs one request, retried only where the platform surely did not act on it.
        Segments have two counters, ``subscribed_sendable`` and
        ``unconfirmed_sendable``; the others are ``None``.

        Args:
            segment_id: The segment.
            resource_id: The resource.
            database_id: The profile database; a dynamic segment needs it. Sent as
                ``db_id``, unless the client has another ``segment_database_name``.
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

        Vendor page: Segments, update of statistics (``segments/refresh_counters``).
        """
        target = _target(segment_id, resource_id, database_id)
        return await self._start(
            target, join=join, idempotency_key=idempotency_key, outage_patience=outage_patience
        )

    async def refresh(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        segment_id: int,
        *,
        resource_id: int,
        database_id: int | None = None,
        join: JoinMode = "client",
        idempotency_key: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- handed on to `TaskHandle.wait`
        outage_patience: float = 0.0,
    ) -> CountersReport:
        """Refresh the counters of a segment and wait for the report.

        `refresh_counters` and `TaskHandle.wait` in one, with the costs and
        errors of both. If the wait ends early, the error's ``ref`` leads back
        to the running task.

        Args:
            segment_id: The segment.
            resource_id: The resource.
            database_id: The profile database; a dynamic segment needs it. Sent as
                ``db_id``, unless the client has another ``segment_database_name``.
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
        target = _target(segment_id, resource_id, database_id)
        return await self._finish(
            target,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
            timeout=timeout,
        )


def _target(segment_id: int, resource_id: int, database_id: int | None) -> tuple[int, ...]:
    ids = (segment_id, resource_id)
    return ids if database_id is None else (*ids, database_id)
