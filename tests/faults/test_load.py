"""The load of many handles on a server: an outage, throttling, a slow consumer."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from altcraft_async import AltcraftClient, Constant, as_completed
from tests.faults.table import envelope
from tests.faults.tasks import DONE
from tests.support.api_calls import RUNNING, TOKEN
from tests.support.loop_time import jumping_loop
from tests.support.scripted_server import Received, ScriptedServer, Step, answer

pytestmark = pytest.mark.usefixtures("both_ways")

POLLED_EVERY = 10.0
CALLED_EVERY = 0.5
OUTAGE = (30.0, 90.0)
END = 120.0

GONE = answer(envelope(500), status="500 Internal Server Error")  # 503 would be an outage
BUSY = answer(envelope(429), status="429 Too Many Requests")


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    """Seed the random delays, so that each run is the same."""
    random.seed(1)


def out_of_order(request: Received) -> Step:
    """Answer that the task is running, and 500 during the outage."""
    return GONE if OUTAGE[0] <= request.at < OUTAGE[1] else RUNNING


async def wait_for_ever(client: AltcraftClient, number: int, delay: float) -> None:
    """Wait for a task that never ends."""
    await asyncio.sleep(delay)
    await client.tasks.attach(f"t{number}").wait()


async def call_regularly(client: AltcraftClient) -> None:
    """Call regularly, as an application does that shows the status."""
    while True:
        await asyncio.sleep(CALLED_EVERY)
        call = asyncio.ensure_future(client.tasks.status("t1"))
        call.add_done_callback(lambda done: done.cancelled() or done.exception())


@asynccontextmanager
async def crowd(client: AltcraftClient, handles: int) -> AsyncGenerator[None, None]:
    """Run many waits, started at different times, and one regular caller."""
    waits = [
        asyncio.ensure_future(wait_for_ever(client, number, POLLED_EVERY * number / handles))
        for number in range(handles)
    ]
    waits.append(asyncio.ensure_future(call_regularly(client)))
    yield
    for one in waits:
        one.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


class Outage(NamedTuple):
    """Requests before, during and after an outage of a minute.

    Attributes:
        usual: Requests a second without an outage.
        at: Time of each request.
    """

    usual: float
    at: list[float]

    def between(self, begin: float, end: float) -> int:
        """Return the number of requests in this time."""
        return sum(begin <= at < end for at in self.at)


async def through_the_outage(handles: int) -> list[float]:
    """Return the times of the requests, from before the outage to half a minute after it."""
    async with (
        ScriptedServer() as server,
        AltcraftClient(server.url, TOKEN, poll=Constant(POLLED_EVERY)) as client,
        crowd(client, handles),
    ):
        server.otherwise = out_of_order
        await asyncio.sleep(END)
        return [request.at for request in server.received]


@pytest.fixture(scope="session", params=[200, pytest.param(1000, marks=pytest.mark.slow)])
def outage(request: pytest.FixtureRequest) -> Outage:
    """Play an outage with this many handles, once."""
    random.seed(1)
    handles: int = request.param
    with asyncio.Runner(loop_factory=jumping_loop) as runner:
        at = runner.run(through_the_outage(handles))
    return Outage(handles / POLLED_EVERY + 1 / CALLED_EVERY, at)


def test_outage_adds_at_most_a_fifth_to_the_requests(outage: Outage) -> None:
    """Retries and polls together."""
    usual = outage.between(0, OUTAGE[0]) / OUTAGE[0]
    assert usual == pytest.approx(outage.usual, rel=0.1)
    assert outage.between(*OUTAGE) <= 1.2 * usual * (OUTAGE[1] - OUTAGE[0])


def test_requests_after_an_outage_are_spread_over_time(outage: Outage) -> None:
    """No second has twice the usual requests."""
    end = OUTAGE[1]
    seconds = [outage.between(end + second, end + second + 1) for second in range(30)]
    assert seconds[0] < 2 * outage.usual
    assert max(seconds) < 2 * outage.usual
    assert sum(seconds[15:]) >= 0.9 * 15 * outage.usual


class Throttle:
    """Answers this many requests a second, and refuses the rest."""

    def __init__(self, rate: float) -> None:
        """Allow the requests of one second at first."""
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
async def test_client_settles_at_the_rate_of_a_throttling_server(server: ScriptedServer) -> None:
    """Few requests are refused, and little of the allowed rate is unused."""
    rate, warm, end = 12.0, 40.0, 100.0
    server.otherwise = throttle = Throttle(rate)
    async with (
        AltcraftClient(server.url, TOKEN, poll=Constant(1.0)) as client,
        crowd(client, 100),
    ):
        await asyncio.sleep(end)
    sent = sum(warm <= request.at < end for request in server.received)
    refused = sum(warm <= at < end for at in throttle.refused_at)
    assert refused / sent < 0.05
    # The unused second that the throttle may have saved is a sixtieth of the time.
    assert 0.8 * rate <= (sent - refused) / (end - warm) <= 1.02 * rate
    assert refused


def finished(request: Received) -> Step:
    """Accept every start; its task is over at once."""
    fields = json.loads(request.body)
    if request.target.endswith("/status"):
        return DONE
    return answer(json.dumps({"error": 0, "data": {"task_id": f"t{fields['id']}"}}))


@pytest.mark.looptime
async def test_backlog_of_a_slow_consumer_is_bounded(server: ScriptedServer) -> None:
    """Targets are read and started only as outcomes are taken."""
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
async def test_slow_consumer_of_as_completed_costs_no_extra_request(server: ScriptedServer) -> None:
    server.otherwise = finished
    async with AltcraftClient(server.url, TOKEN, poll=Constant(0.05)) as client:
        handles = [client.tasks.attach(f"t{number}") for number in range(20)]
        async for handle in as_completed(handles):
            assert handle.done()
            await asyncio.sleep(100)
    assert len(server.received) == len(handles)
