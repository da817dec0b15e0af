"""reconcile_starts=True: the platform is asked what became of a start."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async import (
    AltcraftClient,
    ClientClosedError,
    ServerError,
    StartUnknownError,
    TransportError,
)
from altcraft_async.simulator import Fault
from tests.support.ledgers import MemoryLedger
from tests.support.scripted_server import ScriptedServer, Step, answer
from tests.support.shared_ledger import LEASE, Night, night, start

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
COUNTERS = "databases/get_counters"


async def lose(world: Night, client: AltcraftClient, fault: Fault, key: str | None = None) -> None:
    """Send a start whose answer is lost, and let its lease go by."""
    world.server.misbehave(START, fault)
    with pytest.raises((TransportError, ServerError)):
        await start(client, key)
    assert world.intended
    await asyncio.sleep(LEASE)


async def test_running_task_of_a_lost_start_is_joined() -> None:
    async with night(duration=100, shows_running=True) as world:
        client = world.open(reconcile_starts=True)
        await lose(world, client, Fault.lost_start(), "a")
        for key in ("a", "b", None):
            found = await start(world.open(reconcile_starts=True), key)
            assert world.entry.ref is not None
            assert found == world.entry.ref.task_id
        assert world.starts == 1
        assert (await client.resources.refresh(24, database_id=1))["email"].subscribed


async def test_start_that_did_not_happen_is_sent() -> None:
    """The counters are those from before the start, and nothing runs."""
    async with night(shows_running=True) as world:
        client = world.open(reconcile_starts=True)
        await lose(world, client, Fault.reset())
        assert world.starts == 0
        await start(client)
        assert world.starts == 1


async def test_start_that_has_ended_is_sent_again_for_a_new_request() -> None:
    async with night(shows_running=True) as world:
        client = world.open(reconcile_starts=True)
        await lose(world, client, Fault.lost_start(), "a")
        await start(client, "b")
        assert world.starts == 2


async def test_start_that_has_ended_is_not_sent_again_for_the_same_request() -> None:
    """The error has the counters, which may be those of the lost start."""
    async with night(shows_running=True) as world:
        client = world.open(reconcile_starts=True)
        await lose(world, client, Fault.lost_start(), "a")
        with pytest.raises(StartUnknownError) as caught:
            await start(client, "a")
        report = caught.value.report
        assert report is not None
        assert report["email"] == world.server.world.counters(24, 1)["email"]
        assert report.groups[0].resource_id == 24
        assert world.starts == 1


@pytest.mark.parametrize("key", ["a", None])
async def test_documented_answer_leaves_the_start_unknown(key: str | None) -> None:
    """The fields that show what runs are inferred; the error has the counters."""
    async with night() as world:
        client = world.open(reconcile_starts=True)
        await lose(world, client, Fault.reset(), key)
        with pytest.raises(StartUnknownError) as caught:
            await start(client, key)
        assert caught.value.report is not None
        assert world.starts == 0


@pytest.mark.parametrize("key", ["a", None])
async def test_answer_that_does_not_say_whether_a_refresh_runs_leaves_the_start_unknown(
    server: ScriptedServer, key: str | None
) -> None:
    """The time of the last refresh alone proves nothing: the start may be running."""
    said = (
        '{"error": 0, "data": [{"list_id": 1, "updated": "2026-11-25T01:00:00Z", "channels": []}]}'
    )
    server.script(answer(said), Step(then="reset"), answer(said))
    ledger = MemoryLedger()
    async with AltcraftClient(server.url, "t", ledger=ledger, reconcile_starts=True) as client:
        with pytest.raises(TransportError):
            await start(client, key)
        await asyncio.sleep(LEASE)
        with pytest.raises(StartUnknownError) as caught:
            await start(client, key)
        assert caught.value.report is not None


async def test_counters_that_cannot_be_read_leave_the_start_unknown() -> None:
    async with night(shows_running=True) as world:
        client = world.open(reconcile_starts=True)
        await lose(world, client, Fault.reset())
        world.server.misbehave(COUNTERS, Fault.refuse(403, "No access"))
        with pytest.raises(StartUnknownError, match="No access") as caught:
            await start(client)
        assert caught.value.__cause__ is not None
        assert world.server.count(START) == 1


async def test_start_is_sent_though_the_counters_before_cannot_be_read() -> None:
    async with night(shows_running=True) as world:
        world.server.misbehave(COUNTERS, Fault.refuse(403, "No access"))
        assert await start(world.open(reconcile_starts=True))
        assert world.entry.before == ""


async def test_start_of_a_segment_is_reconciled_by_its_own_method() -> None:
    async with night(shows_running=True, duration=100) as world:
        client = world.open(reconcile_starts=True, segment_database_name="db_id")
        world.server.misbehave("segments/refresh_counters", Fault.lost_start())
        with pytest.raises(TransportError):
            await client.segments.refresh_counters(6, resource_id=24, database_id=1)
        await asyncio.sleep(LEASE)
        handle = await client.segments.refresh_counters(6, resource_id=24, database_id=1)
        assert handle.ref.target == (6, 24, 1)
        assert world.server.starts["segment", (6, 24, 1)] == 1
        assert world.server.count("segments/get_counters") == 2


async def test_counters_in_xml_prove_as_much() -> None:
    async with night(duration=100, shows_running=True) as world:
        await lose(world, world.open(reconcile_starts=True), Fault.lost_start())
        async with AltcraftClient(
            world.server.url,
            world.server.token,
            format="xml",
            ledger=world.ledger,
            reconcile_starts=True,
        ) as client:
            found = await start(client)
        assert world.entry.ref is not None
        assert world.entry.ref.task_id == found
        assert world.starts == 1


async def test_counters_are_not_read_by_default() -> None:
    async with night(shows_running=True) as world:
        client = world.open()
        await lose(world, client, Fault.reset())
        with pytest.raises(StartUnknownError):
            await start(client)
        assert world.server.count(COUNTERS) == 0


@pytest.mark.parametrize("times", [1, 2])
async def test_closing_ends_the_reading_of_counters(times: int) -> None:
    """Before a start as well as after one."""
    async with night(shows_running=True) as world:
        client = world.open(reconcile_starts=True)
        if times > 1:
            await lose(world, client, Fault.reset())
        world.server.misbehave(COUNTERS, Fault.stall())
        starting = asyncio.create_task(start(client))
        await asyncio.sleep(1)
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await starting
