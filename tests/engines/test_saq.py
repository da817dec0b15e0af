"""SAQ, with a real Redis and workers that are processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Protocol

import pytest
from saq import Job, Queue

from altcraft_async.simulator import Simulator
from tests.support.guides import example
from tests.support.redis_server import shared_redis

PATIENCE = 60.0
"""Seconds that each step may take, on a machine that is busy."""


class Run(Protocol):
    """Starts a Python process in the folder of the programs."""

    def __call__(self, *words: str) -> subprocess.Popen[str]:
        """Return the process."""
        ...


@pytest.fixture
def run(tmp_path: Path) -> Generator[Run, None, None]:
    """Starts processes that end with the test."""
    (tmp_path / "saq_worker.py").write_text(example("engines", "saq_worker.py"))
    (tmp_path / "saq_enqueue.py").write_text(example("engines", "saq_enqueue.py"))
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environment = {**os.environ, "REDIS_URL": shared_redis().url, "PYTHONPATH": path}
    processes: list[subprocess.Popen[str]] = []

    def started(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 -- our own words
            [sys.executable, *words], env=environment, text=True, stdout=subprocess.PIPE
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again, and fail when it takes too long."""
    async with asyncio.timeout(PATIENCE):
        while not await done():  # noqa: ASYNC110 -- of other processes, which tell nobody
            await asyncio.sleep(0.05)


async def enqueued(queue: Queue, key: str) -> Job:
    """Return a job as Redis has it."""
    job = await queue.job(key)
    assert job is not None
    return job


def test_job_of_a_killed_worker_is_taken_on_by_another(server: Simulator, run: Run) -> None:
    """The other one waits for the task that was started: there is one start, and one result."""

    async def scenario(queue: Queue) -> Job:
        async def is_up() -> bool:
            return bool((await queue.info())["workers"])

        async def is_waiting() -> bool:
            return bool(server.count("tasks/status"))

        async def is_over() -> bool:
            await refreshed.refresh()
            return bool(refreshed.completed)

        worker = run("-m", "saq", "saq_worker.settings")
        # A job that was there before is swept by a worker that starts, and may be lost by that.
        await until(is_up)
        key, _ = run("-m", "saq_enqueue").communicate(timeout=PATIENCE)
        refreshed = await enqueued(queue, key.strip())
        await until(is_waiting)
        worker.kill()
        run("-m", "saq", "saq_worker.settings")
        await until(is_over)
        await queue.disconnect()
        return refreshed

    job = asyncio.run(scenario(Queue.from_url(shared_redis().url)))
    assert (job.status, job.result) == ("complete", 109117)
    assert job.attempts > 1
    assert server.starts["resource", (24, 1)] == 1
