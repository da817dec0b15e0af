"""Poll policies of the user's own: functions, and objects that raise."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from altcraft_async import CountersReport, PollingError, PollState

if TYPE_CHECKING:
    from altcraft_async import FinishedTask
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime]


class Broken:
    """A policy that works once."""

    def next_poll(self, state: PollState) -> float:
        """Return a delay, then fail."""
        return 1 / (1 - state.polls)


async def test_function_is_a_poll_policy(platform: OpenPlatform) -> None:
    async with platform(duration=10, options={"poll": lambda state: 2.0 + state.polls}) as (
        _,
        client,
    ):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle
        assert handle.polls == 4


class Unteachable:
    """A policy that cannot learn."""

    def next_poll(self, state: PollState) -> float:  # noqa: ARG002 -- the interface
        """Return one second."""
        return 1.0

    def learn(self, finished: FinishedTask) -> None:
        """Fail."""
        raise KeyError(finished.kind)


async def test_policy_that_fails_to_learn_is_logged_and_the_result_is_there(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    async with platform(duration=3, options={"poll": Unteachable()}) as (_, client):
        assert isinstance(await client.resources.refresh(24, database_id=1), CountersReport)
    assert "cannot learn" in caplog.text


async def test_policy_that_fails_at_once_ends_the_wait_without_a_poll(
    platform: OpenPlatform,
) -> None:
    class Hopeless:
        def next_poll(self, state: PollState) -> float:
            return 1 / state.polls

    async with platform(options={"poll": Hopeless()}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(PollingError, match="division by zero"):
            await handle
        await asyncio.sleep(10)
        assert server.count("tasks/status") == 0


async def test_policy_that_fails_later_ends_the_wait_with_its_cause(platform: OpenPlatform) -> None:
    async with platform(options={"poll": Broken()}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(PollingError, match="division by zero") as caught:
            await handle
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert not handle.done()


class InFlight:
    """A policy that notes how many other tasks were in flight when one ended."""

    def __init__(self) -> None:
        """Begin without any."""
        self.others: list[int] = []

    def next_poll(self, state: PollState) -> float:
        """Return about a second."""
        return 1 - 0.1 * state.chance

    def learn(self, finished: FinishedTask) -> None:
        """Note them."""
        self.others.append(finished.in_flight)


async def test_policy_learns_how_many_other_tasks_were_in_flight(platform: OpenPlatform) -> None:
    policy = InFlight()
    async with platform(duration=(5, 30), options={"poll": policy}) as (_, client):
        targets = ((number, 1) for number in range(1, 51))
        outcomes = [one async for one in client.resources.refresh_many(targets)]
    assert len(outcomes) == 50
    assert policy.others == list(reversed(range(50)))
