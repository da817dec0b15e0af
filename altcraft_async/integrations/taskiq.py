"""Refreshes as jobs of taskiq: many workers, and one that dies costs no refresh.

Needs the extra ``taskiq``. `docs/guides/many-workers.md` shows it at work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Literal, NoReturn

import msgspec
from taskiq import (
    AsyncBroker,
    AsyncTaskiqTask,
    Context,
    InMemoryBroker,
    TaskiqDepends,
    TaskiqEvents,
    TaskiqState,
)
from taskiq.depends.progress_tracker import (  # pyright: ignore[reportMissingTypeStubs]  # a folder without __init__.py
    TaskProgress,
    TaskState,
)
from taskiq.exceptions import NoResultError
from taskiq_redis import RedisStreamBroker

from altcraft_async.client import AltcraftClient
from altcraft_async.errors import (
    AltcraftError,
    ClientClosedError,
    ConfigurationError,
    StartUnknownError,
    WaitTimeoutError,
)
from altcraft_async.integrations._taskiq.outcomes import (
    RefreshError,
    final_error,
    may_pass,
    pause_after,
    result_of,
)
from altcraft_async.integrations._taskiq.queue import RefreshBroker
from altcraft_async.models import CountersReport
from altcraft_async.models.targets import LEAST_IDS, TARGET_IDS
from altcraft_async.models.validation import (
    checked_choice,
    checked_id,
    checked_key,
    checked_kind,
    checked_positive,
    checked_target,
)
from altcraft_async.observer import logger
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.refresh_many import one_by_one

__all__ = ["AltcraftRefreshes", "RefreshBroker", "RefreshError", "RefreshKind"]

RefreshKind = Literal["resource", "database", "segment"]
"""What is counted."""

RefreshTask = AsyncTaskiqTask[dict[str, object]]

_FAILURES = "altcraft_failures"  # label of a message: attempts that have failed


_GIVING_BACK = 5.0
"""Seconds at most for which a worker that stops gives its jobs back; else they count as left."""


class AltcraftRefreshes:
    """Refreshes as jobs of a taskiq broker.

    Make one next to the broker, in the module that both the workers and
    those who enqueue import.

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

    The job's return value is ``{"target": [24, 1], "ref": {…}, "report": {…}}``:
    `TaskRef` and `CountersReport` as plain data, which ``msgspec.convert``
    makes into the classes again. ``ref`` is ``None`` where the ledger could
    only tell that the target was counted since the start. While it runs, its
    progress is ``{"status": …, "progress": …, "ref": {…}}``.

    Do not add a retrying middleware for these jobs: they try again by themselves.
    """

    def __init__(
        self,
        broker: AsyncBroker,
        connect: Callable[[], AbstractAsyncContextManager[AltcraftClient]],
        *,
        wait: float = 60.0,
        attempts: int = 10,
        task_name: str = "altcraft:refresh",
    ) -> None:
        """Register the job; nothing is opened yet.

        Args:
            broker: Any broker that repeats the jobs of dead workers, best a `RefreshBroker`.
            connect: Returns a context with a client that has a ledger, which
                all workers share. It is entered once in each worker, and left
                when the worker is stopped.
            wait: Seconds for which one attempt waits for the figures. If they
                are not there then, the job goes to the end of the queue, so
                that a long refresh holds no worker for long. Has to be well
                below the ``idle_timeout`` of the broker.
            attempts: Times that a job may fail for a reason that may pass, such
                as an unreachable platform, before its error is its result.
            task_name: Of the job, for taskiq.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        checked_kind("broker", broker, AsyncBroker)
        self._wait = checked_positive("wait", wait)
        if isinstance(broker, RedisStreamBroker) and self._wait * 1000 >= broker.idle_timeout:
            msg = "wait: has to be below the idle_timeout of the broker, or each job is done twice"
            raise ConfigurationError(msg)
        self._attempts = checked_id("attempts", attempts)
        self._connect = connect
        self._client: AltcraftClient | None = None
        self._open = AsyncExitStack()
        self._running: set[asyncio.Task[object]] = set()
        self._stopping = asyncio.Event()

        # A function of its own, as taskiq writes to it.
        async def refresh(
            kind: RefreshKind,
            target: list[int],
            context: Context = TaskiqDepends(),  # noqa: B008 -- how taskiq wants it
        ) -> dict[str, object]:
            self._note_attempt()
            return await self._refresh(kind, target, context)

        self._job = broker.register_task(refresh, task_name=task_name)
        # By which taskiq reads results, and warns of each failed one that it is none.
        self._job.return_type = None
        broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, self._startup)
        broker.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, self._shutdown)

    async def enqueue(
        self, target: object, *, kind: RefreshKind = "resource", run: str | None = None
    ) -> RefreshTask:
        """Have a worker refresh one target.

        Args:
            target: A tuple of ids, as ``refresh_many`` of that kind takes it.
            kind: What is counted.
            run: Your own name for this run of refreshes, such as
                ``"nightly-2026-11-25"``. Enqueued again under the same name,
                a target is not started again: the job has the figures of then.

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
        """Have workers refresh many targets; each is read and enqueued as the iteration goes on.

        Args:
            targets: As for `enqueue`, any number of them.
            kind: What is counted.
            run: Your own name for this run. If the program dies on the way,
                run it again under the same name.

        Raises:
            ConfigurationError: A target or an argument is wrong; those before it are enqueued.
            taskiq.exceptions.SendTaskError: The broker cannot be reached.
        """
        async for target in one_by_one(targets):
            yield await self.enqueue(target, kind=kind, run=run)

    async def _startup(self, _: TaskiqState) -> None:
        if self._client is None:
            self._stopping.clear()
            client = await self._open.enter_async_context(self._connect())
            if client.ledger is None:
                await self._open.aclose()
                msg = "connect: the client has no ledger, so every job would fail"
                raise ConfigurationError(msg)
            self._client = client

    async def _shutdown(self, _: TaskiqState) -> None:
        """Close the client, by which running jobs go back to the queue while there is one."""
        self._client = None
        self._stopping.set()
        await self._open.aclose()
        if self._running:
            await asyncio.wait(self._running, timeout=_GIVING_BACK)

    def _note_attempt(self) -> None:
        """Let `_shutdown` know of it, until taskiq is done with the message."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- taskiq runs each job in one
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _refresh(
        self, kind: RefreshKind, target: list[int], context: Context
    ) -> dict[str, object]:
        try:
            return await self._attempt(kind, target, context)
        except (asyncio.CancelledError, ClientClosedError):
            # Which taskiq would make the job's result: who stops a worker gives its jobs back.
            if not isinstance(context.broker, InMemoryBroker):  # where there is no other worker
                await _give_back(context)
            raise

    async def _attempt(
        self, kind: RefreshKind, target: list[int], context: Context
    ) -> dict[str, object]:
        """Make one attempt: be done, fail for good, or go to the end of the queue."""
        handle: TaskHandle[CountersReport] | None = None
        try:
            handle = await self._started(kind, target, key=context.message.task_id)
            report = await self._waited(handle, context)
        except ClientClosedError:
            raise
        except AltcraftError as failed:
            error = failed
        else:
            return result_of(target, handle.ref, report)
        if isinstance(error, StartUnknownError) and error.report is not None:
            return result_of(target, None, error.report)
        labels = context.message.labels
        if not isinstance(error, WaitTimeoutError):
            failures = int(labels.get(_FAILURES, 0)) + 1
            if failures >= self._attempts or not may_pass(error):
                raise final_error(error, handle.ref if handle else None)
            logger.warning("%s: attempt %d failed: %s", context.message.task_id, failures, error)
            labels[_FAILURES] = failures
            with suppress(TimeoutError):
                # No longer than an attempt, which the broker's idle_timeout was chosen for.
                async with asyncio.timeout(min(pause_after(failures), self._wait)):
                    await self._stopping.wait()
        return await _give_back(context)

    async def _started(
        self, kind: RefreshKind, target: list[int], *, key: str
    ) -> TaskHandle[CountersReport]:
        client = self._client
        if client is None and self._stopping.is_set():
            msg = "broker: is being shut down"
            raise ClientClosedError(msg)
        if client is None:
            msg = "broker: was not started as that of a worker, so there is no client"
            raise ConfigurationError(msg)
        first, second, *third = target
        match kind:
            case "resource":
                return await client.resources.refresh_counters(
                    first, database_id=second, idempotency_key=key
                )
            case "database":
                return await client.databases.refresh_counters(
                    first, resource_id=second, idempotency_key=key
                )
            case "segment":
                return await client.segments.refresh_counters(
                    first, resource_id=second, database_id=(*third, None)[0], idempotency_key=key
                )

    async def _waited(self, handle: TaskHandle[CountersReport], context: Context) -> CountersReport:
        showing = asyncio.create_task(_show(handle, context))
        try:
            return await handle.wait(timeout=self._wait)
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)


async def _give_back(context: Context) -> NoReturn:
    """Send the job to the end of the queue, however long that takes.

    Raises:
        NoResultError: It is there, which is how taskiq hears of it. Any other
            error would be the job's result.
    """
    failures = 0
    while True:
        failures += 1
        try:
            await context.requeue()
        except NoResultError:
            raise
        except Exception as error:  # noqa: BLE001 -- each kind of broker has its own
            logger.warning("%s: is not in the queue yet: %s", context.message.task_id, error)
            await asyncio.sleep(pause_after(failures))


async def _show(handle: TaskHandle[CountersReport], context: Context) -> None:
    """Show the progress where taskiq shows it."""
    ref = msgspec.to_builtins(handle.ref)
    async for status in handle.updates():
        said = {"status": status.status, "progress": status.progress, "ref": ref}
        progress = TaskProgress(state=TaskState.STARTED, meta=said)
        await context.broker.result_backend.set_progress(context.message.task_id, progress)
