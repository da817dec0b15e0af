"""Workers report through a real Redis."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import msgspec
import pytest
from redis.asyncio import Redis

from altcraft_async import AltcraftClient, ConfigurationError, Constant, TransportError
from altcraft_async.monitor import Monitor
from altcraft_async.monitor.fleet import REPORTS, FleetMonitor, report_to
from altcraft_async.monitor.views import View
from altcraft_async.simulator import Simulator
from tests.monitor.test_page import part
from tests.support.fleet_worker import Settings, refreshes_of
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer, shared_redis

SOON = Constant(0.05)


async def seen(fleet: FleetMonitor, condition: Callable[[View], object]) -> View:
    """Read until a condition is met."""
    async with asyncio.timeout(60):
        while not condition(view := await fleet.view()):  # noqa: ASYNC110 -- it happens in Redis
            await asyncio.sleep(0.01)
    return view


async def test_page_shows_what_all_workers_do(request: pytest.FixtureRequest) -> None:
    url, prefix = shared_redis().url, f"{request.node.name}:"
    one, two = Monitor(), Monitor()
    async with (
        Simulator(duration=0.2) as server,
        FleetMonitor(url, "fleet", prefix=prefix) as fleet,
        report_to(url, one, prefix=prefix, interval=0.02),
        report_to(url, two, prefix=prefix, interval=0.02),
        AltcraftClient(server.url, server.token, poll=SOON, observer=one) as client,
        AltcraftClient(server.url, server.token, poll=SOON, observer=two) as other,
    ):
        waits = [
            asyncio.ensure_future(client.resources.refresh(24, database_id=1)),
            asyncio.ensure_future(other.resources.refresh(25, database_id=1)),
        ]
        view = await seen(fleet, lambda view: len(view.running) == 2)
        assert {row.what.target for row in view.running} == {(24, 1), (25, 1)}
        assert all(row.worker for row in view.running)
        await asyncio.gather(*waits)
        view = await seen(fleet, lambda view: len(view.arrived) == 2)
        assert (view.summary.workers, view.summary.totals["completed"]) == (2, 2)
        assert dict(view.arrived[0].channels)["email"]["subscribed"]
        async with (
            aiohttp.ClientSession() as browser,
            fleet.serve(port=0) as page,
            browser.get(f"{page}events") as response,
        ):
            assert len(await part(response, "arrived")) == 2


async def test_last_report_is_sent_at_the_end(request: pytest.FixtureRequest) -> None:
    url, prefix = shared_redis().url, f"{request.node.name}:"
    monitor = Monitor()
    async with (
        Simulator(duration=0.1) as server,
        report_to(url, monitor, prefix=prefix, interval=3600),
        AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
    ):
        await client.resources.refresh(24, database_id=1)
    async with FleetMonitor(url, "fleet", prefix=prefix) as fleet:
        assert [one.what.target for one in (await fleet.view()).arrived] == [(24, 1)]


async def test_stream_stays_short_and_what_is_no_report_is_skipped(
    request: pytest.FixtureRequest,
) -> None:
    url, prefix = shared_redis().url, f"{request.node.name}:"
    async with Redis.from_url(url) as redis, redis.pipeline() as many:
        for number in range(3 * REPORTS):
            many.xadd(f"{prefix}fleet", {"report": f'{{"number": {number}}}'})
        await many.execute()
        async with report_to(url, Monitor(), prefix=prefix):
            pass
        assert await redis.xlen(f"{prefix}fleet") <= REPORTS + 100
        assert 0 < await redis.ttl(f"{prefix}fleet") <= 86_400
    async with FleetMonitor(url, "fleet", prefix=prefix) as fleet:
        assert (await fleet.view()).summary.workers == 1


async def test_worker_goes_on_without_redis(caplog: pytest.LogCaptureFixture) -> None:
    url = f"redis://:secret@127.0.0.1:{free_port()}"
    monitor = Monitor()
    with caplog.at_level(logging.WARNING):
        async with (
            Simulator(duration=0.1) as server,
            report_to(url, monitor, interval=0.01),
            AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
        ):
            await client.resources.refresh(24, database_id=1)
    (said,) = caplog.messages
    assert said.startswith("monitor: nothing is reported for now (")
    assert "secret" not in said


async def test_page_says_why_the_fleet_cannot_be_read() -> None:
    url = f"redis://:secret@127.0.0.1:{free_port()}"
    async with FleetMonitor(url, "fleet") as fleet:
        with pytest.raises(TransportError, match=r"^fleet: Redis cannot be used") as refused:
            await fleet.view()
    assert "secret" not in str(refused.value)


@pytest.mark.slow
async def test_redis_that_comes_back_is_told_what_it_missed(tmp_path: Path) -> None:
    redis, monitor = RedisServer(tmp_path), Monitor()
    try:
        async with (
            Simulator(duration=0.1) as server,
            FleetMonitor(redis.url, "fleet") as fleet,
            report_to(redis.url, monitor, interval=0.02),
            AltcraftClient(server.url, server.token, poll=SOON, observer=monitor) as client,
        ):
            await seen(fleet, lambda view: view.summary.workers)
            redis.stop()
            await client.resources.refresh(24, database_id=1)
            redis.start()
            view = await seen(fleet, lambda view: view.arrived)
            assert view.summary.totals["completed"] == 1
    finally:
        redis.stop()


@pytest.mark.slow
async def test_redis_that_hangs_does_not_keep_a_worker_from_its_end(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    try:
        async with asyncio.timeout(8), report_to(redis.url, Monitor(), interval=0.01):
            redis.freeze()
    finally:
        redis.stop()


@pytest.mark.slow
async def test_workers_of_taskiq_are_shown_together(request: pytest.FixtureRequest) -> None:
    name = request.node.name
    async with Simulator(duration=1.0) as server, AsyncExitStack() as workers:
        settings = Settings(
            redis=shared_redis().url,
            url=server.url,
            token=server.token,
            name=name,
            report_every=0.1,
        )
        broker, refreshes = refreshes_of(settings)
        await broker.startup()
        for _ in range(2):
            await workers.enter_async_context(worker_of(settings))
        fleet = FleetMonitor(settings.redis, "fleet", prefix=f"{name}:")
        workers.push_async_callback(fleet.aclose)
        await seen(fleet, lambda view: view.summary.workers == 2)
        for number in range(1, 11):
            await refreshes.enqueue((number, 1))
        view = await seen(fleet, lambda view: len({row.worker for row in view.running}) == 2)
        view = await seen(fleet, lambda view: view.summary.totals.get("completed") == 10)
        assert {one.what.target for one in view.arrived} == {(n, 1) for n in range(1, 11)}
        await broker.shutdown()


@asynccontextmanager
async def worker_of(settings: Settings) -> AsyncGenerator[None, None]:
    """Run a worker as a process."""
    command = (sys.executable, "-m", "tests.support.fleet_worker", msgspec.json.encode(settings))
    process = await asyncio.create_subprocess_exec(*command)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def test_something_else_than_a_redis_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^redis: "):
        FleetMonitor("http://localhost", "fleet")


async def test_something_else_than_a_monitor_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^monitor: "):
        async with report_to(shared_redis().url, cast("Any", "monitor")):
            pass
