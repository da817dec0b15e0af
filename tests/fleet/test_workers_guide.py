"""The programs in the guide on workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from altcraft_async.integrations.redis import RedisLedger
from altcraft_async.simulator import Simulator
from tests.support.console import commands, same
from tests.support.guides import GUIDES, example
from tests.support.polling_until import until
from tests.support.redis_server import RedisServer
from tests.support.suspension import suspend_between_starts

pytestmark = pytest.mark.slow

TARGETS = {("resource", (number, 1)): 1 for number in range(1, 21)}


class Programs:
    """The two programs in a folder, with running workers.

    Attributes:
        server: The platform.
        redis: The queue and the ledger.
    """

    def __init__(self, server: Simulator, folder: Path, redis: RedisServer) -> None:
        """Write the programs and start the workers."""
        self.server = server
        self.redis = redis
        self._folder = folder
        self._environment: Mapping[str, str] = {
            **os.environ,
            "ALTCRAFT_URL": server.url,
            "ALTCRAFT_TOKEN": server.token,
            "REDIS_URL": redis.url,
        }
        (folder / "worker.py").write_text(example("many-workers", "worker.py"))
        (folder / "enqueue.py").write_text(example("many-workers", "enqueue.py"))
        taskiq = Path(sys.executable).with_name("taskiq")
        self._manager = self._run(str(taskiq), "worker", "worker:broker", "--workers", "2")

    def enqueue(self, run: str) -> subprocess.Popen[str]:
        """Start the second program."""
        return self._run(sys.executable, "enqueue.py", run)

    def workers(self) -> list[int]:
        """Return the ids of the worker processes."""
        pid = self._manager.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [
            int(child)
            for child in children
            if b"worker:broker" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]

    def stop(self) -> None:
        """Stop the workers as a service manager does."""
        self._manager.terminate()
        try:
            self._manager.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._manager.kill()
            self._manager.communicate()
            raise

    def _run(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 -- the command of the guide
            command,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@asynccontextmanager
async def programs(tmp_path: Path, duration: float) -> AsyncGenerator[Programs, None]:
    """Run a Redis, a platform and the workers."""
    redis = await asyncio.to_thread(RedisServer, tmp_path)
    try:
        async with Simulator(duration=duration) as server:
            running = Programs(server, tmp_path, redis)
            try:
                yield running
            finally:
                await asyncio.to_thread(running.stop)
    finally:
        await asyncio.to_thread(redis.stop)


async def printed(program: subprocess.Popen[str]) -> list[str]:
    """Return the lines that a program printed."""
    output, _ = await asyncio.to_thread(program.communicate, timeout=100)
    assert program.returncode == 0, output
    return output.splitlines()


async def test_enqueued_targets_are_printed_and_started_once(tmp_path: Path) -> None:
    """The same run, enqueued again, starts nothing."""
    async with programs(tmp_path, 0.5) as running:
        lines = await printed(running.enqueue("nightly"))
        assert [line.rsplit(" ", 1)[0] for line in lines] == [f"[{n}, 1]" for n in range(1, 21)]
        (shown,) = (c for c in commands(GUIDES / "many-workers.md") if "enqueue.py" in c.typed)
        assert same("\n".join(lines), shown), lines
        assert await printed(running.enqueue("nightly")) == lines
        assert running.server.starts == TARGETS


async def test_killed_worker_costs_only_time(tmp_path: Path) -> None:
    async with programs(tmp_path, 4) as running:
        program = running.enqueue("nightly")

        async def half_started() -> bool:
            return len(running.server.starts) >= 10

        await until(half_started, timeout=60)
        worker = running.workers()[0]
        async with RedisLedger(running.redis.url) as ledger:
            await suspend_between_starts(worker, ledger)
        os.kill(worker, signal.SIGKILL)
        assert len(await printed(program)) == 20
        assert running.server.starts == TARGETS
