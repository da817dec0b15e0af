"""`AltcraftRefreshOperator`: start a refresh, give the worker back, and hand on the figures."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn, SupportsIndex, cast

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from altcraft_async.client import AltcraftClient
from altcraft_async.errors import (
    AltcraftError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    StartUnknownError,
)
from altcraft_async.integrations.airflow.events import Figures, Trouble, error_of, figures_of
from altcraft_async.integrations.airflow.hook import AltcraftHook
from altcraft_async.integrations.airflow.ledger import TaskStateLedger
from altcraft_async.integrations.airflow.trigger import AltcraftRefreshTrigger
from altcraft_async.models import CountersReport, TaskRef
from altcraft_async.models.validation import (
    checked_choice,
    checked_function,
    checked_id,
    checked_limit,
)
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.tasks.handle import TaskHandle

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

__all__ = ["AltcraftRefreshOperator"]

Counted = Literal["resource", "database", "segment"]
Handle = TaskHandle[CountersReport]

# What another try would only run into again; the last of them needs a poll by a person.
_FUTILE = (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    StartUnknownError,
)


class AltcraftRefreshOperator(BaseOperator):
    """Recounts the subscribers of a resource, a database or a segment.

    The worker starts the refresh and is free again; the triggerer waits. What
    the task returns is `Figures`, plain data. A retry goes on with the refresh
    of the try before, and starts another one only where that has failed. Where
    nobody knows whether there is one, the task fails for good and says what to
    do. Clearing the task refreshes anew.
    """

    template_fields = ("resource_id", "database_id", "segment_id", "altcraft_conn_id")

    def __init__(  # noqa: PLR0913 -- one argument per choice, all by name
        self,
        *,
        resource_id: int | str,
        database_id: int | str | None = None,
        segment_id: int | str | None = None,
        counted: Counted = "resource",
        altcraft_conn_id: str = AltcraftHook.default_conn_name,
        timeout: float | None = None,
        stall: float | None = None,
        deferrable: bool = True,
        reconcile_starts: bool = False,
        ledger: Callable[[], TaskLedger] | None = None,
        **kwargs: Any,  # noqa: ANN401 -- as Airflow has them
    ) -> None:
        """Describe the refresh.

        Args:
            resource_id: Resource whose subscribers are counted; a number or a template.
            database_id: Profile database to count in; only a static segment needs none.
            segment_id: Segment to count in, with ``counted="segment"``.
            counted: Whose ``refresh_counters`` of the platform to call.
            altcraft_conn_id: Connection of the type ``altcraft``.
            timeout: Seconds to wait in each try, from when the refresh has started.
            stall: Seconds after which a refresh that does not move is given up.
            deferrable: Whether the triggerer waits; otherwise the worker does.
            reconcile_starts: Whether to ask the platform what became of a start
                whose answer was lost; see ``AltcraftClient``.
            ledger: Returns a ledger that other tasks use as well, and that is
                closed after use. ``None`` is Airflow's task state, which the
                tries of this task share.
            kwargs: Of every operator.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        super().__init__(**kwargs)  # pyright: ignore[reportUnknownMemberType]  # Airflow's
        checked_choice("counted", counted, "resource", "database", "segment")
        checked_function("ledger", ledger)
        self.resource_id = resource_id
        self.database_id = database_id
        self.segment_id = segment_id
        self.counted = counted
        self.altcraft_conn_id = altcraft_conn_id
        self.timeout = checked_limit("timeout", timeout)
        self.stall = checked_limit("stall", stall)
        self.deferrable = deferrable
        self.reconcile_starts = reconcile_starts
        self.ledger = ledger

    def execute(self, context: Context) -> Figures:
        """Start the refresh, then wait for it or defer the wait."""
        make_ledger = self.ledger or partial(_task_state, context)
        ti = context["ti"]  # pyright: ignore[reportTypedDictNotRequiredAccess]  # a task that runs has it
        with _without_futile_retries():
            begun = asyncio.run(self._begin(make_ledger, ti))
        if isinstance(begun, TaskRef):
            self._wait_elsewhere(begun)
        return begun

    def resume(self, context: Context, event: Figures | Trouble) -> Figures:  # noqa: ARG002 -- so it is called
        """Return the figures that the trigger has waited for, or raise what ended its wait."""
        if "groups" in event:
            return event
        with _without_futile_retries():
            raise error_of(event)

    async def _begin(
        self, make_ledger: Callable[[], TaskLedger], ti: RuntimeTaskInstanceProtocol
    ) -> TaskRef | Figures:
        hook = AltcraftHook(self.altcraft_conn_id)
        async with (
            make_ledger() as ledger,
            await hook.aget_conn(ledger=ledger, reconcile_starts=self.reconcile_starts) as client,
        ):
            handle = await self._start(client, _named(ti))
            if ti.try_number > 1 and await _has_failed(handle):
                handle = await self._start(client, None)
            ref = handle.ref
            self.log.info("%s %s is counted by task %s", ref.kind, ref.target, ref.task_id)
            if self.deferrable:
                return ref
            return figures_of(ref, await handle.wait(timeout=self.timeout, stall=self.stall))

    async def _start(self, client: AltcraftClient, key: str | None) -> Handle:
        resource_id = _rendered("resource_id", self.resource_id)
        if self.counted == "segment":
            segment_id = _rendered("segment_id", self.segment_id)
            within = self.database_id
            return await client.segments.refresh_counters(
                segment_id,
                resource_id=resource_id,
                database_id=None if within is None else _rendered("database_id", within),
                idempotency_key=key,
            )
        database_id = _rendered("database_id", self.database_id)
        if self.counted == "database":
            return await client.databases.refresh_counters(
                database_id, resource_id=resource_id, idempotency_key=key
            )
        return await client.resources.refresh_counters(
            resource_id, database_id=database_id, idempotency_key=key
        )

    def _wait_elsewhere(self, ref: TaskRef) -> NoReturn:
        deadline = None
        if self.timeout is not None:
            deadline = (datetime.now(UTC) + timedelta(seconds=self.timeout)).isoformat()
        trigger = AltcraftRefreshTrigger(
            ref=ref.to_json(),
            altcraft_conn_id=self.altcraft_conn_id,
            deadline=deadline,
            stall=self.stall,
        )
        self.defer(trigger=trigger, method_name="resume", timeout=self.execution_timeout)


def _task_state(context: Context) -> TaskLedger:
    if "task_state_store" not in context:
        msg = "ledger: there is no task state here; pass a ledger of your own"
        raise ConfigurationError(msg)
    return TaskStateLedger(context["task_state_store"])


def _named(ti: RuntimeTaskInstanceProtocol) -> str:
    """Name the refresh of a task: its tries share it, another run or a clearing does not."""
    # Airflow raises max_tries when a task is cleared, and then figures of before are not wanted.
    names = ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.max_tries
    return hashlib.sha256(repr(names).encode()).hexdigest()


async def _has_failed(handle: Handle) -> bool:
    """Poll whether a task is over without figures."""
    with suppress(AltcraftError):
        await handle.poll()
    return handle.done() and handle.exception() is not None


def _rendered(name: str, value: int | str | None) -> int:
    """Return an id; a template makes a text of it."""
    if isinstance(value, str) and value.strip().isdecimal():
        return checked_id(name, int(value))
    return checked_id(name, cast("SupportsIndex", value))  # refuses whatever else comes


@contextmanager
def _without_futile_retries() -> Generator[None, None, None]:
    try:
        yield
    except _FUTILE as error:
        msg = f"{type(error).__name__}: {error}"
        raise AirflowFailException(msg) from error
