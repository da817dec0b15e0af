"""What many handles do to a server in trouble: an outage, throttling, a slow reader. Time jumps."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from altcraft_async import AltcraftClient, Constant, as_completed
from tests.calls import RUNNING, TOKEN
from tests.faults.table import envelope
from tests.faults.tasks import DONE
from tests.scripted import Received, ScriptedServer, Step, answer

pytestmark = pytest.mark.looptime

HANDLES = 100
POLLED_EVERY = 10.0
CALLED_EVERY = 0.5
OUTAGE = (60.0, 120.0)

GONE = answer(envelope(503), status="503 Service Unavailable")
BUSY = answer(envelope(429), status="429 Too Many Requests")


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()


def between(server: ScriptedServer, begin: float, end: float) -> int:
    """Return how many requests came in this time."""
    return sum(begin <= request.at < end for request in server.received)


def out_of_order(request: Received) -> Step:
    """Answer that all tasks run on, except while nothing works."""
    return GONE if OUTAGE[0] <= request.at < OUTAGE[1] else RUNNING


async def watched(client: AltcraftClient, number: int) -> None:
    """Follow a task for ever; the tasks were not all started at once."""
    await asyncio.sleep(POLLED_EVERY * number / HANDLES)
    await client.tasks.attach(f"t{number}").wait()


async def calling(client: AltcraftClient) -> None:
    """Call now and then, as an application does that shows how things go."""
    while True:
        await asyncio.sleep(CALLED_EVERY)
        call = asyncio.ensure_future(client.tasks.status("t1"))
        call.add_done_callback(lambda done: done.cancelled() or done.exception())


@asynccontextmanager
async def crowd(client: AltcraftClient) -> AsyncGenerator[None, None]:
    """Have many wait and one call."""
    waits = [asyncio.ensure_future(watched(client, number)) for number in range(HANDLES)]
    waits.append(asyncio.ensure_future(calling(client)))
    yield
    for one in waits:
        one.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def through_the_outage(server: ScriptedServer) -> None:
    """Let a crowd live through an outage of a minute, and some time after it."""
    server.otherwise = out_of_order
    async with (
        AltcraftClient(server.url, TOKEN, poll=Constant(POLLED_EVERY)) as client,
        crowd(client),
    ):
        await asyncio.sleep(OUTAGE[1] + 60)


async def test_outage_costs_the_server_hardly_more_than_no_outage(server: ScriptedServer) -> None:
    """Repeats and looks together stay within a fifth above what would be sent anyway."""
    await through_the_outage(server)
    anyway = between(server, OUTAGE[0] - 60, OUTAGE[0]) * (OUTAGE[1] - OUTAGE[0]) / 60
    assert between(server, *OUTAGE) <= 1.2 * anyway


async def test_end_of_an_outage_brings_no_rush(server: ScriptedServer) -> None:
    """Whoever waited comes back spread over time: no five seconds have twice the usual requests."""
    await through_the_outage(server)
    usual = HANDLES / POLLED_EVERY + 1 / CALLED_EVERY
    ends = OUTAGE[1]
    # Pauses are random, so one second by itself says little.
    most = max(between(server, ends + n, ends + n + 5) for n in range(55))
    assert most < 2 * 5 * usual
    assert between(server, ends + 30, ends + 60) >= 0.9 * 30 * usual


class Throttle:
    """Lets so many requests a second through, and refuses what is more."""

    def __init__(self, rate: float) -> None:
        """Begin with a second's worth."""
        self.rate = rate
        self.refused_at: list[float] = []
        self._left = rate
        self._at = 0.0

    def __call__(self, request: Received) -> Step:
        """Answer or refuse."""
        self._left = min(self.rate, self._left + self.rate * (request.at - self._at))
        self._at = request.at
        if self._left >= 1:
            self._left -= 1
            return RUNNING
        self.refused_at.append(request.at)
        return BUSY


async def test_client_settles_at_what_a_throttling_server_takes(server: ScriptedServer) -> None:
    """Of what is asked for, hardly any is refused, and little of what is allowed is left over."""
    rate, warm, end = 12.0, 60.0, 160.0
    server.otherwise = throttle = Throttle(rate)
    async with AltcraftClient(server.url, TOKEN, poll=Constant(1.0)) as client, crowd(client):
        await asyncio.sleep(end)
    sent = between(server, warm, end)
    refused = sum(at >= warm for at in throttle.refused_at)
    assert throttle.refused_at
    assert refused / sent < 0.05
    assert 0.8 * rate <= (sent - refused) / (end - warm) <= rate


def finished(request: Received) -> Step:
    """Start whatever is asked for; it is over at once."""
    fields = json.loads(request.body)
    if request.target.endswith("/status"):
        return DONE
    return answer(json.dumps({"error": 0, "data": {"task_id": f"t{fields['id']}"}}))


async def test_slow_reader_of_many_is_not_run_away_from(server: ScriptedServer) -> None:
    """Targets are read and started as outcomes are taken, so that what piles up is bounded."""
    server.otherwise = finished
    read = itertools.count(1)
    in_flight = 5

    def targets() -> Iterator[tuple[int, int]]:
        while True:
            yield next(read), 1

    taken = 0
    async with AltcraftClient(server.url, TOKEN, poll=Constant(0.05)) as client:
        outcomes = client.resources.refresh_many(targets(), in_flight=in_flight)
        async for _ in outcomes:
            taken += 1
            await asyncio.sleep(100)
            assert len(server.received) <= 2 * (taken + 2 * in_flight)
            if taken == 20:
                break
    assert next(read) <= taken + 2 * in_flight + 1


async def test_slow_reader_of_as_completed_costs_no_request_more(server: ScriptedServer) -> None:
    """Handles that are over wait for their reader without being looked at again."""
    server.otherwise = finished
    async with AltcraftClient(server.url, TOKEN, poll=Constant(0.05)) as client:
        handles = [client.tasks.attach(f"t{number}") for number in range(20)]
        async for handle in as_completed(handles):
            assert handle.done()
            await asyncio.sleep(100)
    assert len(server.received) == len(handles)
