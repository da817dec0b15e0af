"""Ways to have many refreshes in flight, with polls that answer at once, without HTTP.

Each crowd enters and returns what ends it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import cast

import msgspec

from altcraft_async import (
    AltcraftClient,
    CountersReport,
    PollPolicy,
    PollState,
    TaskHandle,
    TaskRef,
    as_completed,
)
from altcraft_async.protocol.counter_responses import counters_report
from altcraft_async.protocol.endpoints import TASK_STATUS
from altcraft_async.protocol.envelope import interpret
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.handle import poller_of
from altcraft_async.tasks.poller import PollRules
from altcraft_async.tasks.refresh_many import refresh_many
from benchmarks.contenders.measuring import TOKEN, url_of
from benchmarks.serving.bodies import BODIES

HANDLES = 100_000
PERIOD = 20.0  # seconds between two polls one handle: 5,000 polls a second
FEW = 100
"""Tasks that make as many polls a second all the same, with hardly anything in flight."""

RUNNING = TaskAnswer("running", 1, b"{}")

End = Callable[[], Awaitable[object]]


class Polls:
    """Polls that answer at once, and are counted."""

    def __init__(self) -> None:
        """Begin at none."""
        self.count = 0

    async def same(self, _task_id: str) -> TaskAnswer:
        """Return the same answer each time, so that only what is around a poll costs."""
        self.count += 1
        return RUNNING

    async def real(self, _task_id: str) -> TaskAnswer:
        """Read an answer of its own each time, which takes the memory that it takes."""
        self.count += 1
        body = BODIES["json"].running % min(99, self.count // HANDLES)
        return interpret(TASK_STATUS, Response(status=200, body=body), str)


class EveryPeriod:
    """Polls every `PERIOD`, the first time anywhere within it."""

    def next_poll(self, seen: PollState) -> float:
        """Return seconds."""
        return PERIOD if seen.polls else PERIOD * seen.chance


def ref(number: int) -> TaskRef:
    """Return a ref such as a start makes, of strings and numbers of its own."""
    return TaskRef(
        task_id=f"c9c3ec48-1bef-4969-9c1a-{number:012d}",
        kind="resource",
        target=(1000 + number, 1000),
        started_at=datetime.now(UTC),
    )


async def handles(polls: Polls) -> End:
    """Wait for handles with `as_completed`; it ends by closing the client."""
    return await _handles(polls.same, EveryPeriod())


async def polled_at(polls: Polls) -> End:
    """Do so with the default policy and real answers."""
    return await _handles(polls.real, None)


async def stream(polls: Polls) -> End:
    """Have them in one `refresh_many`; it ends by cancelling who reads it."""
    client, rules = _client(polls.same, EveryPeriod())
    full = asyncio.Event()

    async def start(target: object) -> TaskHandle[CountersReport]:
        number = cast("tuple[int, int]", target)[0] - 1000
        if number == HANDLES - 1:
            full.set()
        return _handle(number, rules)

    async def read() -> None:
        targets = ((1000 + number, 1000) for number in range(HANDLES + 1))
        async for _ in refresh_many(targets, start, in_flight=HANDLES, timeout=None):
            pass

    reader = asyncio.create_task(read())
    await full.wait()

    async def end() -> None:
        reader.cancel()
        await asyncio.wait([reader])
        await client.aclose()

    return end


async def a_task_each(polls: Polls) -> End:
    """Poll as one would by hand: a Task per handle that sleeps between polls."""

    async def poll(what: TaskRef) -> None:
        await asyncio.sleep(PERIOD * random.random())  # noqa: S311 -- spreads, hides nothing
        while True:
            answer = await polls.same(what.task_id)
            if answer.name == "completed":
                return
            await asyncio.sleep(PERIOD)

    return await _tasks([poll(ref(number)) for number in range(HANDLES)])


async def same_load(polls: Polls) -> End:
    """Make as many polls a second from a few tasks: a loop that is idle but for them."""
    pause = PERIOD * FEW / HANDLES

    async def poll() -> None:
        await asyncio.sleep(pause * random.random())  # noqa: S311 -- likewise
        while True:
            answer = await polls.same("")
            if answer.name == "completed":
                return
            await asyncio.sleep(pause)

    return await _tasks([poll() for _ in range(FEW)])


CROWDS: Mapping[str, Callable[[Polls], Awaitable[End]]] = {
    "handles": handles,
    "polled_at": polled_at,
    "stream": stream,
    "a_task_each": a_task_each,
    "same_load": same_load,
}


async def _handles(poll: Callable[[str], Awaitable[TaskAnswer]], policy: PollPolicy | None) -> End:
    client, rules = _client(poll, policy)
    watched = [_handle(number, rules) for number in range(HANDLES)]

    async def wait() -> None:
        async for _ in as_completed(watched):
            pass

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)

    async def end() -> list[TaskHandle[CountersReport]]:
        await client.aclose()
        await asyncio.wait([waiting])
        # They are the user's, who frees them when it suits: all at once takes some 60 ms.
        return watched

    return end


def _client(
    poll: Callable[[str], Awaitable[TaskAnswer]], policy: PollPolicy | None
) -> tuple[AltcraftClient, PollRules]:
    """Return a client and its own rules, but for the poll."""
    client = AltcraftClient(url_of(1), TOKEN, poll=policy)
    rules = poller_of(client.tasks.attach("any")).rules
    return client, msgspec.structs.replace(rules, poll=poll)


def _handle(number: int, rules: PollRules) -> TaskHandle[CountersReport]:
    now = asyncio.get_running_loop().time()
    return TaskHandle(ref(number), rules, counters_report, started=now)


async def _tasks(polls: list[Awaitable[None]]) -> End:
    tasks = [asyncio.ensure_future(poll) for poll in polls]
    await asyncio.sleep(0)

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    return end
