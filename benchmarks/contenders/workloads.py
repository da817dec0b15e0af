"""Ways to have many refreshes in flight, with polls that answer at once, without HTTP.

Each workload starts its tasks and returns a function that ends them.
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
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.tasks.refresh_many import refresh_many
from benchmarks.contenders.measurement import TOKEN, url_of
from benchmarks.servers.bodies import BODIES

HANDLES = 100_000
INTERVAL = 20.0  # seconds between two polls of a handle: 5,000 polls a second
ATTACHED = 50_000
FEW_TASKS = 100
"""Tasks that make as many polls a second as all handles."""

RUNNING = TaskAnswer("running", 1, b"{}")

End = Callable[[], Awaitable[object]]


class Polls:
    """Polls that answer at once and are counted."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.count = 0

    async def constant(self, _task_id: str) -> TaskAnswer:
        """Return the same answer each time, so that only the scheduling costs."""
        self.count += 1
        return RUNNING

    async def distinct(self, _task_id: str) -> TaskAnswer:
        """Parse a new answer each time, which takes realistic memory."""
        self.count += 1
        body = BODIES["json"].running % min(99, self.count // HANDLES)
        return interpret(TASK_STATUS, Response(status=200, body=body), str)


class EveryInterval:
    """Polls every `INTERVAL`, for the first time at a random moment within it."""

    def next_poll(self, state: PollState) -> float:
        """Return seconds."""
        return INTERVAL if state.polls else INTERVAL * state.chance


async def handles(polls: Polls) -> End:
    """Wait for handles with `as_completed`; closing the client ends it."""
    return await _handles(polls.constant, EveryInterval())


async def polled_handles(polls: Polls) -> End:
    """Wait for handles with the default policy and distinct answers."""
    return await _handles(polls.distinct, None)


async def one_stream(polls: Polls) -> End:
    """Wait for one `refresh_many`; cancelling its reader ends it."""
    client, rules = _client(polls.constant, EveryInterval())
    full = asyncio.Event()

    async def start(target: object) -> TaskHandle[CountersReport]:
        number = cast("tuple[int, int]", target)[0] - 1000
        await asyncio.sleep(0)  # as a request does, so that starting is not one long step
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


async def task_each(polls: Polls) -> End:
    """Poll each refresh from a Task of its own that sleeps between polls."""

    async def poll(ref: TaskRef) -> None:
        await asyncio.sleep(INTERVAL * random.random())  # noqa: S311 -- only spreads the polls
        while True:
            answer = await polls.constant(ref.task_id)
            if answer.name == "completed":
                return
            await asyncio.sleep(INTERVAL)

    return await _tasks([poll(_ref(number)) for number in range(HANDLES)])


async def few_tasks(polls: Polls) -> End:
    """Make as many polls a second from a few Tasks."""
    interval = INTERVAL * FEW_TASKS / HANDLES

    async def poll() -> None:
        await asyncio.sleep(interval * random.random())  # noqa: S311 -- likewise
        while True:
            answer = await polls.constant("")
            if answer.name == "completed":
                return
            await asyncio.sleep(interval)

    return await _tasks([poll() for _ in range(FEW_TASKS)])


def attached() -> tuple[AltcraftClient, list[TaskHandle[CountersReport]]]:
    """Attach handles by refs and give each a callback, with the first poll in an hour."""
    client = AltcraftClient(url_of(1), TOKEN, poll=lambda _state: 3600.0)
    handles = [client.tasks.attach(_ref(number)) for number in range(ATTACHED)]
    for handle in handles:
        handle.add_done_callback(_ignore)
    return client, handles


def _ignore(_handle: object) -> None:
    """Do nothing."""


WORKLOADS: Mapping[str, Callable[[Polls], Awaitable[End]]] = {
    "handles": handles,
    "polled_handles": polled_handles,
    "refresh_many": one_stream,
    "task_each": task_each,
    "few_tasks": few_tasks,
}


async def _handles(poll: Callable[[str], Awaitable[TaskAnswer]], policy: PollPolicy | None) -> End:
    client, rules = _client(poll, policy)
    polled: list[TaskHandle[CountersReport]] = []
    for number in range(HANDLES):
        polled.append(_handle(number, rules))
        if number % 100 == 0:
            # A real program makes a request for each. A thousand at once take 11 ms.
            await asyncio.sleep(0)

    async def wait() -> None:
        async for _ in as_completed(polled):
            pass

    waiting = asyncio.create_task(wait())
    while not polled[-1].poller.waiters:  # noqa: ASYNC110 -- there is no event for it
        await asyncio.sleep(0)

    async def end() -> list[TaskHandle[CountersReport]]:
        await client.aclose()
        await asyncio.wait([waiting])
        # The caller owns the handles; freeing all of them at once takes some 60 ms.
        return polled

    return end


def _client(
    poll: Callable[[str], Awaitable[TaskAnswer]], policy: PollPolicy | None
) -> tuple[AltcraftClient, PollRules]:
    """Return a client, and its rules with the poll replaced."""
    client = AltcraftClient(url_of(1), TOKEN, poll=policy)
    rules = client.tasks.attach("any").poller.rules
    return client, msgspec.structs.replace(rules, poll=poll)


def _handle(number: int, rules: PollRules) -> TaskHandle[CountersReport]:
    now = asyncio.get_running_loop().time()
    return TaskHandle(_ref(number), rules, counters_report, started=now)


def _ref(number: int) -> TaskRef:
    """Return a ref with strings and numbers of its own, as a start does."""
    return TaskRef(
        task_id=f"c9c3ec48-1bef-4969-9c1a-{number:012d}",
        kind="resource",
        target=(1000 + number, 1000),
        started_at=datetime.now(UTC),
    )


async def _tasks(polls: list[Awaitable[None]]) -> End:
    tasks = [asyncio.ensure_future(poll) for poll in polls]
    await asyncio.sleep(0)

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    return end
