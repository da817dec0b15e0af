"""What many handles do to a server in trouble: an outage, throttling, a slow reader. Time jumps."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from looptime import new_event_loop

from altcraft_async import AltcraftClient, Constant, as_completed
from tests.faults.table import envelope
from tests.faults.tasks import DONE
from tests.support.api_calls import RUNNING, TOKEN
from tests.support.scripted_server import Received, ScriptedServer, Step, answer

POLLED_EVERY = 10.0
CALLED_EVERY = 0.5
OUTAGE = (30.0, 90.0)
END = 120.0

GONE = answer(envelope(503), status="503 Service Unavailable")
BUSY = answer(envelope(429), status="429 Too Many Requests")


@pytest.fixture(scope="module", autouse=True)
def _same_chance_each_time() -> None:
    """Pauses are random; a run that passed passes again."""
    random.seed(1)


def out_of_order(request: Received) -> Step:
    """Answer that all tasks run on, except while nothing works."""
    return GONE if OUTAGE[0] <= request.at < OUTAGE[1] else RUNNING


async def watched(client: AltcraftClient, number: int, delay: float) -> None:
    """Follow a task for ever."""
    await asyncio.sleep(delay)
    await client.tasks.attach(f"t{number}").wait()


async def calling(client: AltcraftClient) -> None:
    """Call now and then, as an application does that shows how things go."""
    while True:
        await asyncio.sleep(CALLED_EVERY)
        call = asyncio.ensure_future(client.tasks.status("t1"))
        call.add_done_callback(lambda done: done.cancelled() or done.exception())


@asynccontextmanager
async def crowd(client: AltcraftClient, handles: int) -> AsyncGenerator[None, None]:
    """Have many wait for tasks that were not all started at once, and one call."""
    waits = [
        asyncio.ensure_future(watched(client, number, POLLED_EVERY * number / handles))
        for number in range(handles)
    ]
    waits.append(asyncio.ensure_future(calling(client)))
    yield
    for one in waits:
        one.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


class Outage(NamedTuple):
    """What a server saw of an outage of a minute.

    Attributes:
        usual: Requests a second while all is well.
        at: When each request came.
    """

    usual: float
    at: list[float]

    def between(self, begin: float, end: float) -> int:
        """Return how many requests came in this time."""
        return sum(begin <= at < end for at in self.at)


async def through_the_outage(handles: int) -> list[float]:
    """Let a crowd live through the outage and half a minute after it; return when requests came."""
    async with (
        ScriptedServer() as server,
        AltcraftClient(server.url, TOKEN, poll=Constant(POLLED_EVERY)) as client,
        crowd(client, handles),
    ):
        server.otherwise = out_of_order
        await asyncio.sleep(END)
        return [request.at for request in server.received]


@pytest.fixture(scope="module", params=[200, pytest.param(1000, marks=pytest.mark.slow)])
def outage(request: pytest.FixtureRequest, _same_chance_each_time: None) -> Outage:
    """An outage under so many handles, played once."""
    handles: int = request.param
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        at = runner.run(through_the_outage(handles))
    return Outage(handles / POLLED_EVERY + 1 / CALLED_EVERY, at)


def test_outage_costs_the_server_hardly_more_than_no_outage(outage: Outage) -> None:
    """Repeats and polls together stay within a fifth above what is sent anyway."""
    usual = outage.between(0, OUTAGE[0]) / OUTAGE[0]
    assert usual == pytest.approx(outage.usual, rel=0.1)
    assert outage.between(*OUTAGE) <= 1.2 * usual * (OUTAGE[1] - OUTAGE[0])


def test_end_of_an_outage_brings_no_rush(outage: Outage) -> None:
    """Whoever waited comes back spread over time: no second has twice the usual requests."""
    end = OUTAGE[1]
    seconds = [outage.between(end + second, end + second + 1) for second in range(30)]
    assert seconds[0] < 2 * outage.usual
    assert max(seconds) < 2 * outage.usual
    assert sum(seconds[15:]) >= 0.9 * 15 * outage.usual


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


@pytest.mark.looptime
async def test_client_settles_at_what_a_throttling_server_takes(server: ScriptedServer) -> None:
    """Of what is asked for, hardly any is refused, and little of what is allowed is left over."""
    rate, warm, end = 12.0, 60.0, 160.0
    server.otherwise = throttle = Throttle(rate)
    async with (
        AltcraftClient(server.url, TOKEN, poll=Constant(1.0)) as client,
        crowd(client, 100),
    ):
        await asyncio.sleep(end)
    sent = sum(warm <= request.at < end for request in server.received)
    refused = sum(warm <= at < end for at in throttle.refused_at)
    assert refused / sent < 0.05
    # What it has saved up when the time begins, a second's worth, is a hundredth of the whole.
    assert 0.8 * rate <= (sent - refused) / (end - warm) <= 1.01 * rate
    assert refused


def finished(request: Received) -> Step:
    """Start whatever is asked for; it is over at once."""
    fields = json.loads(request.body)
    if request.target.endswith("/status"):
        return DONE
    return answer(json.dumps({"error": 0, "data": {"task_id": f"t{fields['id']}"}}))


@pytest.mark.looptime
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


@pytest.mark.looptime
async def test_slow_reader_of_as_completed_costs_no_request_more(server: ScriptedServer) -> None:
    """Handles that are over wait for their reader without being polled again."""
    server.otherwise = finished
    async with AltcraftClient(server.url, TOKEN, poll=Constant(0.05)) as client:
        handles = [client.tasks.attach(f"t{number}") for number in range(20)]
        async for handle in as_completed(handles):
            assert handle.done()
            await asyncio.sleep(100)
    assert len(server.received) == len(handles)
