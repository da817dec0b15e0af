"""What has arrived while the event loop stood still is read before a limit is enforced."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from altcraft_async import AltcraftClient, Constant, Retry, WaitTimeoutError
from altcraft_async.simulator import Fault, ThreadedSimulator
from tests.support.standing_still import stand_still

pytestmark = pytest.mark.usefixtures("nothing_left")

START = "resources/refresh_counters"
STATUS = "tasks/status"
LIST = "resources/list"
LIMIT = 0.4
"""Seconds that a request may take."""


@pytest.fixture
def apart() -> Generator[ThreadedSimulator, None, None]:
    """A platform that goes on while the loop of the client stands still."""
    with ThreadedSimulator(duration=0.0, resources=4_000) as server:
        yield server


def client_of(server: ThreadedSimulator) -> AltcraftClient:
    """Return a client that retries nothing and does not poll by itself."""
    return AltcraftClient(
        server.url,
        server.token,
        request_timeout=LIMIT,
        retry=Retry(attempts=1),
        poll=Constant(60.0),
    )


async def test_answer_to_a_start_that_came_meanwhile_is_read(apart: ThreadedSimulator) -> None:
    apart.misbehave(START, Fault.slow_body(LIMIT / 2))
    async with client_of(apart) as client, asyncio.TaskGroup() as group:
        group.create_task(stand_still(2 * LIMIT, once=lambda: apart.count(START) == 1))
        handle = await client.resources.refresh_counters(24, database_id=1)
        assert apart.starts["resource", (24, 1)] == 1
        assert handle.ref.task_id


async def test_answers_to_many_requests_that_came_meanwhile_are_read(
    apart: ThreadedSimulator,
) -> None:
    async with client_of(apart) as client, asyncio.TaskGroup() as group:
        handle = await client.resources.refresh_counters(24, database_id=1)
        apart.misbehave(STATUS, Fault.slow_body(LIMIT / 2), times=20)
        group.create_task(stand_still(2 * LIMIT, once=lambda: apart.count(STATUS) == 20))
        polls = (client.tasks.status(handle.ref.task_id) for _ in range(20))
        assert {status.status for status in await asyncio.gather(*polls)} == {"completed"}


async def test_large_answer_that_came_meanwhile_is_read(apart: ThreadedSimulator) -> None:
    """It is too large for one read from the socket."""
    async with client_of(apart) as client, asyncio.TaskGroup() as group:
        group.create_task(stand_still(5 * LIMIT, once=lambda: apart.count(LIST) == 1))
        async for resource in client.resources.list(limit=4_000):
            assert resource.id == 1
            break


async def test_answer_that_does_not_come_is_a_timeout_all_the_same(
    apart: ThreadedSimulator,
) -> None:
    apart.misbehave(STATUS, Fault.stall())
    async with client_of(apart) as client, asyncio.TaskGroup() as group:
        handle = await client.resources.refresh_counters(24, database_id=1)
        group.create_task(stand_still(2 * LIMIT, once=lambda: apart.count(STATUS) == 1))
        with pytest.raises(TimeoutError):
            await client.tasks.status(handle.ref.task_id)


@pytest.mark.parametrize("duration", [0.0, 3600.0])
async def test_wait_that_ended_meanwhile_makes_its_poll(duration: float) -> None:
    with ThreadedSimulator(duration=duration) as server:
        async with client_of(server) as client, asyncio.TaskGroup() as group:
            handle = await client.resources.refresh_counters(24, database_id=1)
            group.create_task(stand_still(1.5, once=lambda: bool(handle.poller.waiters)))
            if duration:
                with pytest.raises(WaitTimeoutError):
                    await handle.wait(timeout=0.2)
            else:
                assert (await handle.wait(timeout=0.2)).groups
            assert server.count(STATUS) == 1
