"""Refreshes as jobs of taskiq: what one attempt does, and what follows from its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Unpack, cast

import msgspec
import pytest
from taskiq import AsyncTaskiqTask, BrokerMessage, InMemoryBroker, TaskiqResult

from altcraft_async import (
    AltcraftClient,
    ConfigurationError,
    Constant,
    CountersReport,
    LedgerEntry,
    LedgerError,
    Retry,
    TaskRef,
)
from altcraft_async.client import ClientOptions
from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    ClientClosedError,
    NotFoundError,
    PollingError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    StartUnknownError,
    TaskFailedError,
    TransportError,
)
from altcraft_async.integrations._taskiq.outcomes import may_pass, pause_after
from altcraft_async.integrations.taskiq import AltcraftRefreshes, RefreshBroker, RefreshError
from altcraft_async.simulator import Fault, Simulator
from tests.support.ledgers import MemoryLedger
from tests.support.polling_until import until

START = "resources/refresh_counters"


class Workplace:
    """A platform, a ledger, and one worker.

    Attributes:
        server: The platform.
        ledger: Where its starts are noted.
        refreshes: What is under test.
    """

    def __init__(
        self, server: Simulator, ledger: MemoryLedger, refreshes: AltcraftRefreshes
    ) -> None:
        """Put them together."""
        self.server = server
        self.ledger = ledger
        self.refreshes = refreshes

    async def done(self, target: object = (24, 1), **named: Any) -> TaskiqResult[dict[str, object]]:  # noqa: ANN401 -- as `enqueue`
        """Enqueue a target and wait for what becomes of it."""
        return await result_of(await self.refreshes.enqueue(target, **named))

    async def is_started(self) -> bool:
        """Say whether a start has arrived."""
        return any(seen.method == START for seen in self.server.requests)


async def result_of(task: AsyncTaskiqTask[dict[str, object]]) -> TaskiqResult[dict[str, object]]:
    """Wait for the end of a job."""
    return await task.wait_result(check_interval=0.01, timeout=20)


@asynccontextmanager
async def workplace(  # noqa: PLR0913 -- each has a default that suits most tests
    *,
    duration: float = 0.2,
    wait: float = 5.0,
    attempts: int = 10,
    store: MemoryLedger | None = None,
    shows_running: bool = False,
    broker: InMemoryBroker | None = None,
    **options: Unpack[ClientOptions],
) -> AsyncGenerator[Workplace, None]:
    """Run a worker in memory, whose tasks take a moment."""
    ledger = MemoryLedger() if store is None else store
    chosen: ClientOptions = {"poll": Constant(0.05), "ledger": ledger, **options}

    async with Simulator(duration=duration, shows_running=shows_running) as server:

        @asynccontextmanager
        async def connect() -> AsyncGenerator[AltcraftClient, None]:
            async with AltcraftClient(server.url, server.token, **chosen) as client:
                yield client

        queue = InMemoryBroker() if broker is None else broker
        refreshes = AltcraftRefreshes(queue, connect, wait=wait, attempts=attempts)
        await queue.startup()
        try:
            yield Workplace(server, ledger, refreshes)
        finally:
            await queue.wait_all()
            await queue.shutdown()


def part(result: TaskiqResult[dict[str, object]], name: str) -> object:
    """Return a part of what a job returned."""
    result.raise_for_error()
    return result.return_value[name]


async def test_job_returns_plain_data_that_can_be_read_back() -> None:
    """Target, ref and report are plain data, and become the classes again."""
    async with workplace() as work:
        result = await work.done((24, 1))
        assert part(result, "target") == [24, 1]
        ref = msgspec.convert(part(result, "ref"), TaskRef)
        report = msgspec.convert(part(result, "report"), CountersReport)
        assert ref.target == (24, 1)
        assert report["email"].subscribed is not None
        (entry,) = work.ledger.stored.values()
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
async def test_everything_that_can_be_counted_is(kind: Any, target: tuple[int, ...]) -> None:  # noqa: ANN401 -- one of the literals
    """Each kind has the targets of its ``refresh_many``."""
    async with workplace() as work:
        assert part(await work.done(target, kind=kind), "target") == list(target)
        assert work.server.starts == {(kind, target): 1}


async def test_long_refresh_is_handed_over_and_started_once() -> None:
    """Where the wait of an attempt is over first, the next ones come back to the same task."""
    async with workplace(duration=1.0, wait=0.2) as work:
        assert part(await work.done(), "report")
        assert work.server.starts == {("resource", (24, 1)): 1}


class FullQueue(InMemoryBroker):
    """One into which a job that is there cannot be put again, for two tries."""

    tries = 0

    async def kick(self, message: BrokerMessage) -> None:
        """Fail the second and the third time."""
        self.tries += 1
        if self.tries in (2, 3):
            msg = "the queue is away"
            raise OSError(msg)
        await super().kick(message)


async def test_job_that_cannot_be_handed_over_yet_does_not_fail() -> None:
    """A queue that is away for a while does not make its own error the result of a refresh."""
    async with workplace(duration=1.0, wait=0.2, broker=FullQueue()) as work:
        assert part(await work.done(), "report")
        assert work.server.starts == {("resource", (24, 1)): 1}


async def test_progress_is_shown() -> None:
    """While it runs, taskiq's handle has status, progress and ref."""
    async with workplace(duration=1.0) as work:
        task = await work.refreshes.enqueue((24, 1))
        progress = await until(task.get_progress)
        shown = cast("Mapping[str, object]", progress.meta)
        assert shown["status"] in ("running", "completed")
        assert msgspec.convert(shown["ref"], TaskRef).target == (24, 1)


async def test_run_by_the_same_name_is_not_started_again() -> None:
    """Enqueued again under the same name, a target has the figures of then; else new ones."""
    async with workplace() as work:
        first = await work.done(run="night")
        again = await work.done(run="night")
        assert part(first, "ref") == part(again, "ref")
        await work.done(run="next night")
        await work.done()
        assert work.server.starts == {("resource", (24, 1)): 3}


async def test_many_are_read_one_by_one() -> None:
    """Targets are read as the iteration goes on, from iterables of both kinds."""
    read: list[int] = []

    async def targets() -> AsyncIterator[tuple[int, int]]:
        for number in range(1, 6):
            read.append(number)
            yield number, 1

    async with workplace() as work:
        async with asyncio.timeout(20):
            tasks = [task async for task in work.refreshes.enqueue_many([(8, 1), (9, 1)])]
            stream = work.refreshes.enqueue_many(targets())
            tasks.append(await anext(stream))
            assert read == [1]
            tasks.extend([task async for task in stream])
        results = [part(await result_of(task), "target") for task in tasks]
        assert results == [[8, 1], [9, 1], *([number, 1] for number in range(1, 6))]


async def test_refusal_is_final_and_typed(caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be done is tried once, and its error says what was raised."""
    async with workplace() as work:
        result = await work.done((99_999, 1))
        assert isinstance(result.error, RefreshError)
        assert result.error.error == "NotFoundError"
        assert result.error.ref is None
        assert str(result.error).startswith("resources/refresh_counters: refused with 404")
        assert sum(seen.method == START for seen in work.server.requests) == 1
    assert "Cannot parse" not in caplog.text  # as taskiq warns of a value that is none


async def test_failed_task_is_final_and_named() -> None:
    """A task that failed is not started again behind anybody's back; the error has its ref."""
    async with workplace(duration=600) as work:
        task = await work.refreshes.enqueue((24, 1))
        progress = await until(task.get_progress)
        ref = msgspec.convert(cast("dict[str, Any]", progress.meta)["ref"], TaskRef)
        work.server.world.fail(ref.task_id, at=0.0)
        result = await result_of(task)
        assert isinstance(result.error, RefreshError)
        assert (result.error.error, result.error.ref) == ("TaskFailedError", ref)
        assert work.server.starts == {("resource", (24, 1)): 1}


class FailingLedger(MemoryLedger):
    """One that cannot be reached for a number of questions."""

    failing = 1

    async def read(self, key: str) -> LedgerEntry | None:
        """Fail, for now."""
        if self.failing > 0:
            self.failing -= 1
            msg = "ledger: not now"
            raise LedgerError(msg)
        return await super().read(key)


async def test_what_may_pass_is_tried_again() -> None:
    """A ledger that is away for a moment delays a job and does not fail it."""
    async with workplace(store=FailingLedger()) as work:
        assert part(await work.done(), "report")


async def test_what_does_not_pass_is_given_up() -> None:
    """After so many attempts the last error is the result, and nothing was sent."""
    ledger = FailingLedger()
    ledger.failing = 99
    async with workplace(store=ledger, attempts=2) as work:
        result = await work.done()
        assert isinstance(result.error, RefreshError)
        assert result.error.error == "LedgerError"
        assert ledger.failing == 97
        assert not work.server.requests


async def test_start_whose_answer_was_lost_is_found_again() -> None:
    """The next attempt asks the platform what became of the start, and comes back to its task."""
    async with workplace(
        duration=600, shows_running=True, reconcile_starts=True, request_timeout=0.5
    ) as work:
        work.server.misbehave(START, Fault.lost_start())
        task = await work.refreshes.enqueue((24, 1))
        await until(work.is_started)
        work.ledger.ahead += timedelta(seconds=60)
        progress = await until(task.get_progress)
        ref = msgspec.convert(cast("dict[str, Any]", progress.meta)["ref"], TaskRef)
        work.server.world.fail(ref.task_id, at=0.0)
        result = await result_of(task)
        assert isinstance(result.error, RefreshError)
        assert result.error.ref == ref
        assert work.server.starts == {("resource", (24, 1)): 1}


async def test_start_that_was_counted_meanwhile_is_done() -> None:
    """Where the ledger can only tell that it was counted, the result has figures and no ref."""
    async with workplace(
        duration=0.2, shows_running=True, reconcile_starts=True, request_timeout=0.5
    ) as work:
        work.server.misbehave(START, Fault.lost_start())
        task = await work.refreshes.enqueue((24, 1))
        await until(work.is_started)
        await asyncio.sleep(0.5)
        work.ledger.ahead += timedelta(seconds=60)
        result = await result_of(task)
        assert part(result, "ref") is None
        assert msgspec.convert(part(result, "report"), CountersReport)["email"].all is not None
        assert work.server.starts == {("resource", (24, 1)): 1}


async def test_start_that_nobody_knows_of_fails() -> None:
    """Without asking the platform, a person has to poll; nothing is started twice."""
    async with workplace(retry=Retry(attempts=1)) as work:
        work.server.misbehave(START, Fault.lost_start())
        task = await work.refreshes.enqueue((24, 1))
        await until(work.is_started)
        work.ledger.ahead += timedelta(seconds=60)
        result = await result_of(task)
        assert isinstance(result.error, RefreshError)
        assert result.error.error == "StartUnknownError"
        assert work.server.starts == {("resource", (24, 1)): 1}


REF = TaskRef(task_id="t1")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (LedgerError("x"), True),
        (PollingError("x", ref=REF), True),
        (RateLimitedError("x"), True),
        (TransportError("x"), True),
        (TransportError("x", maybe_delivered=True), True),
        (ServerError("x", maybe_delivered=True), True),
        (ProtocolError("x", maybe_delivered=True), True),
        (TransportError("x", permanent=True), False),
        (ProtocolError("x", maybe_delivered=True, permanent=True), False),
        (ProtocolError("x"), False),
        (ServerError("x"), False),
        (ApiError("x", code=7), False),
        (AuthenticationError("x"), False),
        (NotFoundError("x"), False),
        (ConfigurationError("x"), False),
        (TaskFailedError("x", ref=REF), False),
        (StartUnknownError("x", entries=()), False),
    ],
)
def test_only_what_may_end_otherwise_is_tried_again(error: AltcraftError, *, passes: bool) -> None:
    """An attempt follows an outage, a wait that ended, or a start that the ledger settles."""
    assert may_pass(error) is passes


def test_pauses_grow_to_half_a_minute() -> None:
    """However often a job fails, its worker waits for no longer than the broker bears."""
    assert [pause_after(failures) for failures in (1, 2, 3, 6, 10_000)] == [1, 2, 4, 30, 30]


def nobody() -> Any:  # noqa: ANN401 -- never called
    """Connect to nothing."""


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("broker", {"broker": 5}), ("wait", {"wait": 0}), ("attempts", {"attempts": 0})],
)
def test_wrong_argument_is_named(name: str, wrong: dict[str, Any]) -> None:
    """Before anything is registered."""
    right: dict[str, Any] = {"broker": InMemoryBroker(), "connect": nobody}
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        AltcraftRefreshes(**(right | wrong))


def test_wait_beyond_what_the_broker_waits_is_refused() -> None:
    """Otherwise every long job would be taken for one of a dead worker."""
    broker = RefreshBroker("redis://localhost", idle_timeout=30)
    with pytest.raises(ConfigurationError, match=r"^wait: "):
        AltcraftRefreshes(broker, nobody, wait=30)


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
async def test_what_cannot_be_refreshed_is_not_enqueued(name: str, wrong: dict[str, Any]) -> None:
    """A wrong target or name is said at once, to who enqueues."""
    right: dict[str, Any] = {"target": (24, 1)}
    async with workplace() as work:
        with pytest.raises(ConfigurationError, match=f"^{name}: "):
            await work.refreshes.enqueue(**(right | wrong))
        assert not work.server.requests


async def test_worker_whose_client_has_no_ledger_does_not_start() -> None:
    """Else each job in the queue would fail, one after another."""
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


async def test_job_outside_of_a_worker_says_so() -> None:
    """Without the broker's startup there is no client."""
    broker = InMemoryBroker(await_inplace=True)
    refreshes = AltcraftRefreshes(broker, nobody)
    result = await result_of(await refreshes.enqueue((24, 1)))
    assert "broker: was not started" in str(result.error)
    broker.executor.shutdown()
