"""Starts that alone get no answer, while the platform answers lists and polls."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from altcraft_async import Completed, Failed, PlatformUnavailableError, ProtocolError, Retry
from altcraft_async.simulator import Fault
from altcraft_async.transport.breaker import OPENS_AFTER
from altcraft_async.transport.start_gate import LONGEST_DELAY
from tests.support.loop_time import now
from tests.support.recording_observer import Recorder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from altcraft_async import AltcraftClient
    from altcraft_async.simulator import Simulator
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
PAGE = Fault.html(503)
IN_FLIGHT = 10
SECONDS = 20.0
BRIEFLY = 2.0
"""Seconds that a task takes where only its start matters, so that it is polled twice."""

Outcome = Completed[object] | Failed


@contextmanager
def bad_starts(server: Simulator, fault: Fault) -> Generator[None, None, None]:
    """Let each start fail like this."""
    server.misbehave_randomly(rate=1.0, faults=[fault], methods=[START])
    try:
        yield
    finally:
        server.misbehave_randomly(rate=0.0, faults=[fault], methods=[START])


async def run_of(
    client: AltcraftClient,
    targets: Iterable[int],
    outage_patience: float | None = None,
    in_flight: int = IN_FLIGHT,
) -> list[Outcome]:
    """Return the outcomes of a run."""
    run = client.resources.refresh_many(
        [(number, 1) for number in targets],
        in_flight=in_flight,
        outage_patience=outage_patience,
    )
    return [outcome async for outcome in run]


async def close_gate(server: Simulator, client: AltcraftClient) -> None:
    """Let starts fail until single ones are refused."""
    for number in range(1, OPENS_AFTER + 1):
        with pytest.raises(ProtocolError, match="503"):
            await client.resources.refresh_counters(number, database_id=1)
    assert server.count(START) == OPENS_AFTER


@pytest.mark.parametrize("fault", [PAGE, Fault.status(503), Fault.reset()], ids=str)
async def test_run_loses_only_the_starts_under_way_and_those_that_are_tried(
    platform: OpenPlatform, fault: Fault
) -> None:
    async with platform(duration=BRIEFLY) as (server, client):
        with bad_starts(server, fault):
            running = asyncio.create_task(run_of(client, range(1, 61)))
            await asyncio.sleep(SECONDS)
        outcomes = await running
    failed = [one for one in outcomes if isinstance(one, Failed)]
    assert len(outcomes) == 60
    assert all(one.error.maybe_delivered for one in failed)
    # Delays of 0.25, 0.5, 1, 2, 4 and then 5 s, each up to a quarter shorter.
    assert len(failed) <= IN_FLIGHT + OPENS_AFTER + 5 + SECONDS / (0.75 * LONGEST_DELAY)


async def test_single_start_fails_at_once_and_is_not_sent(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        with bad_starts(server, PAGE):
            await close_gate(server, client)
            with pytest.raises(PlatformUnavailableError) as failed:
                await client.resources.refresh_counters(24, database_id=1)
            assert server.count(START) == OPENS_AFTER
    assert not failed.value.maybe_delivered
    assert failed.value.retry_after
    assert "503" in str(failed.value)


async def test_single_start_is_sent_when_its_time_has_come(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        with bad_starts(server, PAGE):
            await close_gate(server, client)
        await asyncio.sleep(1)
        await client.resources.refresh_counters(24, database_id=1)
        assert client.outage is None


async def test_other_calls_go_on(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with bad_starts(server, PAGE):
            for number in range(1, OPENS_AFTER + 1):
                with pytest.raises(ProtocolError):
                    await client.resources.refresh_counters(number, database_id=1)
            assert [one async for one in client.resources.list()]
            await handle.wait()


async def test_run_out_of_patience_fails_what_was_not_started(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        with bad_starts(server, PAGE):
            began = now()
            outcomes = await run_of(client, range(1, 201), outage_patience=30)
            assert now() - began < 40
    errors = [one.error for one in outcomes if isinstance(one, Failed)]
    assert len(errors) == 200
    unsent = [error for error in errors if isinstance(error, PlatformUnavailableError)]
    assert len(unsent) > 200 - 2 * IN_FLIGHT - OPENS_AFTER


async def test_without_patience_each_start_fails_by_itself(platform: OpenPlatform) -> None:
    async with platform(options={"outage_patience": 0}) as (server, client):
        with bad_starts(server, PAGE):
            outcomes = await run_of(client, range(1, 51))
        assert server.count(START) == len(outcomes) == 50


async def test_run_hours_later_completes(platform: OpenPlatform) -> None:
    async with platform(duration=BRIEFLY) as (server, client):
        with bad_starts(server, PAGE):
            await close_gate(server, client)
        await asyncio.sleep(7 * 3600)
        outcomes = await run_of(client, range(1, 51))
    assert all(isinstance(one, Completed) for one in outcomes)


async def test_targets_that_fail_among_good_ones_hold_up_nothing(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(duration=BRIEFLY, options={"observer": recorder}) as (server, client):
        for _ in range(10):
            server.misbehave(START, PAGE, after=9)
        outcomes = await run_of(client, range(1, 101))
    assert sum(isinstance(one, Failed) for one in outcomes) == 10
    assert "outage_began" not in recorder.names


async def test_refusals_for_the_rate_close_nothing(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(duration=BRIEFLY, options={"observer": recorder}) as (server, client):
        server.misbehave(START, Fault.status(429), times=30)
        outcomes = await run_of(client, range(1, 51))
    assert all(isinstance(one, Completed) for one in outcomes)
    assert "outage_began" not in recorder.names


async def test_errors_of_the_platform_itself_hold_up_nothing(platform: OpenPlatform) -> None:
    async with platform(duration=BRIEFLY) as (server, client):
        server.misbehave(START, Fault.status(500), times=50)
        began = now()
        outcomes = await run_of(client, range(1, 81))
        assert server.count(START) == 80
        assert now() - began < 30
    assert sum(isinstance(one, Completed) for one in outcomes) == 30


async def test_starts_after_an_outage_of_everything_are_all_sent(platform: OpenPlatform) -> None:
    async with platform(options={"outage_patience": 600.0}) as (server, client):
        handle = await client.resources.refresh_counters(500, database_id=1)
        waiting = asyncio.create_task(handle.wait())
        server.misbehave_randomly(rate=1.0, faults=[PAGE])
        for number in range(1, 21):
            with pytest.raises((ProtocolError, PlatformUnavailableError)):
                await client.resources.refresh_counters(number, database_id=1)
        server.misbehave_randomly(rate=0.0, faults=[PAGE])
        await waiting
        starts = (
            client.resources.refresh_counters(number, database_id=1) for number in range(1, 21)
        )
        assert len(await asyncio.gather(*starts)) == 20


async def test_single_starts_at_once_wait_for_the_one_that_is_tried(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        with bad_starts(server, PAGE):
            await close_gate(server, client)
        await asyncio.sleep(10)
        starts = (
            client.resources.refresh_counters(number, database_id=1) for number in range(1, 21)
        )
        assert len(await asyncio.gather(*starts)) == 20


async def test_run_after_one_that_lost_its_patience_completes(platform: OpenPlatform) -> None:
    async with platform(duration=BRIEFLY) as (server, client):
        with bad_starts(server, PAGE):
            await run_of(client, range(1, 101), outage_patience=30)
        await asyncio.sleep(10)
        outcomes = await run_of(client, range(101, 151), outage_patience=30)
    assert all(isinstance(one, Completed) for one in outcomes)


async def test_retry_after_of_an_error_page_is_obeyed_by_all_starts(platform: OpenPlatform) -> None:
    async with platform(duration=BRIEFLY) as (server, client):
        with bad_starts(server, Fault.status(503, retry_after=300)):
            running = asyncio.create_task(run_of(client, range(1, 61)))
            await asyncio.sleep(300)
            assert server.count(START) <= IN_FLIGHT + OPENS_AFTER + 3  # one each two minutes
        outcomes = await running
    assert len(outcomes) == 60


async def test_trial_goes_ahead_of_starts_that_are_held(platform: OpenPlatform) -> None:
    async with platform(duration=BRIEFLY, options={"rate_limit": 2.0}) as (server, client):
        with bad_starts(server, PAGE):
            running = asyncio.create_task(run_of(client, range(1, 101), in_flight=100))
            await asyncio.sleep(10)
            sent = server.count(START)
        await asyncio.sleep(10)
        assert server.count(START) > sent + 5
        await running


async def test_refused_connection_is_no_answer_to_a_start(platform: OpenPlatform) -> None:
    recorder = Recorder()
    async with platform(duration=BRIEFLY, options={"observer": recorder}) as (server, client):
        with bad_starts(server, PAGE):
            running = asyncio.create_task(run_of(client, range(1, 51)))
            await asyncio.sleep(SECONDS)
            await server.stop()
            await asyncio.sleep(SECONDS)
            assert client.outage
        await server.start()
        outcomes = await running
    failed = [one for one in outcomes if isinstance(one, Failed)]
    assert len(failed) <= IN_FLIGHT + OPENS_AFTER + 5 + SECONDS / (0.75 * LONGEST_DELAY)


async def test_start_that_was_perhaps_delivered_stays_so_when_patience_is_over(
    platform: OpenPlatform,
) -> None:
    retry = Retry(ambiguous_starts=True)
    async with platform(options={"retry": retry}) as (server, client):
        with bad_starts(server, PAGE):
            outcomes = await run_of(client, range(1, 51), outage_patience=30)
    errors = [one.error for one in outcomes if isinstance(one, Failed)]
    assert len(errors) == 50
    assert sum(error.maybe_delivered for error in errors) == IN_FLIGHT


async def test_bad_starts_are_observed_and_logged_once(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    caplog.set_level(logging.INFO, "altcraft_async")
    async with platform(duration=BRIEFLY, options={"observer": recorder}) as (server, client):
        with bad_starts(server, PAGE):
            running = asyncio.create_task(run_of(client, range(1, 51)))
            await asyncio.sleep(SECONDS)
            assert client.outage
            assert client.outage.reason == "HTTP 503"
        await running
        assert client.outage is None
    recorder.only("outage_began")
    recorder.only("outage_ended")
    lines = [one.levelname for one in caplog.records if "answer" in one.message]
    assert lines == ["WARNING", "INFO"]


async def test_start_that_is_tried_and_cancelled_lets_the_next_be_tried(
    platform: OpenPlatform,
) -> None:
    async with platform() as (server, client):
        with bad_starts(server, PAGE):
            await close_gate(server, client)
        await asyncio.sleep(1)
        server.misbehave(START, Fault.stall(60))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await client.resources.refresh_counters(24, database_id=1)
        assert client.outage is None
        outcomes = await run_of(client, range(100, 120))
    assert all(isinstance(one, Completed) for one in outcomes)
