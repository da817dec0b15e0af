"""What the refreshes of every namespace share: a checked target becomes a start."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable

from altcraft_async.models import Completed, CountersReport, Failed, Feedback, TaskKind, TaskRef
from altcraft_async.models.targets import LEAST_IDS, TARGET_IDS, ids_of
from altcraft_async.models.validation import (
    checked_function,
    checked_key,
    checked_kind,
    checked_limit,
    checked_seconds,
    checked_target,
)
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.starts.registry import Start
from altcraft_async.starts.starter import Join, Starter
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.refresh_many import refresh_many

__all__ = ["Refreshes"]


class Refreshes:
    """Starts the recounts of one kind of object."""

    def __init__(self, starter: Starter, endpoint: Endpoint[str], kind: TaskKind) -> None:
        """Remember what to start and how.

        Args:
            starter: The client's.
            endpoint: The ``refresh_counters`` to call.
            kind: What it counts.
        """
        self._starter = starter
        self._endpoint = endpoint
        self._kind: TaskKind = kind

    async def start(
        self,
        target: object,
        *,
        join: Join,
        idempotency_key: str | None,
        outage_patience: float,
        feedback: Feedback | None = None,
    ) -> TaskHandle[CountersReport]:
        """Start one, or join one that runs.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            AltcraftError: The start failed.
        """
        checked = checked_target(target, *TARGET_IDS[self._kind], least=LEAST_IDS)
        if feedback is not None:
            checked_kind("feedback", feedback, Feedback)
        start = Start(
            endpoint=self._endpoint,
            kind=self._kind,
            target=checked,
            values={**ids_of(self._kind, checked), "feedback": feedback},
            feedback=feedback,
            idempotency_key=checked_key("idempotency_key", idempotency_key),
            outage_patience=checked_seconds("outage_patience", outage_patience),
        )
        return await self._starter.start(start, join=join)

    async def finish(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        target: object,
        *,
        join: Join,
        idempotency_key: str | None,
        outage_patience: float,
        timeout: float | None,  # noqa: ASYNC109 -- handed on to `TaskHandle.wait`
        feedback: Feedback | None = None,
    ) -> CountersReport:
        """Start one and wait for its figures.

        Raises:
            AltcraftError: The start or the wait failed.
        """
        checked_limit("timeout", timeout)  # before anything is started
        handle = await self.start(
            target,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
            feedback=feedback,
        )
        return await handle.wait(timeout=timeout)

    def many(  # noqa: PLR0913 -- one argument per choice, all but one by name
        self,
        targets: Iterable[object] | AsyncIterable[object],
        *,
        in_flight: int,
        timeout: float | None,
        join: Join,
        idempotency_key: str | None,
        outage_patience: float | None,
        on_start: Callable[[TaskRef], None] | None,
    ) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
        """Start many, a bounded number at once.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        self._starter.check(join, checked_key("idempotency_key", idempotency_key))
        checked_function("on_start", on_start)
        patience = self._starter.patience(outage_patience)

        async def start(target: object) -> TaskHandle[CountersReport]:
            return await self.start(
                target, join=join, idempotency_key=idempotency_key, outage_patience=patience
            )

        return refresh_many(targets, start, in_flight=in_flight, timeout=timeout, on_start=on_start)
