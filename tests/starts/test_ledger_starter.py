"""Starts with a ledger: what one process writes, and what the next one does with it."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async import (
    AltcraftClient,
    ClientClosedError,
    ConfigurationError,
    Feedback,
    LedgerError,
    Patience,
    Retry,
    StartUnknownError,
    TransportError,
)
from altcraft_async.simulator import Fault
from altcraft_async.starts.ledger import entry_key
from tests.support.ledgers import REF, MemoryLedger, entry_of
from tests.support.loop_time import now
from tests.support.recording_observer import Recorder
from tests.support.shared_ledger import LEASE, night, start

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


async def test_next_process_joins_the_running_task() -> None:
    async with night() as world:
        first = await start(world.open())
        assert await start(world.open()) == first
        assert (world.starts, world.server.count(STATUS)) == (1, 1)


async def test_target_whose_task_has_ended_is_started_again() -> None:
    async with night() as world:
        first = await start(world.open())
        await asyncio.sleep(11)
        assert await start(world.open()) != first
        assert world.starts == 2


async def test_same_idempotency_key_gives_the_same_task_after_its_end() -> None:
    async with night() as world:
        report = await world.open().resources.refresh(24, database_id=1, idempotency_key="a")
        again = world.open()
        assert await again.resources.refresh(24, database_id=1, idempotency_key="a") == report
        assert world.starts == 1
        other = await again.resources.refresh(24, database_id=1, idempotency_key="b")
        assert other != report
        assert world.starts == 2


@pytest.mark.parametrize(
    "spelled", ["HTTP://127.0.0.1:0{port}/", "http://127.0.0.1:{port}/./a/%2e%2e/api/v1.1"]
)
async def test_other_spelling_of_the_base_url_finds_the_starts_of_the_install(spelled: str) -> None:
    async with night() as world:
        first = await start(world.open(), "a")
        base_url = spelled.format(port=world.server.url.rpartition(":")[2])
        async with AltcraftClient(base_url, world.server.token, ledger=world.ledger) as client:
            assert await start(client, "a") == first
            assert [handle.ref.task_id async for handle in client.resume()] == [first]
        assert world.starts == 1


async def test_dot_after_the_host_is_the_same_install() -> None:
    """Nothing is sent, as the key is in the ledger."""
    ledger = MemoryLedger()
    key = entry_key("https://example.com/api/v1.1", "resource", (24, 1))
    await ledger.write(entry_of(key, ref=REF, idempotency_key="a", over=True), expected=0)
    async with AltcraftClient("https://example.com.", "token", ledger=ledger) as client:
        assert await start(client, "a") == REF.task_id


async def test_starts_with_two_idempotency_keys_at_once_have_two_tasks() -> None:
    """One of them gets the ended task of its key."""
    async with night(duration=1) as world:
        await world.open().resources.refresh(24, database_id=1, idempotency_key="a")
        client = world.open()
        old, new = await asyncio.gather(start(client, "a"), start(client, "b"))
        assert old != new
        assert world.starts == 2


async def test_same_idempotency_key_gives_the_same_handle_while_the_task_runs() -> None:
    async with night(duration=100) as world:
        await start(world.open(), "a")
        client = world.open()
        one = await client.resources.refresh_counters(24, database_id=1, idempotency_key="a")
        two = await client.resources.refresh_counters(24, database_id=1)
        assert one is two
        assert world.starts == 1


async def test_client_that_has_the_task_running_does_not_read_the_ledger() -> None:
    async with night() as world:
        client = world.open()
        first = await start(client)
        await world.ledger.aclose()
        assert await start(client) == first


async def test_start_with_a_lost_answer_is_not_sent_again() -> None:
    """After its lease, the next start raises an error that says so."""
    async with night() as world:
        world.server.misbehave(START, Fault.lost_start())
        client = world.open()
        with pytest.raises(TransportError) as lost:
            await start(client)
        assert lost.value.maybe_delivered
        began = now()
        with pytest.raises(StartUnknownError, match="is unknown") as caught:
            await start(client)
        assert now() - began == pytest.approx(LEASE, abs=1)
        assert caught.value.entries == (world.entry,)
        assert caught.value.report is None
        assert (world.starts, world.server.count(START)) == (1, 1)
        assert world.server.token not in str(caught.value)


async def test_start_is_sent_after_forget() -> None:
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


@pytest.mark.parametrize("what", ["unknown outcome", "no ledger"])
async def test_observer_is_told_once_of_a_start_that_fails_before_its_request(what: str) -> None:
    heard = Recorder()
    async with night() as world:
        if what == "unknown outcome":
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


async def test_observer_is_told_once_of_a_start_whose_request_fails() -> None:
    heard = Recorder()
    async with night() as world:
        world.server.misbehave(START, Fault.reset())
        with pytest.raises(TransportError):
            await start(world.open(observer=heard))
        assert heard.names == ["start_failed"]


async def test_start_waits_for_that_of_another_process_and_joins_its_task() -> None:
    async with night(duration=100) as world:
        world.server.misbehave(START, Fault.slow_body(5))
        calls = [asyncio.create_task(start(world.open())) for _ in range(5)]
        assert len(set(await asyncio.gather(*calls))) == 1
        assert (world.starts, world.server.count(START)) == (1, 1)


async def test_target_whose_task_stays_unknown_is_started_again() -> None:
    """After as long as a wait takes a task for lost."""
    async with night() as world:
        first = await start(world.open())
        world.server.world.forget(str(first))
        began = now()
        assert await start(world.open(polling_patience=Patience(unknown=5))) != first
        assert now() - began == pytest.approx(5, abs=0.1)
        assert world.starts == 2


async def test_task_that_is_unknown_for_a_moment_is_joined() -> None:
    """A replica of the platform may lag."""
    async with night(duration=100) as world:
        first = await start(world.open())
        world.server.misbehave(STATUS, Fault.refuse(404))
        assert await start(world.open()) == first
        assert world.starts == 1


async def test_task_that_cannot_be_polled_is_joined() -> None:
    async with night(duration=100) as world:
        first = await start(world.open())
        world.server.misbehave(STATUS, Fault.html(502), times=2)
        assert await start(world.open()) == first
        assert world.starts == 1


async def test_start_with_feedback_joins_the_running_task_of_the_ledger() -> None:
    """With a ledger, a target has one task at a time."""
    async with night(duration=100) as world:
        first = await start(world.open())
        feedback = Feedback(url="http://127.0.0.1/receiver")
        handle = await world.open().resources.refresh_counters(24, database_id=1, feedback=feedback)
        assert handle.ref.task_id == first
        assert world.starts == 1


async def test_closing_ends_a_start_that_waits_for_another_process() -> None:
    async with night() as world:
        world.server.misbehave(START, Fault.stall())
        first = asyncio.create_task(start(world.open()))
        await asyncio.sleep(1)
        closing = world.open()
        second = asyncio.create_task(start(closing))
        await asyncio.sleep(1.2)  # between two reads of the ledger
        began = now()
        await closing.aclose()
        with pytest.raises(ClientClosedError):
            await second
        assert now() == began
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_closing_ends_a_start_that_polls_the_task_of_the_ledger() -> None:
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
    async with night() as world:
        client = world.open()
        await start(client)
        await client.aclose()
        assert not world.ledger.closed


async def test_join_never_is_refused_with_a_ledger() -> None:
    async with night() as world:
        client = world.open()
        with pytest.raises(ConfigurationError, match=r"^join:"):
            await client.resources.refresh_counters(24, database_id=1, join="never")
        with pytest.raises(ConfigurationError, match=r"^join:"):
            client.segments.refresh_many([(5, 24)], join="never")
        with pytest.raises(ConfigurationError, match=r"^join:"):
            client.refresh_all(join="never")
        assert not world.server.requests


async def test_idempotency_key_is_refused_without_a_ledger() -> None:
    async with night() as world:
        client = world.open(ledger=None)
        with pytest.raises(ConfigurationError, match=r"^idempotency_key: needs") as refused:
            await start(client, "nightly")
        assert not refused.value.wrong_value
        with pytest.raises(ConfigurationError, match=r"^idempotency_key: has to be") as refused:
            await start(client, "line\nbreak")
        assert refused.value.wrong_value
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
async def test_ledger_option_that_cannot_work_is_refused(
    name: str, options: dict[str, object]
) -> None:
    async with night() as world:
        with pytest.raises(ConfigurationError, match=rf"^{name}:"):
            world.open(**options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong ones


async def test_every_way_of_starting_writes_the_idempotency_key() -> None:
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
