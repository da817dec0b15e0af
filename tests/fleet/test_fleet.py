"""Several worker processes with a real Redis, which are killed, suspended and stopped.

Each test checks the starts that the platform has counted: no target may be started twice.
``ALTCRAFT_FLEET_TIMES=20 pytest -m slow tests/fleet -k killed`` repeats one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from bisect import bisect_left
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from altcraft_async.integrations.redis import RedisLedger
from altcraft_async.integrations.taskiq import AltcraftRefreshes
from altcraft_async.simulator import Simulator
from tests.support.fleet_worker import Settings, refreshes_of
from tests.support.polling_until import until
from tests.support.redis_server import RedisServer, shared_redis
from tests.support.suspension import suspend_between_starts

pytestmark = pytest.mark.slow

TIMES = range(int(os.environ.get("ALTCRAFT_FLEET_TIMES", "1")))
WORKERS = 3
TARGETS = 200
STALL = 2.0
"""Seconds for which this process may not run; the platform then reads all requests at once."""

ROOT = Path(__file__).parents[2]


class Fleet:
    """A platform, workers, and a program that enqueues.

    Attributes:
        server: The platform, in this process.
        settings: Shared by all processes.
        workers: The processes.
    """

    def __init__(self, server: Simulator, settings: Settings, refreshes: AltcraftRefreshes) -> None:
        """Start nothing yet."""
        self.server = server
        self.settings = settings
        self.workers: list[subprocess.Popen[bytes]] = []
        self._refreshes = refreshes

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        worker = subprocess.Popen(  # noqa: S603 -- this Python
            [
                sys.executable,
                "-m",
                "tests.support.fleet_worker",
                msgspec.json.encode(self.settings),
            ],
            cwd=ROOT,
        )
        self.workers.append(worker)
        return worker

    async def refresh(self, targets: int = TARGETS) -> list[dict[str, object]]:
        """Refresh all targets; return the results of the jobs."""
        numbers = [(number, 1) for number in range(1, targets + 1)]
        tasks = [task async for task in self._refreshes.enqueue_many(numbers)]
        results = [await task.wait_result(check_interval=0.05, timeout=90) for task in tasks]
        return [result.raise_for_error().return_value for result in results]

    async def until_started(self, targets: int) -> None:
        """Wait for so many starts."""

        async def enough() -> bool:
            return len(self.server.starts) >= targets

        await until(enough, timeout=60)

    async def suspend(self, worker: subprocess.Popen[bytes]) -> None:
        """Suspend a worker while it has no start under way."""
        prefix = f"{self.settings.name}:"
        async with RedisLedger(self.settings.redis, prefix=prefix) as ledger:
            await suspend_between_starts(worker.pid, ledger)

    def stop_workers(self) -> None:
        """Stop the running workers, suspended ones included."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(10)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


@asynccontextmanager
async def fleet(
    redis: str, name: str, *, workers: int = WORKERS, **settings: float
) -> AsyncGenerator[Fleet, None]:
    """Run a platform whose tasks take about three seconds, and workers."""
    async with Simulator(duration=(2.0, 4.0), shows_running=True) as server:
        shared = Settings(redis=redis, url=server.url, token=server.token, name=name, **settings)
        broker, refreshes = refreshes_of(shared)
        await broker.startup()
        fleet = Fleet(server, shared, refreshes)
        try:
            for _ in range(workers):
                fleet.start_worker()
            yield fleet
        finally:
            await asyncio.to_thread(fleet.stop_workers)
            await broker.shutdown()


def assert_once_each(fleet: Fleet, done: list[dict[str, object]], targets: int = TARGETS) -> None:
    """Assert that every target has a result and was started once."""
    assert sorted(tuple(one["target"]) for one in done) == [(n, 1) for n in range(1, targets + 1)]  # type: ignore[arg-type]  # a list of ints
    assert len(fleet.server.starts) == targets
    assert set(fleet.server.starts.values()) == {1}


def most_in(seconds: float, fleet: Fleet) -> int:
    """Return the most requests within so many seconds."""
    times = [request.at for request in fleet.server.requests]
    return max(bisect_left(times, at + seconds) - number for number, at in enumerate(times))


@pytest.mark.parametrize("time", TIMES)
async def test_killed_worker_costs_no_refresh_and_no_second_start(
    time: int, tmp_path: Path
) -> None:
    async with fleet(shared_redis().url, f"{tmp_path}") as running:
        refreshing = asyncio.create_task(running.refresh())
        await running.until_started(60)
        await running.suspend(running.workers[0])
        running.workers[0].send_signal(signal.SIGKILL)
        began = asyncio.get_running_loop().time()
        done = await refreshing
        assert_once_each(running, done)
        # Over five seconds, because a stalled platform reads several requests at once.
        assert most_in(5, running) <= running.settings.per_second * (5 + STALL)
        seconds = asyncio.get_running_loop().time() - began
        sys.stdout.write(
            f"run {time}: {len(done)} of {TARGETS} done, {sum(running.server.starts.values())} "
            f"starts, at most {most_in(1, running)} requests in a second and {most_in(5, running)} "
            f"in five, {seconds:.1f} s after the kill\n"
        )


async def test_suspended_worker_that_continues_starts_nothing_again(tmp_path: Path) -> None:
    """The worker is suspended longer than its lease, so other workers have taken its jobs."""
    async with fleet(shared_redis().url, f"{tmp_path}") as running:
        refreshing = asyncio.create_task(running.refresh())
        await running.until_started(40)
        suspended = running.workers[0]
        await running.suspend(suspended)
        await asyncio.sleep(7.5)  # beyond the lease of seven seconds, and idle_timeout
        suspended.send_signal(signal.SIGCONT)
        assert_once_each(running, await refreshing)


async def test_restart_of_redis_loses_nothing(tmp_path: Path) -> None:
    """Nothing is started until Redis is back."""
    redis = RedisServer(tmp_path)
    try:
        async with fleet(redis.url, "fleet") as running:
            refreshing = asyncio.create_task(running.refresh())
            await running.until_started(60)
            await asyncio.to_thread(redis.stop)
            await asyncio.sleep(2)  # for requests that were already sent
            before = dict(running.server.starts)
            await asyncio.sleep(2)
            assert running.server.starts == before
            await asyncio.to_thread(redis.start)
            assert_once_each(running, await refreshing)
    finally:
        redis.stop()


async def test_stopped_worker_returns_its_jobs_to_the_queue(tmp_path: Path) -> None:
    """Other workers take them before the idle timeout, which is longer than the test."""
    async with fleet(shared_redis().url, f"{tmp_path}", idle_timeout=600.0) as running:
        refreshing = asyncio.create_task(running.refresh())
        await running.until_started(60)
        running.workers[0].send_signal(signal.SIGTERM)
        assert_once_each(running, await refreshing)


async def test_slow_job_taken_twice_is_started_once(tmp_path: Path) -> None:
    async with fleet(
        shared_redis().url, f"{tmp_path}", workers=2, idle_timeout=1.0, wait=0.9, per_second=10.0
    ) as running:
        done = await running.refresh(targets=20)
        assert_once_each(running, done, targets=20)


async def test_redis_holds_neither_token_nor_pickles(tmp_path: Path) -> None:
    async with fleet(shared_redis().url, f"{tmp_path}", workers=1) as running:
        await running.refresh(targets=3)
        async with Redis.from_url(running.settings.redis) as redis:
            names = await redis.keys(f"{tmp_path}*")
            dumps = [await redis.dump(name) or b"" for name in names]
        assert len(names) >= 3
        for dump in dumps:
            assert running.settings.token.encode() not in dump
            assert b"altcraft_async" not in dump  # pickle would name its classes
