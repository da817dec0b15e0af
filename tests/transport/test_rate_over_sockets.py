"""``rate_limit`` over real sockets, with time that jumps."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async import AltcraftClient, ConfigurationError, Failed, RateLimitedError, Retry
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter
from tests.faults.tasks import DONE
from tests.support.api_calls import RUNNING, STARTED, TOKEN, client_of
from tests.support.examples import examples
from tests.support.loop_time import now
from tests.support.scripted_server import Received, ScriptedServer, Step, answer

pytestmark = pytest.mark.looptime


def gaps(server: ScriptedServer) -> list[float]:
    """Return the seconds between the requests."""
    times = [request.at for request in server.received]
    return [round(later - earlier, 6) for earlier, later in itertools.pairwise(times)]


async def test_simultaneous_requests_are_spaced(server: ScriptedServer) -> None:
    server.script(*[RUNNING] * 5)
    async with client_of(server.url, rate_limit=10) as client:
        await asyncio.gather(*[client.tasks.status("t1") for _ in range(5)])
    assert server.received[0].at == 0
    assert gaps(server) == pytest.approx([0.1] * 4, abs=1e-5)


async def test_starts_polls_and_retries_share_one_rate(server: ScriptedServer) -> None:
    busy = answer('{"error": 429}', status="429 Slow")
    server.script(STARTED, busy, RUNNING)
    async with client_of(server.url, rate_limit=0.5, retry=Retry(first=0.0)) as client:
        await client.resources.refresh_counters(24, database_id=1)
        await client.tasks.status("t1")
    assert gaps(server) == [2, 2]


async def test_refused_target_delays_no_other_and_gets_its_own_error(
    server: ScriptedServer,
) -> None:
    """One task of two is refused each time, with a wait of ten seconds."""
    busy = answer('{"error": 429}', status="429 Slow", headers=["Retry-After: 10"])
    server.otherwise = lambda one: busy if b'"locked"' in one.body else RUNNING
    others: list[float] = []
    async with client_of(server.url) as client:

        async def call_others() -> None:
            while now() < 25:
                await client.tasks.status("free")
                others.append(now())
                await asyncio.sleep(0.5)

        calling = asyncio.create_task(call_others())
        for _ in range(4):
            with pytest.raises(RateLimitedError):
                await client.tasks.status("locked")
        await calling
    assert max(later - earlier for earlier, later in itertools.pairwise(others)) < 0.6
    refused = [one.at for one in server.received if b'"locked"' in one.body]
    assert len(refused) == 12


async def test_targets_that_are_always_refused_do_not_stop_a_run(server: ScriptedServer) -> None:
    """Each holds a slot of the run, but not for the whole patience of ten minutes."""
    busy = answer('{"error": 429}', status="429 Slow")

    def platform(request: Received) -> Step:
        if request.target.endswith("tasks/status"):
            return DONE
        number = json.loads(request.body)["id"]
        return (
            busy if number <= 4 else answer(f'{{"error": 0, "data": {{"task_id": "t{number}"}}}}')
        )

    server.otherwise = platform
    targets = [(number, 1) for number in range(1, 31)]
    async with client_of(server.url, retry=Retry()) as client:
        run = client.resources.refresh_many(targets, in_flight=5)
        outcomes = [outcome async for outcome in run]
        assert now() < 120
    failed = [one for one in outcomes if isinstance(one, Failed)]
    assert {one.target for one in failed} == {(number, 1) for number in range(1, 5)}
    assert all(isinstance(one.error, RateLimitedError) for one in failed)
    assert len(outcomes) == 30


async def test_idle_time_is_not_saved_up(server: ScriptedServer) -> None:
    server.script(*[RUNNING] * 3)
    async with client_of(server.url, rate_limit=10) as client:
        await client.tasks.status("t1")
        await asyncio.sleep(3600)
        await asyncio.gather(client.tasks.status("t1"), client.tasks.status("t1"))
    assert gaps(server) == [3600, 0.1]


async def test_without_a_rate_nothing_waits(server: ScriptedServer) -> None:
    server.script(*[RUNNING] * 5)
    async with client_of(server.url) as client:
        await asyncio.gather(*[client.tasks.status("t1") for _ in range(5)])
    assert now() == 0


async def test_cancelled_call_sends_nothing_and_delays_no_other(server: ScriptedServer) -> None:
    server.script(RUNNING, RUNNING)
    async with client_of(server.url, rate_limit=1) as client:
        calls = [asyncio.ensure_future(client.tasks.status("t1")) for _ in range(3)]
        await server.has_received(1)
        calls[1].cancel()
        await asyncio.wait(calls)
    assert calls[1].cancelled()
    assert now() <= 2


@settings(max_examples=examples(25))
@given(rate=st.floats(0.01, 1000), arrivals=st.lists(st.floats(0, 100), min_size=1, max_size=20))
async def test_no_two_requests_are_closer_than_the_rate_allows(
    rate: float, arrivals: list[float]
) -> None:
    lifecycle = Lifecycle()
    lifecycle.enter()
    rate_limiter, begin = RateLimiter(lifecycle, Rate(rate)), now()
    left: list[float] = []

    async def request(arrival: float) -> None:
        await asyncio.sleep(arrival)
        await rate_limiter.acquire()
        left.append(now() - begin)

    await asyncio.gather(*map(request, arrivals))
    resolution = 1e-5  # of the loop whose time jumps
    assert all(b - a >= 1 / rate - resolution for a, b in itertools.pairwise(left))
    assert left[0] == pytest.approx(min(arrivals), abs=resolution)


async def test_requests_that_waited_for_a_connection_are_spaced(
    server: ScriptedServer,
) -> None:
    recovered = asyncio.Event()
    server.script(Step(RUNNING.sends, after=recovered), RUNNING, RUNNING, RUNNING)
    async with client_of(server.url, rate_limit=1, connections=1) as client:
        calls = [asyncio.ensure_future(client.tasks.status("t1")) for _ in range(4)]
        await asyncio.sleep(10)
        recovered.set()
        await asyncio.gather(*calls)
    assert min(gaps(server)) >= 1


@pytest.mark.parametrize("rate", [0, -1, math.nan, "5"])
def test_rate_that_is_no_positive_number_is_refused_by_name(rate: Any) -> None:  # noqa: ANN401 -- wrong on purpose
    with pytest.raises(ConfigurationError, match=r"^rate_limit: ") as refused:
        AltcraftClient("https://example.com", TOKEN, rate_limit=rate)
    assert TOKEN not in str(refused.value)
