"""Starts with a ledger: what is noted when, and what the next process does with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from altcraft_async import (
    ClientClosedError,
    ConfigurationError,
    CountersReport,
    Feedback,
    LedgerEntry,
    LedgerError,
    NotFoundError,
    Patience,
    Retry,
    StartUnknownError,
    TransportError,
)
from altcraft_async.simulator import Fault
from tests.support.ledgers import MemoryLedger
from tests.support.loop_time import now
from tests.support.recording_observer import Recorder as Heard
from tests.support.shared_ledger import LEASE, night, start

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


async def test_start_is_noted_before_it_is_sent_and_its_task_after() -> None:
    """An entry goes from an intent to a task to its end."""
    states: list[tuple[int, bool, bool]] = []

    class Watched(MemoryLedger):
        async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
            states.append((world.starts, entry.ref is not None, entry.over))
            return await super().write(entry, expected=expected)

    async with night(Watched()) as world:
        client = world.open()
        report = await client.resources.refresh(24, database_id=1, idempotency_key="nightly")
        assert isinstance(report, CountersReport)
        await asyncio.sleep(0)
        assert states == [(0, False, False), (1, True, False), (1, True, True)]
        assert world.entry.idempotency_key == "nightly"
        assert (world.entry.lease_until - world.entry.intended_at).total_seconds() == LEASE


async def test_next_process_joins_the_task_that_runs() -> None:
    """A task that is in the ledger is polled and shared, not started again."""
    async with night() as world:
        first = await start(world.open())
        assert await start(world.open()) == first
        assert (world.starts, world.server.count(STATUS)) == (1, 1)


async def test_task_that_has_ended_is_started_again() -> None:
    """A task that is over has the figures of then, whoever notices it."""
    async with night() as world:
        first = await start(world.open())
        await asyncio.sleep(11)
        assert await start(world.open()) != first
        assert world.starts == 2


async def test_same_request_is_the_same_task_for_ever() -> None:
    """By the caller's own name for it, a start is found again after its end, without a request."""
    async with night() as world:
        report = await world.open().resources.refresh(24, database_id=1, idempotency_key="a")
        again = world.open()
        assert await again.resources.refresh(24, database_id=1, idempotency_key="a") == report
        assert world.starts == 1
        other = await again.resources.refresh(24, database_id=1, idempotency_key="b")
        assert other != report
        assert world.starts == 2


async def test_requests_of_two_names_at_once_do_not_share_what_is_over() -> None:
    """The figures of a request that is over are no answer to another one under way with it."""
    async with night(duration=1) as world:
        await world.open().resources.refresh(24, database_id=1, idempotency_key="a")
        client = world.open()
        old, new = await asyncio.gather(start(client, "a"), start(client, "b"))
        assert old != new
        assert world.starts == 2


async def test_same_request_while_it_runs_is_the_same_handle() -> None:
    """Found by its name, a task that runs has one poll loop in a client."""
    async with night(duration=100) as world:
        await start(world.open(), "a")
        client = world.open()
        one = await client.resources.refresh_counters(24, database_id=1, idempotency_key="a")
        two = await client.resources.refresh_counters(24, database_id=1)
        assert one is two
        assert world.starts == 1


async def test_write_that_a_store_repeats_by_itself_is_not_lost() -> None:
    """A store that takes its own first attempt for another's does not keep a start waiting."""

    class Repeating(MemoryLedger):
        async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
            await super().write(entry, expected=expected)
            return await super().write(entry, expected=expected)

    async with night(Repeating()) as world:
        await start(world.open())
        await asyncio.sleep(1)
        assert now() < 2
        assert world.entry.ref is not None
        assert world.starts == 1


async def test_client_that_has_it_running_does_not_ask_the_ledger() -> None:
    """Joining within a client is as quick as without a ledger."""
    async with night() as world:
        client = world.open()
        first = await start(client)
        await world.ledger.aclose()
        assert await start(client) == first


async def test_refused_start_is_taken_back() -> None:
    """What surely did not start leaves nothing that is in the way."""
    async with night() as world:
        world.server.misbehave(START, Fault.refuse(404, "No such resource"))
        client = world.open()
        with pytest.raises(NotFoundError):
            await start(client)
        assert world.withdrawn
        assert await start(client)
        assert world.starts == 1


async def test_repeated_start_is_noted_anew_each_time() -> None:
    """While a start waits to be repeated, no intent says that it may be under way."""
    async with night() as world:
        world.server.misbehave(START, Fault.status(429, retry_after=60))
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(30)
        assert (world.entry.over, world.entry.revision) == (True, 2)
        await starting
        assert (world.entry.ref is not None, world.entry.revision) == (True, 4)
        assert (world.entry.lease_until - world.entry.intended_at).total_seconds() == LEASE


async def test_start_of_which_nobody_knows_is_not_sent_again() -> None:
    """After the lease of a start whose answer was lost, the next one is an error that says so."""
    async with night() as world:
        world.server.misbehave(START, Fault.lost_start())
        client = world.open()
        with pytest.raises(TransportError) as lost:
            await start(client)
        assert lost.value.maybe_delivered
        began = now()
        with pytest.raises(StartUnknownError, match="nobody knows whether it was") as caught:
            await start(client)
        assert now() - began == pytest.approx(LEASE, abs=1)
        assert caught.value.entries == (world.entry,)
        assert caught.value.report is None
        assert (world.starts, world.server.count(START)) == (1, 1)
        assert world.server.token not in str(caught.value)


async def test_forgotten_start_is_sent() -> None:
    """Who has polled the platform lets the next start go."""
    async with night() as world:
        world.server.misbehave(START, Fault.lost_start())
        client = world.open()
        with pytest.raises(TransportError):
            await start(client)
        with pytest.raises(StartUnknownError) as caught:
            await start(client)
        assert await world.ledger.forget(caught.value.entries[0])
        assert await start(client)
        assert world.starts == 2


@pytest.mark.parametrize("what", ["nobody knows", "no ledger"])
async def test_observer_is_told_of_a_start_that_the_ledger_prevents(what: str) -> None:
    """A start fails for good before a request as well as after one, and is told once."""
    heard = Heard()
    async with night() as world:
        if what == "nobody knows":
            world.server.misbehave(START, Fault.reset())
            with pytest.raises(TransportError):
                await start(world.open())
            await asyncio.sleep(LEASE)
        else:
            await world.ledger.aclose()
        with pytest.raises((StartUnknownError, LedgerError)) as caught:
            await start(world.open(observer=heard))
        kind, target, error = heard.only("start_failed").about
        assert (kind, target, str(error)) == ("resource", (24, 1), str(caught.value))


async def test_observer_is_told_once_of_a_request_that_fails() -> None:
    """A request with an intent is no exception."""
    heard = Heard()
    async with night() as world:
        world.server.misbehave(START, Fault.reset())
        with pytest.raises(TransportError):
            await start(world.open(observer=heard))
        assert heard.names == ["start_failed"]


async def test_start_under_way_elsewhere_is_waited_for_and_joined() -> None:
    """While another process sends it, a start waits, and shares what comes of it."""
    async with night(duration=100) as world:
        world.server.misbehave(START, Fault.slow_body(5))
        calls = [asyncio.create_task(start(world.open())) for _ in range(5)]
        assert len(set(await asyncio.gather(*calls))) == 1
        assert (world.starts, world.server.count(START)) == (1, 1)


async def test_many_clients_that_begin_at_once_start_once() -> None:
    """Of intents that are written at the same moment one is sent."""

    class Slow(MemoryLedger):
        async def read(self, key: str) -> LedgerEntry | None:
            entry = await super().read(key)
            await asyncio.sleep(0.1)
            return entry

    async with night(Slow(), duration=100) as world:
        calls = [asyncio.create_task(start(world.open())) for _ in range(20)]
        assert len(set(await asyncio.gather(*calls))) == 1
        assert world.starts == 1


async def test_request_that_is_cancelled_leaves_its_intent() -> None:
    """What may be on its way stays noted, as nobody knows whether it arrives."""
    async with night() as world:
        world.server.misbehave(START, Fault.stall())
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await asyncio.sleep(1)
        assert world.intended


class Slow(MemoryLedger):
    """A ledger that takes its time after it has written."""

    seconds = 0.0

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Write, and take the time."""
        written = await super().write(entry, expected=expected)
        await asyncio.sleep(self.seconds)
        return written


async def test_intent_that_is_cancelled_while_it_is_written_is_taken_back() -> None:
    """What was surely not sent does not stay noted, though the caller has gone."""
    ledger = Slow()
    ledger.seconds = 3
    async with night(ledger) as world:
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await asyncio.sleep(5)
        assert world.withdrawn
        assert world.server.count(START) == 0


async def test_task_whose_caller_has_gone_is_noted_all_the_same() -> None:
    """A start that was answered is in the ledger, even if it is cancelled while that is written."""
    ledger = Slow()
    async with night(ledger) as world:
        world.server.misbehave(START, Fault.slow_body(2))
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        ledger.seconds = 3
        await asyncio.sleep(2)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await asyncio.sleep(5)
        assert world.entry.ref is not None


class Failing(MemoryLedger):
    """A ledger that fails while it is told to.

    Attributes:
        fails: Names of what fails.
    """

    fails: frozenset[str] = frozenset()

    async def read(self, key: str) -> LedgerEntry | None:
        """Read, or fail."""
        self._fail("read")
        return await super().read(key)

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Write, or fail, before or after it was stored."""
        self._fail("intent" if entry.ref is None and not entry.over else "task")
        written = await super().write(entry, expected=expected)
        self._fail("answer")
        return written

    def _fail(self, what: str) -> None:
        if what in self.fails:
            msg = f"ledger: no {what}"
            raise LedgerError(msg)


@pytest.mark.parametrize("what", ["read", "intent", "answer"])
async def test_without_the_ledger_nothing_is_sent(what: str) -> None:
    """A ledger that fails before the request makes the start fail, and leaves no intent."""
    ledger = Failing()
    ledger.fails = frozenset({what})
    async with night(ledger) as world:
        client = world.open()
        with pytest.raises(LedgerError):
            await start(client)
        assert world.server.count(START) == 0
        ledger.fails = frozenset()
        await asyncio.sleep(2)
        assert not world.ledger.stored or world.withdrawn
        assert await start(client)


async def test_task_that_cannot_be_noted_is_handed_out_and_noted_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A start that was answered is never an error of the ledger, and is noted as soon as it can."""
    ledger = Failing()
    ledger.fails = frozenset({"task"})
    async with night(ledger, duration=100) as world:
        first = await start(world.open())
        await asyncio.sleep(10)
        assert world.intended
        (record,) = (one for one in caplog.records if "is not in the ledger yet" in one.message)
        name = f"task {first} of resource 24, 1"
        assert record.message == f"{name} is not in the ledger yet: ledger: no task"
        assert vars(record)["altcraft_task_id"] == first
        assert vars(record)["altcraft_target"] == (24, 1)
        ledger.fails = frozenset()
        await asyncio.sleep(2)
        assert world.entry.ref is not None
        assert await start(world.open()) == first


async def test_end_that_came_while_the_ledger_failed_is_noted_behind_the_start() -> None:
    """What is written later is written in its order, so that nobody polls the task again."""
    ledger = Failing()
    ledger.fails = frozenset({"task"})
    async with night(ledger, duration=1) as world:
        await world.open().resources.refresh(24, database_id=1)
        await asyncio.sleep(3)
        assert world.intended
        ledger.fails = frozenset()
        await asyncio.sleep(3)
        assert world.entry.ref is not None
        assert world.entry.over


async def test_closing_writes_what_is_left(caplog: pytest.LogCaptureFixture) -> None:
    """A client that is closed tries on for five seconds and then names what is lost."""
    ledger = Failing()
    ledger.fails = frozenset({"task"})
    async with night(ledger) as world:
        client = world.open()
        first = await start(client)
        began = now()
        await client.aclose()
        assert now() - began == pytest.approx(5)
        lost = f"left 1 changes out of the ledger: {world.entry.key} {first}"
        assert caplog.messages[-1] == lost
        assert vars(caplog.records[-1])["altcraft_task_ids"] == [first]


async def test_closing_does_not_wait_for_a_ledger_that_hangs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whose task is just being noted gets it, and the client sees to the rest."""
    ledger = Slow()
    async with night(ledger) as world:
        world.server.misbehave(START, Fault.slow_body(2))
        client = world.open()
        starting = asyncio.create_task(start(client))
        await asyncio.sleep(1)
        ledger.seconds = 10_000
        await asyncio.sleep(2)
        began = now()
        await client.aclose()
        assert now() == began
        assert world.entry.ref is not None
        assert world.entry.ref.task_id == await starting
        assert not caplog.messages


async def test_closing_writes_on_as_long_as_that_goes_well() -> None:
    """However much is left, a ledger that is slow but works gets all of it."""
    ledger = Slow()
    async with night(ledger, duration=1) as world:
        client = world.open()
        starts = [
            client.resources.refresh_counters(number, database_id=1) for number in range(1, 201)
        ]
        handles = await asyncio.gather(*starts)
        ledger.seconds = 3.0
        await asyncio.gather(*handles)
        began = now()
        await client.aclose()
        assert now() - began > 5
        assert all(entry.over for entry in ledger.stored.values())


async def test_process_that_was_stopped_while_it_wrote_does_not_send() -> None:
    """Who comes back after its lease finds that others have decided, and does not send."""

    class Stopping(MemoryLedger):
        async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
            written = await super().write(entry, expected=expected)
            if entry.revision == 1:
                self.ahead += timedelta(seconds=2 * LEASE)
                with pytest.raises(StartUnknownError) as caught:
                    await start(rival)
                assert await self.forget(caught.value.entries[0])
                assert await start(rival)
            return written

    async with night(Stopping(), duration=1000) as world:
        client, rival = world.open(), world.open()
        await start(client)
        assert (world.starts, world.server.count(START)) == (1, 1)


async def test_intent_that_took_too_long_to_write_is_written_again() -> None:
    """What is sent is over before its lease is, though the ledger was slow."""
    ledger = Slow()
    ledger.seconds = 3.0
    async with night(ledger) as world:
        starting = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        ledger.seconds = 0.0
        await starting
        assert world.entry.revision == 3
        assert world.starts == 1


async def test_ledger_that_is_always_too_slow_lets_nothing_go() -> None:
    """Where no intent can be noted in time, the start fails and takes it back."""
    ledger = Slow()
    ledger.seconds = 3.0
    async with night(ledger) as world:
        with pytest.raises(LedgerError, match="takes so long"):
            await start(world.open())
        ledger.seconds = 0.0
        await asyncio.sleep(60)
        assert world.withdrawn
        assert world.server.count(START) == 0


async def test_task_that_the_platform_has_forgotten_is_started_again() -> None:
    """An id that stays unknown for as long as a wait would take it for lost is no task any more."""
    async with night() as world:
        first = await start(world.open())
        world.server.world.forget(str(first))
        began = now()
        assert await start(world.open(polling_patience=Patience(unknown=5))) != first
        assert now() - began == pytest.approx(5, abs=0.1)
        assert world.starts == 2


async def test_task_that_is_unknown_for_a_moment_is_joined() -> None:
    """A replica that lags behind is no reason to start twice."""
    async with night(duration=100) as world:
        first = await start(world.open())
        world.server.misbehave(STATUS, Fault.refuse(404))
        assert await start(world.open()) == first
        assert world.starts == 1


async def test_task_that_cannot_be_polled_at_is_joined() -> None:
    """No news is no reason to start twice."""
    async with night(duration=100) as world:
        first = await start(world.open())
        world.server.misbehave(STATUS, Fault.html(502), times=2)
        assert await start(world.open()) == first
        assert world.starts == 1


async def test_start_with_feedback_joins_what_runs_by_the_ledger() -> None:
    """With a ledger, a target has one task at a time, whatever its feedback is."""
    async with night(duration=100) as world:
        first = await start(world.open())
        feedback = Feedback(url="http://127.0.0.1/receiver")
        handle = await world.open().resources.refresh_counters(24, database_id=1, feedback=feedback)
        assert handle.ref.task_id == first
        assert world.starts == 1


async def test_closing_ends_who_waits_for_a_start_elsewhere() -> None:
    """A client that is closed does not go on asking the ledger."""
    async with night() as world:
        world.server.misbehave(START, Fault.stall())
        first = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        closing = world.open()
        second = asyncio.create_task(start(closing))
        await asyncio.sleep(1.2)  # between two questions to the ledger
        began = now()
        await closing.aclose()
        with pytest.raises(ClientClosedError):
            await second
        assert now() == began
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_closing_ends_who_polls_at_a_task_of_the_ledger() -> None:
    """A client that is closed does not hand out a handle that would be of no use."""
    async with night(duration=100) as world:
        await start(world.open())
        world.server.misbehave(STATUS, Fault.stall())
        closing = world.open()
        starting = asyncio.create_task(start(closing))
        await asyncio.sleep(1)
        await closing.aclose()
        with pytest.raises(ClientClosedError):
            await starting


async def test_ledger_is_not_closed_with_the_client() -> None:
    """A ledger may be shared, so whoever opened it closes it."""
    async with night() as world:
        client = world.open()
        await start(client)
        await client.aclose()
        assert not world.ledger.closed


async def test_always_starting_does_not_go_with_a_ledger() -> None:
    """join="never" may start twice, which is said before anything is sent."""
    async with night() as world:
        client = world.open()
        with pytest.raises(ConfigurationError, match=r"^join:"):
            await client.resources.refresh_counters(24, database_id=1, join="never")
        with pytest.raises(ConfigurationError, match=r"^join:"):
            client.segments.refresh_many([(5, 24)], join="never")
        with pytest.raises(ConfigurationError, match=r"^join:"):
            client.refresh_all(join="never")
        assert not world.server.requests


async def test_name_of_a_request_needs_a_ledger() -> None:
    """Without a ledger, a request cannot be found again by its name."""
    async with night() as world:
        client = world.open(ledger=None)
        with pytest.raises(ConfigurationError, match=r"^idempotency_key: needs"):
            await start(client, "nightly")
        with pytest.raises(ConfigurationError, match=r"^idempotency_key: needs"):
            client.databases.refresh_many([(1, 24)], idempotency_key="nightly")
        with pytest.raises(ConfigurationError, match=r"^idempotency_key: needs"):
            client.refresh_all(idempotency_key="nightly")
        assert not world.server.requests


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ledger", {"ledger": {}}),
        ("reconcile_starts", {"reconcile_starts": 1}),
        ("reconcile_starts", {"ledger": None, "reconcile_starts": True}),
        ("retry", {"retry": Retry(ambiguous_starts=True)}),
    ],
)
async def test_options_that_make_no_sense_are_refused(
    name: str, options: dict[str, object]
) -> None:
    """What a ledger cannot be asked for is said when the client is made."""
    async with night() as world:
        with pytest.raises(ConfigurationError, match=rf"^{name}:"):
            world.open(**options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong ones


async def test_every_way_of_starting_is_noted_under_its_name() -> None:
    """The three kinds, and the streams of many, hand the caller's name to the ledger."""
    async with night(duration=1) as world:
        client = world.open()
        await client.resources.refresh(24, database_id=1, idempotency_key="n")
        await client.databases.refresh(1, resource_id=24, idempotency_key="n")
        await client.segments.refresh(5, resource_id=24, idempotency_key="n")
        await client.segments.refresh_counters(7, resource_id=24, idempotency_key="n")
        streams = [
            client.resources.refresh_many([(25, 1)], idempotency_key="n"),
            client.databases.refresh_many([(1, 25)], idempotency_key="n"),
            client.segments.refresh_many([(9, 24, 1)], idempotency_key="n"),
            client.refresh_all(only=lambda one: one.id == 1, idempotency_key="n"),
        ]
        for stream in streams:
            assert [outcome async for outcome in stream]
        names = [entry.idempotency_key for entry in world.ledger.stored.values()]
        assert names == ["n"] * len(names)
        assert len(names) == sum(world.server.starts.values()) >= 8
