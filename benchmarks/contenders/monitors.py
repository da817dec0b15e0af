"""One contender of the monitor benchmark: prints what a page with 10,000 tasks takes of a core.

``python -m benchmarks.contenders.monitors NAME SECONDS``. Nothing runs but the monitor,
so the CPU time of the process is its own. The progress of a tenth of the tasks changes
between two updates.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import aiohttp

from altcraft_async import ObservedTask, TaskRef
from altcraft_async.monitor import Monitor

TASKS = 10_000
CHANGES_PER_SECOND = 10
NAMES = ("unwatched", "watched")


@asynccontextmanager
async def viewer(url: str) -> AsyncGenerator[None, None]:
    """Have one viewer, which is another process."""
    command = [sys.executable, "-m", "benchmarks.contenders.monitors", "viewer", f"{url}events"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout
        assert await process.stdout.readline()  # it has its first update
        yield
    finally:
        process.kill()
        await process.wait()


async def view(url: str) -> None:
    """Read a stream without end."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout()) as browser,
        browser.get(url) as response,
    ):
        await response.content.readany()
        print("ready", flush=True)
        with suppress(aiohttp.ClientError):  # the monitor ends
            while await response.content.readany():
                pass


async def measure(name: str, seconds: float) -> None:
    """Print the share of a core."""
    monitor = Monitor()
    tasks = [_task(number) for number in range(1, TASKS + 1)]
    for task in tasks:
        monitor.watched(task)
    async with monitor.serve(port=0) as url:
        if name == "watched":
            async with viewer(url):
                share = await _share(tasks, seconds)
        else:
            share = await _share(tasks, seconds)
    print(json.dumps({"CPU, % of a core": share}))


async def _share(tasks: list[ObservedTask], seconds: float) -> float:
    cpu, began = time.process_time(), time.perf_counter()
    changes = round(seconds * CHANGES_PER_SECOND)
    for change in range(changes):
        for task in tasks[change % CHANGES_PER_SECOND :: 10 * CHANGES_PER_SECOND]:
            task.progress = change % 100
        await asyncio.sleep(1 / CHANGES_PER_SECOND)
    return 100 * (time.process_time() - cpu) / (time.perf_counter() - began)


def _task(number: int) -> ObservedTask:
    ref = TaskRef(
        task_id=f"t{number}", kind="resource", target=(number, 1), started_at=datetime.now(UTC)
    )
    task = ObservedTask(ref)
    task.status, task.progress, task.polls, task.seconds = "running", 40, 3, 4.0
    return task


if __name__ == "__main__":
    asyncio.run(
        view(sys.argv[2]) if sys.argv[1] == "viewer" else measure(sys.argv[1], float(sys.argv[2]))
    )
