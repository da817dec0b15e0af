"""Refreshes as taskiq jobs, on many workers; a worker that dies loses no refresh.

Each job is one refresh. An attempt starts the task, or finds it in the ledger by the job's
id, and waits for it. If the wait is too long, the job goes to the end of the queue; its
next attempt, on any worker, waits for the same task. A worker that is stopped puts its
jobs back.

Needs the extra ``taskiq``. `docs/guides/many-workers.md` shows a whole program.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import NoReturn

from altcraft_async.client import AltcraftClient
from altcraft_async.errors import (
    AltcraftError,
    ClientClosedError,
    ConfigurationError,
    PlatformUnavailableError,
    StartUnknownError,
    WaitTimeoutError,
)
from altcraft_async.integrations._starts import RefreshKind, start_refresh
from altcraft_async.models import CountersReport
from altcraft_async.models.extras import extra
from altcraft_async.models.targets import LEAST_IDS, TARGET_IDS
from altcraft_async.models.validation import (
    checked_choice,
    checked_id,
    checked_key,
    checked_kind,
    checked_positive,
    checked_seconds,
    checked_target,
)
from altcraft_async.observer import logger
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.refresh_many import one_by_one

with extra("taskiq", "taskiq", "taskiq_redis", "redis"):
    from taskiq import (
        AsyncBroker,
        AsyncTaskiqTask,
        Context,
        InMemoryBroker,
        TaskiqDepends,
        TaskiqEvents,
        TaskiqState,
    )
    from taskiq.exceptions import NoResultError
    from taskiq_redis import RedisStreamBroker

    from altcraft_async.integrations._taskiq.attempts import outage_of, publish_progress
    from altcraft_async.integrations._taskiq.outcomes import (
        RefreshError,
        delay_after,
        final_error,
        may_pass,
        result_of,
    )
    from altcraft_async.integrations._taskiq.queue import RefreshBroker

__all__ = ["AltcraftRefreshes", "RefreshBroker", "RefreshError", "RefreshKind"]

RefreshTask = AsyncTaskiqTask[dict[str, object]]

_FAILURES = "altcraft_failures"  # label of a message that counts its failed attempts

_REQUEUE_TIMEOUT = 5.0
"""Seconds for a stopping worker to put its jobs back; the rest wait for the idle timeout."""


class AltcraftRefreshes:
    """Refreshes as jobs of a taskiq broker.

    Create it next to the broker, in the module that both the workers and the enqueuing
    programs import.

    ```python
    from contextlib import asynccontextmanager
    from altcraft_async import AltcraftClient
    from altcraft_async.integrations.redis import RedisLedger
    from altcraft_async.integrations.taskiq import AltcraftRefreshes, RefreshBroker

    REDIS = "redis://localhost:6379"

    @asynccontextmanager
    async def connect():
        async with RedisLedger(REDIS) as ledger, AltcraftClient.from_env(ledger=ledger) as client:
            yield client

    broker = RefreshBroker(REDIS)
    refreshes = AltcraftRefreshes(broker, connect)
    ```

    A job returns ``{"target": [24, 1], "ref": {…}, "report": {…}}``: `TaskRef` and
    `CountersReport` as plain data, from which ``msgspec.convert`` rebuilds the classes.
    ``ref`` is ``None`` if the ledger only knows that the target was refreshed since the
    start. The progress of a running job is ``{"status": …, "progress": …, "ref": {…}}``.

    Do not add a retrying middleware for these jobs: they retry by themselves.
    """

    def __init__(  # noqa: PLR0913 -- options of a worker, all but two by name
        self,
        broker: AsyncBroker,
        connect: Callable[[], AbstractAsyncContextManager[AltcraftClient]],
        *,
        wait: float = 60.0,
        attempts: int = 10,
        outage_patience: float = 600.0,
        task_name: str = "altcraft:refresh",
    ) -> None:
        """Register the job; nothing is opened yet.

        Args:
            broker: Any broker that repeats the jobs of dead workers, best a `RefreshBroker`.
            connect: Returns a context with a client whose ledger all workers share.
                Each worker enters it once, and leaves it when the worker stops.
            wait: Seconds for which one attempt waits for the counters. Then the job
                goes to the end of the queue, so that a long refresh does not occupy a
                worker. Has to be well below the ``idle_timeout`` of the broker.
            attempts: Attempts that may fail for a temporary reason, such as an
                unreachable platform, before the job fails.
            outage_patience: Seconds without an answer of the platform for which jobs
                are put back into the queue. Then they fail; an outage uses up no attempt.
            task_name: The job's name in taskiq.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        checked_kind("broker", broker, AsyncBroker)
        self._wait = checked_positive("wait", wait)
        if isinstance(broker, RedisStreamBroker) and self._wait * 1000 >= broker.idle_timeout:
            msg = "wait: has to be below the idle_timeout of the broker, or each job is done twice"
            raise ConfigurationError(msg)
        self._attempts = checked_id("attempts", attempts)
        self._outage_patience = checked_seconds("outage_patience", outage_patience)
        self._connect = connect
        self._client: AltcraftClient | None = None
        self._opened = AsyncExitStack()
        self._running: set[asyncio.Task[object]] = set()
        self._stopping = asyncio.Event()

        # A function, because taskiq sets attributes on it.
        async def refresh(
            kind: RefreshKind,
            target: list[int],
            context: Context = TaskiqDepends(),  # noqa: B008 -- how taskiq injects it
        ) -> dict[str, object]:
            self._track_attempt()
            return await self._refresh(kind, target, context)

        self._job = broker.register_task(refresh, task_name=task_name)
        # With the annotated type, taskiq warns that the result of a failed job does not match it.
        self._job.return_type = None
        broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, self._startup)
        broker.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, self._shutdown)

    async def enqueue(
        self, target: object, *, kind: RefreshKind = "resource", run: str | None = None
    ) -> RefreshTask:
        """Enqueue the refresh of one target.

        Args:
            target: A tuple of ids, as ``refresh_many`` of that kind takes it.
            kind: Whose ``refresh_counters`` is called.
            run: Your own name for this run of refreshes, such as
                ``"nightly-2026-11-25"``. A target that is enqueued again under the same
                name is not started again: the job returns the same counters.

        Returns:
            taskiq's handle: ``await task.wait_result()``, ``await task.get_progress()``.

        Raises:
            ConfigurationError: An argument is wrong; nothing was enqueued.
            taskiq.exceptions.SendTaskError: The broker cannot be reached.
        """
        checked_choice("kind", kind, *TARGET_IDS)
        ids = checked_target(target, *TARGET_IDS[kind], least=LEAST_IDS)
        task_id = None
        if checked_key("run", run):
            task_id = checked_key("run", ":".join((str(run), kind, *map(str, ids))))
        return await self._job.kicker().with_task_id(task_id).kiq(kind, list(ids))

    async def enqueue_many(
        self,
        targets: Iterable[object] | AsyncIterable[object],
        *,
        kind: RefreshKind = "resource",
        run: str | None = None,
    ) -> AsyncGenerator[RefreshTask, None]:
        """Enqueue the refreshes of many targets; each is read as the iteration reaches it.

        Args:
            targets: As for `enqueue`, any number of them.
            kind: Whose ``refresh_counters`` is called.
            run: Your own name for this run. If the program dies, run it again under
                the same name.

        Raises:
            ConfigurationError: A target or an argument is wrong; earlier targets are enqueued.
            taskiq.exceptions.SendTaskError: The broker cannot be reached.
        """
        async for target in one_by_one(targets):
            yield await self.enqueue(target, kind=kind, run=run)

    async def _startup(self, _: TaskiqState) -> None:
        if self._client is None:
            self._stopping.clear()
            client = await self._opened.enter_async_context(self._connect())
            if client.ledger is None:
                await self._opened.aclose()
                msg = "connect: the client has no ledger, so every job would fail"
                raise ConfigurationError(msg)
            self._client = client

    async def _shutdown(self, _: TaskiqState) -> None:
        """Close the client; running jobs then go back to the queue."""
        self._client = None
        self._stopping.set()
        await self._opened.aclose()
        if self._running:
            await asyncio.wait(self._running, timeout=_REQUEUE_TIMEOUT)

    def _track_attempt(self) -> None:
        """Let `_shutdown` wait for the attempt until taskiq has finished with its message."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- taskiq runs each job in a task
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _refresh(
        self, kind: RefreshKind, target: list[int], context: Context
    ) -> dict[str, object]:
        try:
            return await self._attempt(kind, target, context)
        except (asyncio.CancelledError, ClientClosedError):
            # The worker stops. taskiq would store the error as the job's result.
            if not isinstance(context.broker, InMemoryBroker):  # which has no other worker
                await _requeue(context)
            raise

    async def _attempt(
        self, kind: RefreshKind, target: list[int], context: Context
    ) -> dict[str, object]:
        """Make one attempt: return, fail for good, or go to the end of the queue."""
        handle: TaskHandle[CountersReport] | None = None
        client = self._running_client()
        try:
            key = context.message.task_id
            handle = await start_refresh(client, kind, target, idempotency_key=key)
            report = await self._report(handle, context)
        except ClientClosedError:
            raise
        except AltcraftError as failed:
            error = failed
        else:
            return result_of(target, handle.ref, report)
        # Outside the block, because taskiq stores the context of an error with it.
        if isinstance(error, StartUnknownError) and error.report is not None:
            return result_of(target, None, error.report)
        cause = error.__cause__ if isinstance(error, StartUnknownError) else None
        if isinstance(cause, AltcraftError) and may_pass(cause):
            error = cause  # the platform could not be asked; the next attempt may know
        if isinstance(error, WaitTimeoutError) and handle and client.outage:
            error = await outage_of(handle) or error
        if not isinstance(error, WaitTimeoutError):
            await self._delay_after(error, handle, context)
        return await _requeue(context)

    def _running_client(self) -> AltcraftClient:
        if self._client is not None:
            return self._client
        if self._stopping.is_set():
            msg = "broker: is being shut down"
            raise ClientClosedError(msg)
        msg = "broker: was not started as a worker's, so there is no client"
        raise ConfigurationError(msg)

    async def _report(self, handle: TaskHandle[CountersReport], context: Context) -> CountersReport:
        progress = asyncio.create_task(publish_progress(handle, context))
        try:
            return await handle.wait(timeout=self._wait)
        finally:
            progress.cancel()
            await asyncio.gather(progress, return_exceptions=True)

    async def _delay_after(
        self, error: AltcraftError, handle: TaskHandle[CountersReport] | None, context: Context
    ) -> None:
        """Count a failed attempt, and delay the next one.

        Raises:
            RefreshError: There is no next one.
        """
        if isinstance(error, PlatformUnavailableError):  # nothing was sent, so nothing failed
            seconds = (datetime.now(UTC) - error.since).total_seconds()
            if seconds >= self._outage_patience:
                raise final_error(error, handle.ref if handle else None)
            await self._sleep(error.retry_after or delay_after(1))
            return
        labels = context.message.labels
        failures = int(labels.get(_FAILURES, 0)) + 1
        if failures >= self._attempts or not may_pass(error):
            raise final_error(error, handle.ref if handle else None)
        logger.warning("%s: attempt %d failed: %s", context.message.task_id, failures, error)
        labels[_FAILURES] = failures
        await self._sleep(delay_after(failures))

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            # At most an attempt's time, to which the broker's idle_timeout is adapted.
            async with asyncio.timeout(min(seconds, self._wait)):
                await self._stopping.wait()


async def _requeue(context: Context) -> NoReturn:
    """Send the job to the end of the queue, however long that takes.

    Raises:
        NoResultError: It is in the queue. taskiq stores any other error as the result.
    """
    failures = 0
    while True:
        failures += 1
        try:
            await context.requeue()
        except NoResultError:
            raise
        except Exception as error:  # noqa: BLE001 -- each broker has its own errors
            logger.warning("%s: cannot be requeued yet: %s", context.message.task_id, error)
            await asyncio.sleep(delay_after(failures))
