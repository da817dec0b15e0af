"""What a client does while the platform does not answer, over real sockets and virtual time."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from altcraft_async import (
    Completed,
    Constant,
    Failed,
    Patience,
    PlatformUnavailableError,
    PollingError,
    TransportError,
    WaitTimeoutError,
)
from altcraft_async.simulator import Fault
from altcraft_async.transport.breaker import OPENS_AFTER
from tests.support.leftovers import left_behind, let_go
from tests.support.loop_time import now
from tests.support.recording_observer import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from altcraft_async import AltcraftClient, CountersReport
    from altcraft_async.client import ClientOptions
    from altcraft_async.simulator import Simulator
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START, LIST = "resources/refresh_counters", "resources/list"
TARGETS = [(number, 1) for number in range(1, 101)]

Outcomes = list[Completed["CountersReport"] | Failed]


async def collect(run: AsyncGenerator[Completed[CountersReport] | Failed, None]) -> Outcomes:
    """Return the outcomes of a run."""
    return [outcome async for outcome in run]


async def outage(server: Simulator, seconds: float) -> None:
    """Refuse connections for so long."""
    await server.stop()
    await asyncio.sleep(seconds)
    await server.start()


async def begin_outage(server: Simulator, client: AltcraftClient) -> None:
    """Refuse connections until the client has noticed."""
    await server.stop()
    for _ in range(3):
        with pytest.raises(TransportError):
            await client.tasks.status("t1")
    with pytest.raises(PlatformUnavailableError):
        await client.tasks.status("t1")


@pytest.mark.slow
async def test_run_hours_after_an_outage_that_nobody_watched_completes(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        await begin_outage(server, client)
        await asyncio.sleep(7 * 3600)
        await server.start()
        outcomes = await collect(client.resources.refresh_many(TARGETS, in_flight=10))
    assert sum(isinstance(one, Completed) for one in outcomes) == len(TARGETS)


async def test_starts_that_wait_for_the_rate_when_an_outage_begins_are_not_sent(
    platform: OpenPlatform,
) -> None:
    async with platform(options={"rate_limit": 2.0}) as (server, client):
        for method in (START, LIST):
            server.misbehave(method, Fault.html(503), times=10_000)
        run = asyncio.create_task(collect(client.resources.refresh_many(TARGETS)))
        await asyncio.sleep(5)
        sent = server.count(START)
        assert sent <= 5 * 2 + 1
        await asyncio.sleep(60)
        assert server.count(START) <= sent + 1
        run.cancel()
        await asyncio.wait([run])


async def test_run_waits_out_refused_connections(platform: OpenPlatform) -> None:
    targets = TARGETS[:50]
    async with platform(options={"poll": Constant(2.0)}) as (server, client):
        run = asyncio.create_task(collect(client.resources.refresh_many(targets, in_flight=10)))
        await asyncio.sleep(25)
        await outage(server, 45)
        outcomes = await run
    assert sum(isinstance(one, Completed) for one in outcomes) == len(targets)
    assert max(server.starts.values()) == 1
    assert now() < 45 + 1.5 * 55 + 5


async def test_single_start_fails_at_once_and_is_not_sent(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        await begin_outage(server, client)
        began = now()
        with pytest.raises(PlatformUnavailableError, match="has not answered since") as caught:
            await client.resources.refresh_counters(24, database_id=1)
        assert now() == began
        assert caught.value.retry_after is not None
        assert not caught.value.maybe_delivered
        await server.start()
        await asyncio.sleep(10)
    assert not server.starts


async def test_single_start_with_patience_waits(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        await begin_outage(server, client)
        start = client.resources.refresh_counters(24, database_id=1, outage_patience=60)
        starting = asyncio.create_task(start)
        await asyncio.sleep(20)
        await server.start()
        await starting
        assert server.starts["resource", (24, 1)] == 1


async def test_patient_start_that_joins_an_impatient_one_waits(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        await begin_outage(server, client)
        await asyncio.sleep(10)  # until nothing probes, so that an impatient start does
        refresh = partial(client.resources.refresh_counters, 24, database_id=1)
        impatient = asyncio.create_task(refresh())
        await asyncio.sleep(0)
        patient = asyncio.create_task(refresh(outage_patience=60))
        with pytest.raises(PlatformUnavailableError):
            await impatient
        await asyncio.sleep(10)
        await server.start()
        await patient
        assert server.starts["resource", (24, 1)] == 1


async def test_impatient_start_that_joins_a_patient_one_fails_at_once(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        await begin_outage(server, client)
        refresh = partial(client.resources.refresh_counters, 24, database_id=1)
        patient = asyncio.create_task(refresh(outage_patience=60))
        await asyncio.sleep(1)
        began = now()
        with pytest.raises(PlatformUnavailableError):
            await refresh()
        assert now() == began
        await server.start()
        await patient
        assert server.starts["resource", (24, 1)] == 1


async def test_impatient_start_fails_when_an_outage_begins_while_it_is_joined(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        await server.stop()
        refresh = partial(client.resources.refresh_counters, 24, database_id=1)
        patient = asyncio.create_task(refresh(outage_patience=60))
        await asyncio.sleep(0)
        with pytest.raises(PlatformUnavailableError) as caught:
            await refresh()
        assert caught.value.maybe_delivered
        assert now() < 10
        await server.start()
        await patient


async def test_error_pages_make_ambiguous_only_the_starts_under_way(
    platform: OpenPlatform,
) -> None:
    in_flight, targets = 10, TARGETS[:50]
    async with platform(options={"poll": Constant(2.0)}) as (server, client):
        run = client.resources.refresh_many(targets, in_flight=in_flight)
        running = asyncio.create_task(collect(run))
        await asyncio.sleep(25)
        server.misbehave_randomly(rate=1.0, faults=[Fault.html(503)])
        await asyncio.sleep(20)
        server.misbehave_randomly(rate=0.0, faults=[Fault.html(503)])
        outcomes = await running
    failed = [one for one in outcomes if isinstance(one, Failed)]
    assert len(failed) <= in_flight
    assert all(one.error.maybe_delivered for one in failed)
    assert len(outcomes) == len(targets)


async def test_without_patience_each_request_fails_by_itself(platform: OpenPlatform) -> None:
    async with platform(options={"outage_patience": 0}) as (server, client):
        await server.stop()
        outcomes = await collect(client.resources.refresh_many(TARGETS))
        await server.start()
    assert len(outcomes) == len(TARGETS)
    for outcome in outcomes:
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, TransportError)
        assert not isinstance(outcome.error, PlatformUnavailableError)


async def test_run_out_of_patience_fails_what_was_not_started(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        await begin_outage(server, client)
        began = now()
        run = client.resources.refresh_many(TARGETS, outage_patience=30)
        outcomes = await collect(run)
        assert now() - began < 35
        await server.start()
    for outcome in outcomes:
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, PlatformUnavailableError)


@pytest.mark.parametrize("waiting", [100, pytest.param(300, marks=pytest.mark.slow)])
async def test_waits_whose_patience_is_over_end_within_minutes_and_send_no_polls(
    platform: OpenPlatform, waiting: int
) -> None:
    async with platform(options={"outage_patience": 20.0}) as (server, client):
        targets = range(1, waiting + 1)
        handles = [await client.resources.refresh_counters(n, database_id=1) for n in targets]
        waits = [asyncio.create_task(handle.wait()) for handle in handles]
        server.misbehave_randomly(rate=1.0, faults=[Fault.stall()])
        await asyncio.sleep(60)  # noticed after some seconds, and then for as long as that
        polls = server.count("tasks/status")
        began = now()
        errors = await asyncio.gather(*waits, return_exceptions=True)
        assert now() - began < 120
        assert server.count("tasks/status") == polls
        server.misbehave_randomly(rate=0.0, faults=[Fault.stall()])
    assert all(isinstance(error, PollingError) for error in errors)


@pytest.mark.parametrize("patience", [Patience(), Patience(failures=1, seconds=0)])
@pytest.mark.parametrize("seconds", [0, 60])
async def test_wait_that_ended_in_an_outage_can_be_awaited_again(
    platform: OpenPlatform, patience: Patience, seconds: float
) -> None:
    options: ClientOptions = {"outage_patience": 20.0, "polling_patience": patience}
    async with platform(options=options) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await server.stop()
        with pytest.raises(PollingError):
            await handle.wait()
        await asyncio.sleep(seconds)
        await server.start()
        await handle.wait()


async def test_outage_is_known_within_seconds_at_a_low_rate(platform: OpenPlatform) -> None:
    async with platform(options={"rate_limit": 3.0}) as (server, client):
        running = asyncio.create_task(collect(client.resources.refresh_many(TARGETS[:50])))
        await asyncio.sleep(5)
        await server.stop()
        await asyncio.sleep(5)
        assert client.outage
        await server.start()
        outcomes = await running
    assert all(isinstance(one, Completed) for one in outcomes)


async def test_open_handles_are_polled_within_seconds_of_the_return(
    platform: OpenPlatform,
) -> None:
    impatient = Patience(failures=2, seconds=1)
    async with platform(options={"polling_patience": impatient}) as (server, client):
        handles = [await client.resources.refresh_counters(n, database_id=1) for n in range(1, 51)]
        waits = asyncio.gather(*(handle.wait() for handle in handles))
        await asyncio.sleep(5)
        await outage(server, 120)
        returned = now()
        await waits
        assert now() - returned < 10


async def test_polls_under_patience_end_with_their_timeout(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await begin_outage(server, client)
        began = now()
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=10)
        assert now() - began < 12
        await server.start()


async def test_poll_of_a_handle_fails_at_once(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await begin_outage(server, client)
        began = now()
        with pytest.raises(PlatformUnavailableError):
            await handle.poll()
        assert now() == began
        await server.start()
        await asyncio.sleep(10)
        assert await handle.poll()


async def test_wait_that_begins_in_an_outage_makes_the_client_probe(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await begin_outage(server, client)
        await asyncio.sleep(30)
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(5)
        await server.start()
        returned = now()
        await waiting
        assert now() - returned < 10


async def test_method_that_fails_alone_is_no_outage(platform: OpenPlatform) -> None:
    recorder, patient = Recorder(), Patience(failures=100, seconds=1000)
    options: ClientOptions = {"observer": recorder, "polling_patience": patient}
    async with platform(options=options) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        server.misbehave("tasks/status", Fault.html(502), times=12)
        await handle.wait()
    assert handle.polls > 12
    assert "outage_began" not in recorder.names


async def test_probes_obey_the_rate_limit(platform: OpenPlatform) -> None:
    async with platform(options={"rate_limit": 0.5}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        waiting = asyncio.create_task(handle.wait())
        server.misbehave_randomly(rate=1.0, faults=[Fault.html(503)])
        await asyncio.sleep(60)
        server.misbehave_randomly(rate=0.0, faults=[Fault.html(503)])
        await waiting
        times = [request.at for request in server.requests]
    assert server.count("resources/list") > 5
    assert all(later - sooner > 1.9 for sooner, later in pairwise(times))


@pytest.mark.slow
async def test_refresh_all_goes_on_listing(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        running = asyncio.create_task(collect(client.refresh_all(in_flight=50)))
        await asyncio.sleep(15)
        await outage(server, 45)
        outcomes = await running
    assert sum(isinstance(one, Completed) for one in outcomes) == len(outcomes)
    assert len(outcomes) >= 500


@pytest.mark.slow
async def test_requests_in_an_outage_are_few(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        running = asyncio.create_task(collect(client.resources.refresh_many(TARGETS)))
        await asyncio.sleep(5)
        server.misbehave_randomly(rate=1.0, faults=[Fault.html(503)])
        await asyncio.sleep(10)
        before = len(server.requests)
        await asyncio.sleep(60)
        assert len(server.requests) - before <= 60
        server.misbehave_randomly(rate=0.0, faults=[Fault.html(503)])
        await running


async def test_run_that_is_cancelled_in_an_outage_leaves_no_probing(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        run = asyncio.create_task(collect(client.resources.refresh_many(TARGETS, in_flight=50)))
        await asyncio.sleep(5)
        server.misbehave_randomly(rate=1.0, faults=[Fault.html(503)])
        await asyncio.sleep(10)
        assert client.outage
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await asyncio.sleep(10)
        before = len(server.requests)
        await asyncio.sleep(60)
        assert len(server.requests) == before


async def test_closing_in_an_outage_ends_at_once_and_leaves_nothing(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        check = left_behind()
        run = asyncio.create_task(collect(client.resources.refresh_many(TARGETS, in_flight=10)))
        await asyncio.sleep(5)
        await server.stop()
        await asyncio.sleep(20)
        began = now()
        await client.aclose()
        await run
        assert now() == began
        await let_go()
        check()
        await server.start()


async def test_outage_is_observed_and_logged_once(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    caplog.set_level(logging.INFO, "altcraft_async")
    async with platform(options={"observer": recorder}) as (server, client):
        await begin_outage(server, client)
        await server.start()
        await asyncio.sleep(10)
        # A probe is sent while a caller or a poll waits.
        await client.resources.refresh_counters(24, database_id=1, outage_patience=60)
    began, ended = recorder.only("outage_began"), recorder.only("outage_ended")
    assert isinstance(began.about[0], TransportError)
    requests = ended.about[1]
    assert isinstance(requests, int)
    assert requests >= OPENS_AFTER
    lines = [(one.levelname, one.message) for one in caplog.records if "answer" in one.message]
    assert [level for level, _ in lines] == ["WARNING", "INFO"]
