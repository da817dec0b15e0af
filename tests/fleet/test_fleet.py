"""Several workers, real processes with a real Redis, and what may happen to them.

Each test reads the platform's own transcript: no target may be started twice.
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

from altcraft_async import LedgerEntry
from altcraft_async.integrations.redis import RedisLedger
from altcraft_async.integrations.taskiq import AltcraftRefreshes
from altcraft_async.simulator import Simulator
from tests.support.fleet_worker import Settings, refreshes_of
from tests.support.polling_until import until
from tests.support.redis_server import RedisServer, shared_redis

pytestmark = pytest.mark.slow

TIMES = range(int(os.environ.get("ALTCRAFT_FLEET_TIMES", "1")))
WORKERS = 3
TARGETS = 200
STANDSTILL = 2.0
"""Seconds for which this process may stand still, in which requests pile up before it."""

ROOT = Path(__file__).parents[2]


class Fleet:
    """A platform, workers, and one who enqueues.

    Attributes:
        server: The platform, in this process.
        settings: What all share.
        workers: The processes.
    """

    def __init__(self, server: Simulator, settings: Settings, refreshes: AltcraftRefreshes) -> None:
        """Start nothing yet."""
        self.server = server
        self.settings = settings
        self.workers: list[subprocess.Popen[bytes]] = []
        self._refreshes = refreshes

    def hire(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        worker = subprocess.Popen(  # noqa: S603 -- this very Python
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
        """Have all targets refreshed; return what the jobs returned."""
        numbers = [(number, 1) for number in range(1, targets + 1)]
        tasks = [task async for task in self._refreshes.enqueue_many(numbers)]
        results = [await task.wait_result(check_interval=0.05, timeout=90) for task in tasks]
        return [result.raise_for_error().return_value for result in results]

    async def has_started(self, targets: int) -> None:
        """Wait until so many were started."""

        async def enough() -> bool:
            return len(self.server.starts) >= targets

        await until(enough, timeout=60)

    async def intents(self) -> list[LedgerEntry]:
        """Return the starts that may be under way."""
        prefix = f"{self.settings.name}:"
        async with RedisLedger(self.settings.redis, prefix=prefix) as ledger:
            return [entry async for entry in ledger.entries() if entry.ref is None]

    def dismiss(self) -> None:
        """Stop who works still, whatever state they are in."""
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
    """Run a platform whose tasks take three seconds or so, and workers."""
    async with Simulator(duration=(2.0, 4.0), shows_running=True) as server:
        shared = Settings(redis=redis, url=server.url, token=server.token, name=name, **settings)
        broker, refreshes = refreshes_of(shared)
        await broker.startup()
        fleet = Fleet(server, shared, refreshes)
        try:
            for _ in range(workers):
                fleet.hire()
            yield fleet
        finally:
            await asyncio.to_thread(fleet.dismiss)
            await broker.shutdown()


def assert_once_each(fleet: Fleet, done: list[dict[str, object]], targets: int = TARGETS) -> None:
    """Every target is done, and the platform was asked once to count it."""
    assert sorted(tuple(one["target"]) for one in done) == [(n, 1) for n in range(1, targets + 1)]  # type: ignore[arg-type]  # a list of ints
    assert len(fleet.server.starts) == targets
    assert set(fleet.server.starts.values()) == {1}


def most_in(seconds: float, fleet: Fleet) -> int:
    """Return the most requests that came in so many seconds."""
    times = [seen.at for seen in fleet.server.requests]
    return max(bisect_left(times, at + seconds) - number for number, at in enumerate(times))


@pytest.mark.parametrize("time", TIMES)
async def test_killed_worker_costs_no_refresh_and_no_second_start(
    time: int, tmp_path: Path
) -> None:
    """With one of three killed in the middle, all targets are done, each started once."""
    async with fleet(shared_redis().url, f"{tmp_path}") as running:
        refreshing = asyncio.create_task(running.refresh())
        await running.has_started(60)
        running.workers[0].send_signal(signal.SIGKILL)
        began = asyncio.get_running_loop().time()
        done = await refreshing
        assert_once_each(running, done)
        # Over five seconds, as a busy machine lets this process read what came in a while at once.
        assert most_in(5, running) <= running.settings.per_second * (5 + STANDSTILL)
        seconds = asyncio.get_running_loop().time() - began
        sys.stdout.write(
            f"run {time}: {len(done)} of {TARGETS} done, {sum(running.server.starts.values())} "
            f"starts, at most {most_in(1, running)} requests in a second and {most_in(5, running)} "
            f"in five, {seconds:.1f} s after the kill\n"
        )


async def test_stopped_worker_that_goes_on_starts_nothing_again(tmp_path: Path) -> None:
    """A worker that sleeps past every limit finds, when it wakes up, that others have its jobs.

    Nobody can fence a request that was noted and is on its way, so it is put
    to sleep at a moment when none of its is.
    """
    async with fleet(shared_redis().url, f"{tmp_path}") as running:
        refreshing = asyncio.create_task(running.refresh())
        await running.has_started(40)
        sleeper = running.workers[0]
        while True:
            sleeper.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.5)  # in which the requests of the others are answered
            if not {one.owner for one in await running.intents()}:
                break
            sleeper.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.1)
        await asyncio.sleep(7.5)  # beyond the lease of seven seconds, and idle_timeout
        sleeper.send_signal(signal.SIGCONT)
        assert_once_each(running, await refreshing)


async def test_redis_that_restarts_loses_nothing(tmp_path: Path) -> None:
    """While Redis is away nothing is started, and afterwards all goes on."""
    redis = RedisServer(tmp_path)
    try:
        async with fleet(redis.url, "fleet") as running:
            refreshing = asyncio.create_task(running.refresh())
            await running.has_started(60)
            await asyncio.to_thread(redis.stop)
            await asyncio.sleep(2)  # for what was sent already
            before = dict(running.server.starts)
            await asyncio.sleep(2)
            assert running.server.starts == before
            await asyncio.to_thread(redis.start)
            assert_once_each(running, await refreshing)
    finally:
        redis.stop()


async def test_worker_that_is_told_to_stop_gives_its_jobs_back(tmp_path: Path) -> None:
    """Others go on with them at once, not when they count as left behind."""
    async with fleet(shared_redis().url, f"{tmp_path}", idle_timeout=600.0) as running:
        refreshing = asyncio.create_task(running.refresh())
        await running.has_started(60)
        running.workers[0].send_signal(signal.SIGTERM)
        assert_once_each(running, await refreshing)


async def test_job_taken_twice_is_polled_at_twice_and_started_once(tmp_path: Path) -> None:
    """A job that is only slow is taken for one left behind: two attempts share its task."""
    async with fleet(
        shared_redis().url, f"{tmp_path}", workers=2, idle_timeout=1.0, wait=0.9, per_second=10.0
    ) as running:
        done = await running.refresh(targets=20)
        assert_once_each(running, done, targets=20)


async def test_nothing_secret_is_in_redis(tmp_path: Path) -> None:
    """Neither the token nor anything pickled is in what the workers leave there."""
    async with fleet(shared_redis().url, f"{tmp_path}", workers=1) as running:
        await running.refresh(targets=3)
        async with Redis.from_url(running.settings.redis) as redis:
            names = await redis.keys(f"{tmp_path}*")
            dumps = [await redis.dump(name) or b"" for name in names]
        assert len(names) >= 3
        for dump in dumps:
            assert running.settings.token.encode() not in dump
            assert b"altcraft_async" not in dump  # as pickle would name its classes
