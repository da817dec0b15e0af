"""`AltcraftRefreshOperator`: starts a refresh, defers the wait, and returns the counters."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex, cast

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
from altcraft_async.integrations._starts import RefreshKind, start_refresh
from altcraft_async.integrations.airflow.events import ErrorData, Figures, dump_report, load_error
from altcraft_async.integrations.airflow.hook import AltcraftHook
from altcraft_async.integrations.airflow.ledger import TaskStateLedger
from altcraft_async.integrations.airflow.trigger import AltcraftRefreshTrigger
from altcraft_async.models import CountersReport, TaskRef
from altcraft_async.models.targets import TARGET_IDS
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

Handle = TaskHandle[CountersReport]

# Errors that a retry would only meet again; the last one needs a person to check the platform.
_PERMANENT = (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    StartUnknownError,
)


class AltcraftRefreshOperator(BaseOperator):
    """Refreshes the counters of a resource, a database or a segment.

    The worker starts the refresh and is free again; the triggerer waits. The task returns
    `Figures`, which is plain data. A retry waits for the refresh of the previous try, and
    starts another one only if that has failed. If it is unknown whether a refresh was
    started, the task fails without further retries, and its error says what to do.
    Clearing the task starts a new refresh.
    """

    template_fields = ("resource_id", "database_id", "segment_id", "altcraft_conn_id")

    def __init__(  # noqa: PLR0913 -- one argument per choice, all by name
        self,
        *,
        resource_id: int | str,
        database_id: int | str | None = None,
        segment_id: int | str | None = None,
        counted: RefreshKind = "resource",
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
            database_id: Profile database to count in; optional for a static segment only.
            segment_id: Segment to count in, with ``counted="segment"``.
            counted: Whose ``refresh_counters`` of the platform is called.
            altcraft_conn_id: Connection of the type ``altcraft``.
            timeout: Seconds to wait in each try, once the refresh has started.
            stall: Seconds without progress after which the wait ends.
            deferrable: Whether the triggerer waits; otherwise the worker does.
            reconcile_starts: Whether to ask the platform about a start whose answer
                was lost; see ``AltcraftClient``.
            ledger: Returns a ledger that other tasks use as well; it is closed after
                use. The default is Airflow's task state, which the tries of this task
                share.
            kwargs: Arguments of every operator.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        super().__init__(**kwargs)  # pyright: ignore[reportUnknownMemberType]  # Airflow's
        checked_choice("counted", counted, *TARGET_IDS)
        checked_function("ledger", ledger)
        self.resource_id = resource_id
        self.database_id = database_id
        self.segment_id = segment_id
        self.counted: RefreshKind = counted
        self.altcraft_conn_id = altcraft_conn_id
        self.timeout = checked_limit("timeout", timeout)
        self.stall = checked_limit("stall", stall)
        self.deferrable = deferrable
        self.reconcile_starts = reconcile_starts
        self.ledger = ledger

    def execute(self, context: Context) -> Figures:
        """Start the refresh, then wait or defer the wait."""
        make_ledger = self.ledger or partial(_task_state, context)
        ti = context["ti"]  # pyright: ignore[reportTypedDictNotRequiredAccess]  # a running task has it
        with _no_retry_of_permanent_errors():
            started = asyncio.run(self._begin(make_ledger, ti))
        if isinstance(started, TaskRef):
            self._defer_wait(started)
        return started

    def resume(self, context: Context, event: Figures | ErrorData) -> Figures:  # noqa: ARG002 -- Airflow's signature
        """Return the counters from the trigger, or raise its error."""
        if "groups" in event:
            return event
        with _no_retry_of_permanent_errors():
            raise load_error(event)

    async def _begin(
        self, make_ledger: Callable[[], TaskLedger], ti: RuntimeTaskInstanceProtocol
    ) -> TaskRef | Figures:
        hook = AltcraftHook(self.altcraft_conn_id)
        async with (
            make_ledger() as ledger,
            await hook.aget_conn(ledger=ledger, reconcile_starts=self.reconcile_starts) as client,
        ):
            handle = await self._start(client, _idempotency_key(ti))
            if ti.try_number > 1 and await _has_failed(handle):
                handle = await self._start(client, None)
            ref = handle.ref
            self.log.info("task %s refreshes %s %s", ref.task_id, ref.kind, ref.target)
            if self.deferrable:
                return ref
            return dump_report(ref, await handle.wait(timeout=self.timeout, stall=self.stall))

    async def _start(self, client: AltcraftClient, key: str | None) -> Handle:
        names = TARGET_IDS[self.counted]
        if self.counted == "segment" and self.database_id is None:
            names = names[:-1]
        ids = [_rendered(name, getattr(self, name)) for name in names]
        return await start_refresh(client, self.counted, ids, idempotency_key=key)

    def _defer_wait(self, ref: TaskRef) -> NoReturn:
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
        msg = "ledger: there is no task state here; pass your own ledger"
        raise ConfigurationError(msg)
    return TaskStateLedger(context["task_state_store"])


def _idempotency_key(ti: RuntimeTaskInstanceProtocol) -> str:
    """Return a key that the tries of a task share, but not another run or a cleared task."""
    # Airflow raises max_tries when a task is cleared.
    names = ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.max_tries
    return hashlib.sha256(repr(names).encode()).hexdigest()


async def _has_failed(handle: Handle) -> bool:
    """Poll once; return whether the task has failed."""
    with suppress(AltcraftError):
        await handle.poll()
    return handle.done() and handle.exception() is not None


def _rendered(name: str, value: int | str | None) -> int:
    """Return an id; a rendered template is a string."""
    if isinstance(value, str) and value.strip().isdecimal():
        return checked_id(name, int(value))
    return checked_id(name, cast("SupportsIndex", value))  # refuses anything else


@contextmanager
def _no_retry_of_permanent_errors() -> Generator[None, None, None]:
    try:
        yield
    except _PERMANENT as error:
        msg = f"{type(error).__name__}: {error}"
        raise AirflowFailException(msg) from error
