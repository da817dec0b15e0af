"""Refreshes as taskiq jobs, with a worker in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple, Unpack, cast

import msgspec
import pytest
from taskiq import AsyncTaskiqTask, BrokerMessage, InMemoryBroker, TaskiqResult

from altcraft_async import (
    AltcraftClient,
    ClientClosedError,
    ConfigurationError,
    Constant,
    CountersReport,
    LedgerEntry,
    LedgerError,
    Retry,
    TaskRef,
)
from altcraft_async.client import ClientOptions
from altcraft_async.integrations.taskiq import AltcraftRefreshes, RefreshBroker, RefreshError
from altcraft_async.simulator import Fault, Simulator
from tests.support.ledgers import MemoryLedger
from tests.support.polling_until import until

pytestmark = pytest.mark.looptime

START = "resources/refresh_counters"


class Worker(NamedTuple):
    """A worker in memory, its ledger, and a platform."""

    server: Simulator
    ledger: MemoryLedger
    refreshes: AltcraftRefreshes

    async def result(
        self,
        target: object = (24, 1),
        **options: Any,  # noqa: ANN401 -- as `enqueue`
    ) -> TaskiqResult[dict[str, object]]:
        """Enqueue a target and wait for the job's result."""
        return await result_of(await self.refreshes.enqueue(target, **options))

    async def has_sent_a_start(self) -> bool:
        """Return whether a start has arrived."""
        return self.server.count(START) > 0


async def result_of(task: AsyncTaskiqTask[dict[str, object]]) -> TaskiqResult[dict[str, object]]:
    """Wait for the end of a job."""
    return await task.wait_result(check_interval=0.01, timeout=20)


@asynccontextmanager
async def worker(  # noqa: PLR0913 -- options of one worker
    *,
    duration: float = 0.2,
    wait: float = 5.0,
    attempts: int = 10,
    store: MemoryLedger | None = None,
    shows_running: bool = False,
    broker: InMemoryBroker | None = None,
    patience: float = 600.0,
    **options: Unpack[ClientOptions],
) -> AsyncGenerator[Worker, None]:
    """Run a worker in memory."""
    ledger = MemoryLedger() if store is None else store
    chosen: ClientOptions = {"poll": Constant(0.05), "ledger": ledger, **options}

    async with Simulator(duration=duration, shows_running=shows_running) as server:

        @asynccontextmanager
        async def connect() -> AsyncGenerator[AltcraftClient, None]:
            async with AltcraftClient(server.url, server.token, **chosen) as client:
                yield client

        queue = InMemoryBroker() if broker is None else broker
        refreshes = AltcraftRefreshes(
            queue, connect, wait=wait, attempts=attempts, outage_patience=patience
        )
        await queue.startup()
        try:
            yield Worker(server, ledger, refreshes)
        finally:
            await queue.wait_all()
            await queue.shutdown()


def item(result: TaskiqResult[dict[str, object]], name: str) -> object:
    """Return one item of a job's return value."""
    result.raise_for_error()
    return result.return_value[name]


async def test_job_returns_plain_data_that_converts_back() -> None:
    async with worker() as here:
        result = await here.result((24, 1))
        assert item(result, "target") == [24, 1]
        ref = msgspec.convert(item(result, "ref"), TaskRef)
        report = msgspec.convert(item(result, "report"), CountersReport)
        assert ref.target == (24, 1)
        assert report["email"].subscribed is not None
        (entry,) = here.ledger.stored.values()
        assert entry.ref == ref


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("resource", (24, 1)),
        ("database", (1, 24)),
        ("segment", (7, 24)),
        ("segment", (6, 24, 1)),
    ],
)
async def test_targets_of_each_kind_are_refreshed(kind: Any, target: tuple[int, ...]) -> None:  # noqa: ANN401 -- one of the literals
    async with worker() as here:
        assert item(await here.result(target, kind=kind), "target") == list(target)
        assert here.server.starts == {(kind, target): 1}


async def test_long_refresh_takes_several_attempts_and_one_start() -> None:
    async with worker(duration=1.0, wait=0.2) as here:
        assert item(await here.result(), "report")
        assert here.server.starts == {("resource", (24, 1)): 1}


class FailingBroker(InMemoryBroker):
    """A broker that fails to requeue a job twice."""

    tries = 0

    async def kick(self, message: BrokerMessage) -> None:
        """Fail at the second and third call."""
        self.tries += 1
        if self.tries in (2, 3):
            msg = "the queue cannot be reached"
            raise OSError(msg)
        await super().kick(message)


async def test_failing_requeue_is_retried() -> None:
    async with worker(duration=1.0, wait=0.2, broker=FailingBroker()) as here:
        assert item(await here.result(), "report")
        assert here.server.starts == {("resource", (24, 1)): 1}


async def test_progress_has_status_progress_and_ref() -> None:
    async with worker(duration=1.0) as here:
        task = await here.refreshes.enqueue((24, 1))
        progress = await until(task.get_progress)
        meta = cast("Mapping[str, object]", progress.meta)
        assert meta["status"] in ("running", "completed")
        assert msgspec.convert(meta["ref"], TaskRef).target == (24, 1)


async def test_same_run_starts_once_and_other_runs_start_anew() -> None:
    async with worker() as here:
        first = await here.result(run="night")
        again = await here.result(run="night")
        assert item(first, "ref") == item(again, "ref")
        await here.result(run="next night")
        await here.result()
        assert here.server.starts == {("resource", (24, 1)): 3}


async def test_enqueue_many_reads_targets_one_by_one() -> None:
    read: list[int] = []

    async def targets() -> AsyncIterator[tuple[int, int]]:
        for number in range(1, 6):
            read.append(number)
            yield number, 1

    async with worker() as here:
        async with asyncio.timeout(20):
            tasks = [task async for task in here.refreshes.enqueue_many([(8, 1), (9, 1)])]
            stream = here.refreshes.enqueue_many(targets())
            tasks.append(await anext(stream))
            assert read == [1]
            tasks.extend([task async for task in stream])
        results = [item(await result_of(task), "target") for task in tasks]
        assert results == [[8, 1], [9, 1], *([number, 1] for number in range(1, 6))]


async def test_refusal_fails_the_job_at_the_first_attempt(caplog: pytest.LogCaptureFixture) -> None:
    async with worker() as here:
        result = await here.result((99_999, 1))
        assert isinstance(result.error, RefreshError)
        assert result.error.error == "NotFoundError"
        assert result.error.ref is None
        assert str(result.error).startswith("resources/refresh_counters: refused with 404")
        assert here.server.count(START) == 1
    assert "Cannot parse" not in caplog.text  # the warning of taskiq about a wrong return type


async def test_failed_task_fails_the_job_without_another_start() -> None:
    async with worker(duration=600) as here:
        task = await here.refreshes.enqueue((24, 1))
        progress = await until(task.get_progress)
        ref = msgspec.convert(cast("dict[str, Any]", progress.meta)["ref"], TaskRef)
        here.server.world.fail(ref.task_id, at=0.0)
        result = await result_of(task)
        assert isinstance(result.error, RefreshError)
        assert (result.error.error, result.error.ref) == ("TaskFailedError", ref)
        assert here.server.starts == {("resource", (24, 1)): 1}


class FailingLedger(MemoryLedger):
    """A ledger that fails a number of reads."""

    failing = 1

    async def read(self, key: str) -> LedgerEntry | None:
        """Fail, then read."""
        if self.failing > 0:
            self.failing -= 1
            msg = "ledger: not now"
            raise LedgerError(msg)
        return await super().read(key)


async def test_failing_ledger_delays_the_job() -> None:
    async with worker(store=FailingLedger()) as here:
        assert item(await here.result(), "report")


async def test_last_failed_attempt_fails_the_job_unsent() -> None:
    ledger = FailingLedger()
    ledger.failing = 99
    async with worker(store=ledger, attempts=2) as here:
        result = await here.result()
        assert isinstance(result.error, RefreshError)
        assert result.error.error == "LedgerError"
        assert ledger.failing == 97
        assert not here.server.requests


async def test_next_attempt_finds_the_task_of_a_lost_start() -> None:
    async with worker(
        duration=600, shows_running=True, reconcile_starts=True, request_timeout=0.5
    ) as here:
        here.server.misbehave(START, Fault.lost_start())
        task = await here.refreshes.enqueue((24, 1))
        await until(here.has_sent_a_start)
        here.ledger.ahead += timedelta(seconds=60)
        progress = await until(task.get_progress)
        ref = msgspec.convert(cast("dict[str, Any]", progress.meta)["ref"], TaskRef)
        here.server.world.fail(ref.task_id, at=0.0)
        result = await result_of(task)
        assert isinstance(result.error, RefreshError)
        assert result.error.ref == ref
        assert here.server.starts == {("resource", (24, 1)): 1}


async def test_lost_start_that_has_ended_gives_a_report_without_ref() -> None:
    async with worker(
        duration=0.2, shows_running=True, reconcile_starts=True, request_timeout=0.5
    ) as here:
        here.server.misbehave(START, Fault.lost_start())
        task = await here.refreshes.enqueue((24, 1))
        await until(here.has_sent_a_start)
        await asyncio.sleep(0.5)
        here.ledger.ahead += timedelta(seconds=60)
        result = await result_of(task)
        assert item(result, "ref") is None
        assert msgspec.convert(item(result, "report"), CountersReport)["email"].all is not None
        assert here.server.starts == {("resource", (24, 1)): 1}


async def test_lost_start_fails_the_job_without_reconcile_starts() -> None:
    async with worker(retry=Retry(attempts=1)) as here:
        here.server.misbehave(START, Fault.lost_start())
        task = await here.refreshes.enqueue((24, 1))
        await until(here.has_sent_a_start)
        here.ledger.ahead += timedelta(seconds=60)
        result = await result_of(task)
        assert isinstance(result.error, RefreshError)
        assert result.error.error == "StartUnknownError"
        assert here.server.starts == {("resource", (24, 1)): 1}


def unused() -> Any:  # noqa: ANN401 -- never called
    """Stand for ``connect``."""


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("broker", {"broker": 5}), ("wait", {"wait": 0}), ("attempts", {"attempts": 0})],
)
def test_wrong_argument_is_named(name: str, wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"broker": InMemoryBroker(), "connect": unused}
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        AltcraftRefreshes(**(right | wrong))


def test_wait_above_the_idle_timeout_is_refused() -> None:
    broker = RefreshBroker("redis://localhost", idle_timeout=30)
    with pytest.raises(ConfigurationError, match=r"^wait: "):
        AltcraftRefreshes(broker, unused, wait=30)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("targets", {"target": (24,)}),
        ("database_id", {"target": (24, 0)}),
        ("kind", {"kind": "export"}),
        ("run", {"run": ""}),
        ("run", {"run": "x" * 195}),
    ],
)
async def test_wrong_target_or_name_is_not_enqueued(name: str, wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"target": (24, 1)}
    async with worker() as here:
        with pytest.raises(ConfigurationError, match=f"^{name}: "):
            await here.refreshes.enqueue(**(right | wrong))
        assert not here.server.requests


async def test_worker_without_a_ledger_does_not_start() -> None:
    clients: list[AltcraftClient] = []

    @asynccontextmanager
    async def connect() -> AsyncGenerator[AltcraftClient, None]:
        async with AltcraftClient("https://example.com", "t0ken") as client:
            clients.append(client)
            yield client

    broker = InMemoryBroker()
    AltcraftRefreshes(broker, connect)
    with pytest.raises(ConfigurationError, match=r"^connect: .*ledger"):
        await broker.startup()
    with pytest.raises(ClientClosedError):
        await clients[0].resources.get(1)
    broker.executor.shutdown()


async def test_job_outside_of_a_worker_fails() -> None:
    broker = InMemoryBroker(await_inplace=True)
    refreshes = AltcraftRefreshes(broker, unused)
    result = await result_of(await refreshes.enqueue((24, 1)))
    assert "broker: was not started" in str(result.error)
    broker.executor.shutdown()
