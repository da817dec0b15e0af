"""``client.segments``: the segments that profiles are sorted into."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Iterable
from typing import Literal, TypeAlias

from altcraft_async.api.listing import listed
from altcraft_async.api.pages import Pages
from altcraft_async.api.refreshes import Refreshes
from altcraft_async.models import Completed, CountersReport, Failed, TaskRef
from altcraft_async.models.catalogue import Segment, SegmentDetails
from altcraft_async.models.validation import checked_id
from altcraft_async.protocol.endpoints import (
    GET_SEGMENT,
    LIST_SEGMENTS,
    REFRESH_SEGMENT,
    SEGMENT_COUNTERS,
    renamed,
)
from altcraft_async.protocol.task_responses import last_report
from altcraft_async.starts.starter import Join, Starter
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.transport.sender import Sender

__all__ = ["SegmentDatabaseName", "SegmentTarget", "Segments"]

SegmentTarget: TypeAlias = tuple[int, int] | tuple[int, int, int]
"""``(segment_id, resource_id)`` of a static one, ``(segment_id, resource_id, database_id)``"""

SegmentDatabaseName = Literal["db_id", "list_id"]
"""What an install calls the database of a segment."""


class Segments:
    """The ``segments/…`` methods of the platform."""

    def __init__(
        self, sender: Sender, starter: Starter, database_name: SegmentDatabaseName | None
    ) -> None:
        """Use the client's parts.

        Args:
            sender: The client's.
            starter: The client's.
            database_name: Wire name of the database; ``None`` for what the
                page of each method says.
        """
        self._sender = sender
        self._counters = renamed(SEGMENT_COUNTERS, "database_id", database_name)
        self._refreshes = Refreshes(
            starter,
            renamed(REFRESH_SEGMENT, "database_id", database_name),
            "segment",
        )

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

        Costs one request a page, each sent when its first row is wanted, and
        keeps one page in memory. What comes while you iterate may be in it or
        not. See `Pages` for how to go on after a page that failed.

        ```python
        async for segment in client.segments.list(limit=100):
            print(segment.id, segment.name)
        ```

        Args:
            from_id: Segments with a smaller id are left out.
            limit: Rows a page; 1000 is the vendor's default.
            tags: Tags to look for; ``None`` for all. Sent as ``ui_tags``.
            groups: Names of access groups to list; ``None`` for all.
            groups_id: Their ids. How the filters go together is not documented.

        Raises:
            ConfigurationError: An argument is wrong; the call says so, not the iteration.

        Each step of the iteration can raise an ``ApiError``, ``TransportError``,
        ``ProtocolError`` or ``ClientClosedError``.

        Vendor page: Segments, list (``segments/list``).
        """
        return listed(
            self._sender,
            LIST_SEGMENTS,
            from_id=from_id,
            limit=limit,
            tags=tags,
            groups=groups,
            groups_id=groups_id,
        )

    async def get(self, segment_id: int) -> SegmentDetails:
        """Look up a segment: how many profiles it has, and the rules that make it.

        Costs one request, repeated where it fails in passing.

        Args:
            segment_id: The segment.

        Raises:
            ConfigurationError: ``segment_id`` is no id; nothing was sent.
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
        """Read what was last counted, without counting again.

        Only ``subscribed_sendable`` and ``unconfirmed_sendable`` are sent for
        segments; the other counters are ``None``. Costs one request, repeated
        where it fails in passing.

        Args:
            segment_id: The segment.
            resource_id: Resource whose subscribers were counted.
            database_id: Profile database; a dynamic segment needs it. Sent as
                ``list_id``, unless the client has another ``segment_database_name``.

        Returns:
            A report of one group, whose ids are those of the request where
            the answer has none. When the figures were counted is not said.

        Raises:
            ConfigurationError: An id is none; nothing was sent.
            ApiError: The platform refused, for example as there is no such object.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: Segments, "Get statistics on resource" (``segments/get_counters``).
        """
        resource_id = checked_id("resource_id", resource_id)
        if database_id is not None:
            database_id = checked_id("database_id", database_id)
        values = {
            "segment_id": checked_id("segment_id", segment_id),
            "resource_id": resource_id,
            "database_id": database_id,
        }
        groups = await self._sender.send(self._counters, values)
        return last_report(groups, database_id=database_id, resource_id=resource_id)

    async def refresh_counters(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        segment_id: int,
        *,
        resource_id: int,
        database_id: int | None = None,
        join: Join = "client",
        idempotency_key: str | None = None,
        outage_patience: float = 0.0,
    ) -> TaskHandle[CountersReport]:
        """Start recounting the subscribers in a segment.

        The server answers at once and counts in the background. Await the
        returned handle for the figures, or keep its ``ref`` and come back:
        ``subscribed_sendable`` and ``unconfirmed_sendable``, the other
        counters are ``None``. Costs one request; it is repeated only where it
        surely was not acted on.

        Args:
            segment_id: Segment whose profiles are counted.
            resource_id: Resource whose subscribers are counted.
            database_id: Profile database to count in; a dynamic segment needs
                it. Sent as ``db_id``, unless the client has another
                ``segment_database_name``.
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

        Vendor page: Segments, update of statistics (``segments/refresh_counters``).
        """
        target = _target(segment_id, resource_id, database_id)
        return await self._refreshes.start(
            target, join=join, idempotency_key=idempotency_key, outage_patience=outage_patience
        )

    async def refresh(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        segment_id: int,
        *,
        resource_id: int,
        database_id: int | None = None,
        join: Join = "client",
        idempotency_key: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- handed on to `TaskHandle.wait`
        outage_patience: float = 0.0,
    ) -> CountersReport:
        """Recount the subscribers in a segment and wait for the figures.

        `refresh_counters` and `TaskHandle.wait` in one: their arguments, costs
        and errors. Where the wait ends early, the error's ``ref`` is the way
        back to the running task.

        Args:
            segment_id: Segment whose profiles are counted.
            resource_id: Resource whose subscribers are counted.
            database_id: Profile database to count in; a dynamic segment needs
                it. Sent as ``db_id``, unless the client has another
                ``segment_database_name``.
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
        target = _target(segment_id, resource_id, database_id)
        return await self._refreshes.finish(
            target,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
            timeout=timeout,
        )

    def refresh_many(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        targets: Iterable[SegmentTarget] | AsyncIterable[SegmentTarget],
        *,
        in_flight: int = 100,
        timeout: float | None = None,
        join: Join = "client",
        idempotency_key: str | None = None,
        on_start: Callable[[TaskRef], None] | None = None,
        outage_patience: float | None = None,
    ) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
        """Refresh many segments, a bounded number at once.

        Targets are read only as fast as slots get free, so a million of them
        from a generator need no more memory than ``in_flight``. Each comes
        out exactly once, in order of completion; one that is bad or fails is
        a `Failed` of its own and never ends the stream. When you leave early,
        what was started goes on at the platform.

        ```python
        async for outcome in client.segments.refresh_many([(5, 24), (6, 24, 1)]):
            print(outcome.target, outcome.ref)
        ```

        Args:
            targets: ``(segment_id, resource_id)`` or ``(segment_id, resource_id,
                database_id)`` each, from any iterable or async iterable. If
                reading it fails, its error comes after the outcomes of what
                was read.
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


def _target(segment_id: int, resource_id: int, database_id: int | None) -> tuple[int, ...]:
    ids = (segment_id, resource_id)
    return ids if database_id is None else (*ids, database_id)
