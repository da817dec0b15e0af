"""One contender of the scheduling benchmark in a process of its own: prints its figures as JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from altcraft_async import CountersReport, Patience, Retry, Seen, TaskHandle, TaskRef, TaskStatus
from altcraft_async.core.answers import TaskAnswer, counters_report
from altcraft_async.core.codecs import Document
from altcraft_async.lifetime import Lifetime
from altcraft_async.polling import PollRules
from altcraft_async.scheduler import Scheduler
from altcraft_async.tasks import poll_of
from altcraft_async.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLES = 100_000
PERIOD = 20.0  # seconds between two looks at one handle: 5,000 looks a second
SECONDS = 8.0
TICK = 0.005  # seconds between two measurements of how late the loop is

RUNNING = TaskAnswer(TaskStatus(status="running", progress=1), Document(None, textual=False))


class EveryPeriod:
    """Looks every `PERIOD`, the first time anywhere within it."""

    def next_look(self, seen: Seen) -> float:
        """Return seconds."""
        return PERIOD if seen.looks else PERIOD * seen.chance


class Looks:
    """Answers at once, and counts."""

    def __init__(self) -> None:
        """Begin at none."""
        self.count = 0

    async def __call__(self, _task_id: str) -> TaskAnswer:
        """Say that the task runs."""
        self.count += 1
        return RUNNING


def ref(number: int) -> TaskRef:
    """Return a ref such as a start makes, of strings and numbers of its own."""
    return TaskRef(
        task_id=f"c9c3ec48-1bef-4969-9c1a-{number:012d}",
        kind="resource",
        target=(1000 + number, 1000),
        started_at=datetime.now(UTC),
    )


async def ours(look: Looks) -> Callable[[], None]:
    """Watch handles as refresh_many does; return what ends it."""
    lifetime = Lifetime()
    loop = lifetime.enter()
    rules = PollRules(
        lifetime=lifetime,
        scheduler=Scheduler(lifetime),
        look=look,
        policy=EveryPeriod(),
        patience=Patience(),
        retry=Retry(),
        failure_statuses=frozenset(),
        chance=random.random,
        wall_clock=lambda: datetime.now(UTC),
    )
    watched: list[tuple[TaskHandle[CountersReport], Watcher]] = []
    for number in range(HANDLES):
        handle = TaskHandle(ref(number), rules, counters_report, started=loop.time())
        watcher = Watcher()
        poll_of(handle).watch(watcher)
        watched.append((handle, watcher))

    def end() -> None:
        for handle, watcher in watched:
            poll_of(handle).unwatch(watcher)

    return end


async def a_task_each(look: Looks) -> Callable[[], None]:
    """Poll as one would by hand: a Task per handle that sleeps between looks."""

    async def poll(what: TaskRef) -> None:
        await asyncio.sleep(PERIOD * random.random())  # noqa: S311 -- spreads, hides nothing
        while True:
            answer = await look(what.task_id)
            if answer.status.status == "completed":
                return
            await asyncio.sleep(PERIOD)

    tasks = [asyncio.create_task(poll(ref(number))) for number in range(HANDLES)]
    await asyncio.sleep(0)

    def end() -> None:
        for task in tasks:
            task.cancel()

    return end


async def measure(contender: Callable[[Looks], object]) -> dict[str, float]:
    """Let a contender run for a while."""
    look = Looks()
    gc.collect()
    before = resident()
    end = await contender(look)  # type: ignore[misc]  # both are coroutine functions
    bytes_each = (resident() - before) / HANDLES
    gc.collect()
    gc.freeze()  # a program with 100,000 live objects would do the same
    late: list[float] = []
    loop = asyncio.get_running_loop()
    looks, cpu, until = look.count, time.process_time(), loop.time() + SECONDS
    while loop.time() < until:
        asked = loop.time()
        await asyncio.sleep(TICK)
        late.append(loop.time() - asked - TICK)
    cpu, looks = time.process_time() - cpu, look.count - looks
    began = loop.time()
    end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return {
        "cpu_us_per_look": cpu / looks * 1e6,
        "bytes_per_handle": bytes_each,
        "lag_p99_ms": sorted(late)[int(len(late) * 0.99)] * 1e3,
        "end_all_ms": (loop.time() - began) * 1e3,
        "looks_per_second": looks / SECONDS,
    }


def resident() -> int:
    """Return the resident bytes of this process."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    chosen = {"ours": ours, "a_task_each": a_task_each}[sys.argv[1]]
    print(json.dumps(asyncio.run(measure(chosen))))
