"""What ``client.resources``, ``.databases`` and ``.segments`` share: lists and refreshes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Iterable
from typing import Generic, TypeVar

from altcraft_async.api.pages import Pages
from altcraft_async.models import Completed, CountersReport, Failed, Feedback, TaskKind, TaskRef
from altcraft_async.models.targets import LEAST_IDS, TARGET_IDS, ids_of
from altcraft_async.models.validation import (
    checked_function,
    checked_id,
    checked_ids,
    checked_key,
    checked_kind,
    checked_limit,
    checked_seconds,
    checked_target,
    checked_words,
)
from altcraft_async.protocol.counter_responses import LastCounters, last_report
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.protocol.paging import Identified, Page, Position
from altcraft_async.starts.registry import Start
from altcraft_async.starts.starter import JoinMode, Starter
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.refresh_many import refresh_many
from altcraft_async.transport.sender import Sender

__all__ = ["Namespace"]

Row = TypeVar("Row", bound=Identified)
Target = TypeVar("Target", bound=tuple[int, ...])


class Namespace(Generic[Target]):
    """One kind of object of the platform; its targets are of type ``Target``."""

    def __init__(
        self, sender: Sender, starter: Starter, refresh: Endpoint[str], kind: TaskKind
    ) -> None:
        """Use the client's parts.

        Args:
            sender: Sends the requests.
            starter: Starts the tasks.
            refresh: The ``refresh_counters`` of this kind.
            kind: Of its tasks.
        """
        self._sender = sender
        self._starter = starter
        self._refresh_endpoint = refresh
        self._kind: TaskKind = kind

    def refresh_many(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        targets: Iterable[Target] | AsyncIterable[Target],
        *,
        in_flight: int = 100,
        timeout: float | None = None,
        join: JoinMode = "client",
        idempotency_key: str | None = None,
        on_start: Callable[[TaskRef], None] | None = None,
        outage_patience: float | None = None,
    ) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
        """Refresh many targets, a bounded number at once.

        Targets are read only as fast as slots get free, so a million of them
        from a generator need no more memory than ``in_flight``. Each comes out
        once, in order of completion. A target that is wrong or fails comes out
        as a `Failed` and does not end the iteration. If you leave early, started
        tasks go on at the platform.

        ```python
        async for outcome in client.resources.refresh_many([(24, 1), (25, 1)]):
            print(outcome.target, outcome.ref)
        ```

        Args:
            targets: From any iterable or async iterable: ``(resource_id, database_id)``
                for resources, ``(database_id, resource_id)`` for databases, and
                ``(segment_id, resource_id)`` or ``(segment_id, resource_id,
                database_id)`` for segments. If reading it fails, its error
                comes after the outcomes of the targets before.
            in_flight: Targets that were read and whose outcome you have not
                taken. The rate of requests is bounded by the poll policy, and
                the client's ``connections`` and ``rate_limit``.
            timeout: Seconds that each target may take once it has started.
            join: Whether to join running refreshes of this client.
            idempotency_key: Your own name for this run, for a client with a
                ledger. Run again with the same name after a crash, it returns
                the tasks that were started instead of starting them twice.
            on_start: Called with the ref of each task that was started, so that a
                caller that leaves early can come back to it. An exception from
                it ends the iteration.
            outage_patience: Seconds for which the run waits while the platform
                does not answer; ``None`` for the client's. What was not started
                by then fails with a `PlatformUnavailableError`.

        Raises:
            ConfigurationError: An argument is wrong; raised by the call, not the iteration.
        """
        self._starter.check(join, checked_key("idempotency_key", idempotency_key))
        checked_function("on_start", on_start)
        patience = self._starter.patience(outage_patience)

        async def start(target: object) -> TaskHandle[CountersReport]:
            return await self._start(
                target, join=join, idempotency_key=idempotency_key, outage_patience=patience
            )

        return refresh_many(targets, start, in_flight=in_flight, timeout=timeout, on_start=on_start)

    async def _last_report(
        self, endpoint: Endpoint[LastCounters], target: tuple[int, ...]
    ) -> CountersReport:
        checked = self._checked(target)
        counters = await self._sender.send(endpoint, ids_of(self._kind, checked))
        return last_report(counters, self._kind, checked)

    async def _start(  # noqa: PLR0913 -- as `_finish`
        self,
        target: object,
        *,
        join: JoinMode,
        idempotency_key: str | None,
        outage_patience: float,
        feedback: Feedback | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- only for the starts of other processes
    ) -> TaskHandle[CountersReport]:
        checked = self._checked(target)
        if feedback is not None:
            checked_kind("feedback", feedback, Feedback)
        start = Start(
            endpoint=self._refresh_endpoint,
            kind=self._kind,
            target=checked,
            values={**ids_of(self._kind, checked), "feedback": feedback},
            feedback=feedback,
            idempotency_key=checked_key("idempotency_key", idempotency_key),
            outage_patience=checked_seconds("outage_patience", outage_patience),
            timeout=timeout,
        )
        return await self._starter.start(start, join=join)

    async def _finish(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        target: object,
        *,
        join: JoinMode,
        idempotency_key: str | None,
        outage_patience: float,
        timeout: float | None,  # noqa: ASYNC109 -- handed on to `TaskHandle.wait`
        feedback: Feedback | None = None,
    ) -> CountersReport:
        timeout = checked_limit("timeout", timeout)  # before anything is started
        handle = await self._start(
            target,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
            feedback=feedback,
            timeout=timeout,
        )
        return await handle.wait(timeout=timeout)

    def _checked(self, target: object) -> tuple[int, ...]:
        return checked_target(target, *TARGET_IDS[self._kind], least=LEAST_IDS)

    def _pages(  # noqa: PLR0913 -- one argument per parameter of the vendor's, all but one by name
        self,
        endpoint: Endpoint[Page[Row]],
        *,
        from_id: int,
        limit: int,
        groups: Collection[str] | None,
        groups_id: Collection[int] | None,
        tags: Collection[str] | None = None,
    ) -> Pages[Row]:
        position = Position(
            from_id=checked_id("from_id", from_id), limit=checked_id("limit", limit)
        )
        filters = {
            "tags": None if tags is None else checked_words("tags", tags),
            "groups": None if groups is None else checked_words("groups", groups),
            "groups_id": None if groups_id is None else checked_ids("groups_id", groups_id),
        }
        return Pages(self._sender, endpoint, position, filters)
