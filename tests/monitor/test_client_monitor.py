"""What a monitor says of the clients that it watches."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    ConfigurationError,
    Constant,
    TaskKind,
    WaitTimeoutError,
)
from altcraft_async.monitor import Monitor
from altcraft_async.simulator import Fault, Simulator
from tests.support.recording_observer import Recorder

SOON = Constant(0.05)


async def test_task_with_waiters_shows_target_progress_and_end() -> None:
    monitor = Monitor()
    async with (
        Simulator(duration=3600) as server,
        AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
    ):
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert (await monitor.view()).running == []  # it is not polled
        waits = [asyncio.ensure_future(handle.wait()) for _ in range(2)]
        await handle.poll()
        view = await monitor.view()
        (row,) = view.running
        assert (row.what.kind, row.what.target, row.what.name) == ("resource", (24, 1), None)
        assert (row.status, row.progress, row.waiters) == ("running", 0, 2)
        assert row.since == pytest.approx(view.summary.at, abs=60)
        assert (view.summary.running, view.summary.bins) == (1, [1, *[0] * 9])
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
        assert (await monitor.view()).running == []


async def test_finished_refresh_shows_its_counters_and_what_it_cost() -> None:
    monitor = Monitor()
    async with (
        Simulator(duration=0.1, channels=("email", "sms")) as server,
        AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
    ):
        report = await client.resources.refresh(24, database_id=1)
    view = await monitor.view()
    (arrival,) = view.arrived
    channels = dict(arrival.channels)
    assert list(channels) == ["email", "sms"]
    assert channels["email"]["subscribed"] == report["email"].subscribed
    assert arrival.polls == view.summary.totals["polls"] == view.summary.polls_per_task
    assert arrival.lateness
    assert view.summary.lateness == [arrival.lateness] * 2
    assert view.summary.totals["completed"] == view.summary.totals["started"] == 1


async def test_failures_show_their_target_reason_and_text() -> None:
    monitor = Monitor()
    async with (
        Simulator(duration=3600) as server,
        AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
    ):
        server.misbehave("resources/refresh_counters", Fault.refuse(402))
        with suppress(AltcraftError):
            await client.resources.refresh(24, database_id=1)
        with suppress(WaitTimeoutError):
            await client.resources.refresh(25, database_id=1, timeout=0.0)
    view = await monitor.view()
    assert [(one.what.target, one.reason) for one in view.failed] == [
        ((25, 1), "WaitTimeoutError"),
        ((24, 1), "TariffLimitError"),
    ]
    assert "402" in view.failed[1].text
    assert view.summary.reasons == {"WaitTimeoutError": 1, "TariffLimitError": 1}


async def test_closing_the_client_is_no_failure_of_its_tasks() -> None:
    monitor = Monitor()
    async with Simulator(duration=3600) as server:
        async with AltcraftClient(server.url, server.token, observer=monitor) as client:
            handle = await client.resources.refresh_counters(24, database_id=1)
            wait = asyncio.ensure_future(handle.wait())
            await asyncio.sleep(0)
        await asyncio.wait([wait])
    view = await monitor.view()
    assert (view.running, view.failed, view.summary.reasons) == ([], [], {})


async def test_outage_is_shown_until_the_platform_answers_again() -> None:
    monitor = Monitor()
    async with (
        Simulator(duration=0.1) as server,
        AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
    ):
        handles = [
            await client.resources.refresh_counters(number, database_id=1) for number in range(1, 9)
        ]
        await server.stop()
        waits = asyncio.gather(*handles)
        while client.outage is None:  # noqa: ASYNC110 -- there is no event to wait for
            await asyncio.sleep(0.01)
        outage = (await monitor.view()).summary.outage
        assert outage
        assert "cannot connect" in outage[1]
        await server.start()
        await waits
    summary = (await monitor.view()).summary
    assert (summary.outage, summary.totals["outages"]) == (None, 1)


async def test_refused_polls_are_counted_as_throttled() -> None:
    monitor = Monitor()
    async with (
        Simulator(duration=0.1) as server,
        AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
    ):
        server.misbehave("tasks/status", Fault.status(429))
        await client.resources.refresh(24, database_id=1)
    totals = (await monitor.view()).summary.totals
    assert (totals["failed polls"], totals["throttled"]) == (1, 1)


async def test_ten_thousand_tasks_are_counted_and_a_hundred_shown() -> None:
    monitor = Monitor()
    # Nothing is sent: the loop gets no turn before the client is closed.
    async with AltcraftClient("http://127.0.0.1:9", "token", observer=monitor) as client:
        handles = [client.tasks.attach(f"t{number}") for number in range(10_000)]
        for handle in handles:
            handle.add_done_callback(print)
        view = await monitor.view()
        assert (view.summary.running, len(view.running)) == (10_000, 100)
        assert (view.running[0].since, view.running[0].ends) == (None, None)


async def test_another_observer_is_told_the_same() -> None:
    alone, also = Recorder(), Recorder()
    async with Simulator(duration=0.1) as server:
        for observer in (alone, Monitor(also=also)):
            client = AltcraftClient(server.url, server.token, poll=SOON, observer=observer)
            async with client:
                server.misbehave("resources/refresh_counters", Fault.refuse(402), after=1)
                for _ in range(2):
                    with suppress(AltcraftError):
                        await client.resources.refresh(24, database_id=1)
    assert also.names == alone.names
    assert set(also.names) == {"started", "watched", "polled", "ended", "start_failed"}


async def test_names_come_from_the_program() -> None:
    def name_of(kind: TaskKind, target: tuple[int, ...] | None) -> str:
        return f"News as {kind} {list(target or ())}"

    monitor = Monitor(name_of=name_of)
    async with (
        Simulator(duration=0.1) as server,
        AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
    ):
        await client.databases.refresh(1, resource_id=24)
    assert (await monitor.view()).arrived[0].what.name == "News as database [1, 24]"


@pytest.mark.parametrize("interval", [0, -1, float("inf")])
def test_impossible_interval_is_refused(interval: float) -> None:
    with pytest.raises(ConfigurationError, match=r"^interval: "):
        Monitor(interval=interval)
