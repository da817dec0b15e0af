"""Times of polls as the server sees them, with any policy."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async import (
    Adaptive,
    AltcraftClient,
    Constant,
    Exponential,
    PollPolicy,
    PollState,
    Retry,
    TaskRef,
    WaitTimeoutError,
)
from altcraft_async.policies.base import SHORTEST_INTERVAL
from altcraft_async.tasks.scheduler import SLOTS_PER_SECOND
from tests.support.api_calls import RUNNING, TOKEN
from tests.support.examples import examples
from tests.support.loop_time import jumping_loop
from tests.support.scripted_server import Received, ScriptedServer, Step, answer

BUSY = answer('{"error": 503, "error_text": "busy"}', status="503 Busy")
COMPLETED = answer('{"error": 0, "data": {"status": "completed"}}')
RESOLUTION = 2 / SLOTS_PER_SECOND


class Erratic:
    """A policy that returns the given numbers in turn, whatever they are."""

    def __init__(self, numbers: list[float]) -> None:
        """Remember the numbers."""
        self._numbers = numbers

    def next_poll(self, state: PollState) -> float:
        """Return the next number."""
        return self._numbers[state.polls % len(self._numbers)]


POLICIES = st.one_of(
    st.builds(Adaptive, first=st.floats(0.01, 5), blind=st.floats(0.01, 2)),
    st.builds(Constant, st.floats(0.01, 10)),
    st.builds(Exponential, first=st.floats(0.01, 5), factor=st.floats(1, 4)),
    st.builds(Erratic, st.lists(st.floats(-5, 30) | st.just(math.nan), min_size=1)),
)


async def polls_within(policy: PollPolicy, seconds: float) -> tuple[list[float], float]:
    """Wait for a task that never ends; return when it was polled, and when the wait ended."""
    async with ScriptedServer() as server, AltcraftClient(server.url, TOKEN, poll=policy) as client:
        server.otherwise = lambda _request: RUNNING
        began = asyncio.get_running_loop().time()
        handle = client.tasks.attach(TaskRef(task_id="t1"))
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=seconds)
        ended = asyncio.get_running_loop().time() - began
    return [request.at - began for request in server.received], ended


@settings(max_examples=examples(40))
@given(policy=POLICIES, timeout=st.floats(0.1, 20))
def test_no_policy_polls_past_the_deadline_or_without_a_delay(
    policy: PollPolicy, timeout: float
) -> None:
    with asyncio.Runner(loop_factory=jumping_loop) as runner:
        polls, ended = runner.run(polls_within(policy, timeout))
    assert ended == pytest.approx(timeout, abs=RESOLUTION + SHORTEST_INTERVAL)
    assert polls[-1] == pytest.approx(timeout, abs=RESOLUTION + SHORTEST_INTERVAL)
    assert all(later - sooner >= SHORTEST_INTERVAL - 1e-6 for sooner, later in pairwise(polls))


@pytest.mark.looptime
@pytest.mark.parametrize("policy", [Adaptive(), Constant(2.0), Exponential()], ids=repr)
async def test_tasks_attached_together_are_not_polled_together(
    server: ScriptedServer, policy: PollPolicy
) -> None:
    """Jitter spreads them from the first interval on, so that no slot has more than a few."""
    server.otherwise = lambda _request: answer('{"error": 0, "data": {"status": "new"}}')
    async with AltcraftClient(server.url, TOKEN, poll=policy) as client:
        loop = asyncio.get_running_loop()
        waits: list[asyncio.Task[object]] = []
        for number in range(100):
            handle = client.tasks.attach(TaskRef(task_id=f"t{number}", kind="resource"))
            await handle.poll()
            waits.append(loop.create_task(handle.wait()))
        await asyncio.sleep(3)
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
    later = Counter(int(one.at * SLOTS_PER_SECOND) for one in server.received[len(waits) :])
    assert max(later.values()) <= 0.25 * len(waits)


def other_task(number: int) -> TaskRef:
    return TaskRef(task_id=f"o{number}", kind="resource", target=(number, 1))


@pytest.mark.looptime
async def test_polls_that_fail_do_not_make_the_next_ones_rarer(server: ScriptedServer) -> None:
    """An answer that says "running" makes the policy patient; a failure says nothing."""
    failing, failures = b'"t0"', 0

    def as_asked(request: Received) -> Step:
        nonlocal failures
        if failing not in request.body:
            return BUSY if len(server.received) % 2 else RUNNING
        failures += 1
        return BUSY if failures <= 6 else COMPLETED

    server.otherwise = as_asked

    def policy(state: PollState) -> float:
        return 0.5 if state.target else max(2.0, state.waited)

    retry = Retry(ceiling=1.0)
    async with AltcraftClient(server.url, TOKEN, poll=policy, retry=retry) as client:
        others = [client.tasks.attach(other_task(number)) for number in range(1, 21)]
        waits = [asyncio.ensure_future(other.wait()) for other in others]
        await asyncio.sleep(10)  # until the retry budget is spent
        handle = client.tasks.attach(TaskRef(task_id="t0"))
        began = asyncio.get_running_loop().time()
        await handle.wait()
        assert asyncio.get_running_loop().time() - began < 20
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
