"""SAQ, with a real Redis and worker processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Protocol

import pytest
from saq import Job, Queue

from altcraft_async.simulator import Simulator
from tests.support.guides import example
from tests.support.polling_until import until
from tests.support.redis_server import shared_redis

TIMEOUT = 60.0
"""Seconds that each step may take on a busy machine."""


class Run(Protocol):
    """Starts a Python process that can import the programs."""

    def __call__(self, *arguments: str) -> subprocess.Popen[str]:
        """Return the process."""
        ...


@pytest.fixture
def run(tmp_path: Path) -> Generator[Run, None, None]:
    """Starts processes that are killed after the test."""
    (tmp_path / "saq_worker.py").write_text(example("engines", "saq_worker.py"))
    (tmp_path / "saq_enqueue.py").write_text(example("engines", "saq_enqueue.py"))
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environment = {**os.environ, "REDIS_URL": shared_redis().url, "PYTHONPATH": path}
    processes: list[subprocess.Popen[str]] = []

    def started(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 -- our own arguments
            [sys.executable, *arguments], env=environment, text=True, stdout=subprocess.PIPE
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


async def stored_job(queue: Queue, key: str) -> Job:
    """Return a job from Redis."""
    job = await queue.job(key)
    assert job is not None
    return job


def test_job_of_a_killed_worker_is_finished_by_another(server: Simulator, run: Run) -> None:
    """The second worker waits for the task that the first has started."""

    async def scenario(queue: Queue) -> Job:
        async def is_up() -> bool:
            return bool((await queue.info())["workers"])

        async def is_waiting() -> bool:
            return bool(server.count("tasks/status"))

        async def is_over() -> bool:
            await refreshed.refresh()
            return bool(refreshed.completed)

        worker = run("-m", "saq", "saq_worker.settings")
        # A starting worker sweeps older jobs and may lose them.
        await until(is_up, timeout=TIMEOUT)
        key, _ = run("-m", "saq_enqueue").communicate(timeout=TIMEOUT)
        refreshed = await stored_job(queue, key.strip())
        await until(is_waiting, timeout=TIMEOUT)
        worker.kill()
        run("-m", "saq", "saq_worker.settings")
        await until(is_over, timeout=TIMEOUT)
        await queue.disconnect()
        return refreshed

    job = asyncio.run(scenario(Queue.from_url(shared_redis().url)))
    assert (job.status, job.result) == ("complete", 109117)
    assert job.attempts > 1
    assert server.starts["resource", (24, 1)] == 1
