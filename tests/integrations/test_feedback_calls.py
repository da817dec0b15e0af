"""Polls of tasks at whose end the platform calls: one each, once enough calls have come in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import pytest

from altcraft_async import AltcraftClient, CountersReport, Feedback, TaskHandle
from altcraft_async.integrations.feedback import FeedbackReceiver
from altcraft_async.simulator import Simulator, Webhooks
from tests.support.feedback_site import PUBLIC_URL, aiohttp_receiver
from tests.support.loop_time import now

pytestmark = [
    pytest.mark.looptime,
    pytest.mark.slow,
    pytest.mark.usefixtures("nothing_left"),
]

SLOW = pytest.mark.slow

LEARNED = 200
"""Tasks after which the client knows how long tasks take, and how many calls come."""


class Run(NamedTuple):
    """What some refreshes took.

    Attributes:
        polls: Polls of each.
        lateness: Seconds of each from its end to its result, as a share of its duration.
    """

    polls: list[int]
    lateness: list[float]

    @property
    def mean_polls(self) -> float:
        """Polls of one refresh."""
        return sum(self.polls) / len(self.polls)

    @property
    def mean_lateness(self) -> float:
        """Lateness of one refresh."""
        return sum(self.lateness) / len(self.lateness)


class Site(NamedTuple):
    """A platform that calls, its client with the default policy, and a receiver."""

    server: Simulator
    client: AltcraftClient
    receiver: FeedbackReceiver
    base: str

    def url(self, resource_id: int) -> str:
        """Return the local URL of a resource in database 1."""
        url = self.receiver.url_for("resource", (resource_id, 1))
        return self.base + urlsplit(url).path

    async def start(self, resource_id: int) -> TaskHandle[CountersReport]:
        """Start a refresh at whose end the platform calls."""
        handle = await self.client.resources.refresh_counters(
            resource_id, database_id=1, feedback=Feedback(url=self.url(resource_id))
        )
        return self.receiver.watch(handle)

    async def run(self, refreshes: int) -> Run:
        """Refresh so many resources, twenty at once."""
        runs: list[tuple[int, float]] = []
        resources = iter(range(1, refreshes + 1))

        async def work() -> None:
            for resource_id in resources:
                handle = await self.start(resource_id)
                began = now()
                await handle
                end = self.server.world.end_of(handle.ref.task_id)
                assert end is not None
                runs.append((handle.polls, (now() - end) / (end - began)))

        await asyncio.gather(*(work() for _ in range(20)))
        return Run([polls for polls, _ in runs], [lateness for _, lateness in runs])


@asynccontextmanager
async def site(webhooks: Webhooks) -> AsyncGenerator[tuple[Site, AsyncExitStack], None]:
    """Open a site; closing the stack ends its receiver."""
    receiver = FeedbackReceiver(PUBLIC_URL)
    async with (
        Simulator(duration=(8.0, 12.0), webhooks=webhooks) as server,
        AltcraftClient(server.url, server.token) as client,
        AsyncExitStack() as stack,
    ):
        base = await stack.enter_async_context(aiohttp_receiver(receiver))
        yield Site(server, client, receiver, base), stack


@pytest.mark.parametrize(
    ("webhooks", "polls", "lateness"),
    [
        pytest.param(Webhooks(), 1.2, 0.005, id="none lost"),
        # 1.4 in the mean; the policy draws at random, so a run may need more.
        pytest.param(Webhooks(lost=0.1), 1.8, 0.03, id="a tenth lost"),
        pytest.param(Webhooks(repeats=2, delay=(0.01, 0.05)), 1.2, 0.01, id="repeated", marks=SLOW),
    ],
)
async def test_task_takes_one_poll_where_calls_come(
    webhooks: Webhooks, polls: float, lateness: float
) -> None:
    async with site(webhooks) as (here, _):
        before = await here.run(LEARNED)
        run = await here.run(LEARNED)
    assert before.mean_polls > 2
    assert run.mean_polls <= polls
    assert run.mean_lateness <= lateness


@pytest.mark.parametrize(
    "webhooks",
    [
        pytest.param(Webhooks(lost=1.0), id="lost", marks=SLOW),
        pytest.param(Webhooks(delay=4.0), id="late"),
    ],
)
async def test_task_is_polled_as_without_calls_where_they_are_useless(webhooks: Webhooks) -> None:
    async with site(webhooks) as (here, _):
        await here.run(LEARNED)
        assert here.client._parts.rules.callbacks.share == 0
        run = await here.run(LEARNED)
    assert run.mean_lateness < 0.03
    assert run.mean_polls > 2


async def test_calls_that_stop_cost_a_quarter_of_the_duration_and_end_the_reliance() -> None:
    async with site(Webhooks()) as (here, stack):
        await here.run(LEARNED)
        assert here.client._parts.rules.callbacks.share > 0.9
        await stack.aclose()  # nothing receives the calls any more
        lost = await here.run(60)
        after = await here.run(LEARNED)
    assert max(lost.lateness) <= 0.25 + 12 / 8 - 1  # the shortest of them could have been longest
    assert here.client._parts.rules.callbacks.share == 0
    assert after.mean_lateness < 0.03


async def test_forged_call_makes_its_task_polled_as_without_calls() -> None:
    async with site(Webhooks()) as (here, stack):
        await here.run(LEARNED)
        share = here.client._parts.rules.callbacks.share
        session = await stack.enter_async_context(aiohttp.ClientSession())
        handle = await here.start(400)
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(1)
        async with session.post(here.url(400)) as response:
            assert response.status == 204
        await waiting
        assert handle.polls > 2
        assert here.client._parts.rules.callbacks.share == share
