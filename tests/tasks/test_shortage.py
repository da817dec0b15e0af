"""Which polls are made first when there are more than can be under way at once."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from altcraft_async import Constant, CountersReport, TaskHandle, WaitTimeoutError
from altcraft_async.simulator import Fault
from tests.support.loop_time import now

if TYPE_CHECKING:
    from altcraft_async import AltcraftClient
    from altcraft_async.simulator import Simulator
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START, STATUS = "resources/refresh_counters", "tasks/status"
Handle = TaskHandle[CountersReport]


def answer_late(server: Simulator, *methods: str, seconds: float = 1.0) -> None:
    """Let every answer take so long."""
    server.misbehave_randomly(rate=1.0, faults=[Fault.stall(seconds)], methods=methods)


async def started(client: AltcraftClient, count: int) -> list[Handle]:
    """Start so many refreshes."""
    return [
        await client.resources.refresh_counters(number, database_id=1)
        for number in range(1, count + 1)
    ]


@pytest.mark.slow
async def test_every_wait_on_a_distant_platform_gets_a_poll(platform: OpenPlatform) -> None:
    """Thirty-two at once would make 192 polls in this time."""
    async with platform(duration=600) as (server, client):
        [handle] = await started(client, 1)
        answer_late(server, STATUS)
        handles = [client.tasks.attach(handle.ref) for _ in range(700)]
        ended = await asyncio.gather(
            *(one.wait(timeout=6) for one in handles), return_exceptions=True
        )
        assert {type(error) for error in ended} == {WaitTimeoutError}
        assert all(one.polls for one in handles)


TARGETS = [(number, 1) for number in range(1, 481)]


async def test_many_starts_on_a_distant_platform_are_sent_at_once(platform: OpenPlatform) -> None:
    """Sixty-four at once would take eight seconds."""
    async with platform(duration=600) as (server, client):
        answer_late(server, START)
        refresh = client.resources.refresh_counters
        await asyncio.gather(*(refresh(number, database_id=one) for number, one in TARGETS))
        assert now() < 6


async def test_refresh_many_on_a_distant_platform_starts_many_at_once(
    platform: OpenPlatform,
) -> None:
    """Thirty-two at once would take fifteen seconds."""
    async with platform(duration=600, options={"poll": Constant(60.0)}) as (server, client):
        answer_late(server, START)
        started: list[float] = []
        outcomes = client.resources.refresh_many(
            TARGETS, in_flight=480, on_start=lambda _: started.append(now())
        )
        reading = asyncio.ensure_future(anext(outcomes))
        await asyncio.sleep(6)
        reading.cancel()
        await asyncio.wait([reading])
        assert len(started) == 480


async def test_wait_for_an_old_task_is_polled_before_others_get_their_fifth(
    platform: OpenPlatform,
) -> None:
    async with platform(duration=600, options={"connections": 2}) as (server, client):
        young = await started(client, 10)
        answer_late(server, STATUS)
        waits = [asyncio.create_task(one.wait()) for one in young]
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        old = client.tasks.attach(msgspec.structs.replace(young[0].ref, started_at=long_ago))
        for polls in (1, 2):
            await asyncio.sleep(20)
            before = [one.polls for one in young]
            with contextlib.suppress(WaitTimeoutError):
                await old.wait(timeout=8)
            assert old.polls >= polls
            assert max(one.polls - some for one, some in zip(young, before, strict=True)) < 5
        for wait in waits:
            wait.cancel()


async def test_nearly_finished_task_is_polled_before_tasks_that_have_begun(
    platform: OpenPlatform,
) -> None:
    """In turns, each task would be polled every fifteen seconds."""
    durations = iter([45.0, *[2000.0] * 14])
    async with platform(duration=lambda _: next(durations), options={"connections": 1}) as (
        server,
        client,
    ):
        handles = await started(client, 15)
        waits = [asyncio.create_task(one.wait()) for one in handles]
        await asyncio.sleep(10)
        answer_late(server, STATUS)
        await waits[0]
        assert now() < 50
        for wait in waits[1:]:
            wait.cancel()


async def test_starts_and_polls_do_not_hold_up_one_another(platform: OpenPlatform) -> None:
    async with platform(duration=600, options={"connections": 2}) as (server, client):
        handles = await started(client, 20)
        answer_late(server, START, STATUS)
        waits = [asyncio.create_task(one.wait()) for one in handles]
        await asyncio.sleep(10)
        began = now()
        starts = [
            asyncio.create_task(client.resources.refresh_counters(number, database_id=1))
            for number in range(101, 111)
        ]
        await asyncio.gather(*starts)
        assert now() - began == pytest.approx(5, abs=0.5)
        assert sum(one.polls for one in handles) == pytest.approx(2 * now(), abs=4)
        for wait in waits:
            wait.cancel()
