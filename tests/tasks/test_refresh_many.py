"""`refresh_many`: many targets, a bounded number at once, each reported exactly once."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from altcraft_async import (
    ClientClosedError,
    Completed,
    ConfigurationError,
    CountersReport,
    Failed,
    NotFoundError,
    ProtocolError,
    TaskFailedError,
    WaitTimeoutError,
)
from altcraft_async.simulator import Fault
from altcraft_async.tasks.refresh_many import STARTERS
from tests.support.api_calls import gather_into
from tests.support.loop_time import now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


async def test_every_target_completes_once(platform: OpenPlatform) -> None:
    targets = [(number, 1) for number in range(1, 61)]
    async with platform(duration=(1, 5)) as (server, client):
        outcomes = [one async for one in client.resources.refresh_many(targets, in_flight=60)]
        assert sorted(one.target for one in outcomes if isinstance(one, Completed)) == targets
        for one in outcomes:
            assert isinstance(one, Completed)
            assert one.ref.target == one.target
            assert one.value["sms"] == server.world.counters(*one.target)["sms"]
            assert 1 <= one.polls <= 6
            assert 1 <= one.seconds <= 7
        seconds = [one.seconds for one in outcomes if isinstance(one, Completed)]
        assert all(later > sooner - 0.2 for sooner, later in pairwise(seconds))


async def test_no_more_targets_are_read_than_in_flight_allows(platform: OpenPlatform) -> None:
    read = reported = 0
    most = 0

    def targets() -> Iterator[tuple[int, int]]:
        nonlocal read, most
        for number in range(1, 61):
            read += 1
            most = max(most, read - reported)
            yield number, 1

    async with platform(duration=2) as (_, client):
        async for outcome in client.resources.refresh_many(targets(), in_flight=10):
            assert isinstance(outcome, Completed)
            reported += 1
            if reported == 30:
                await asyncio.sleep(60)
    assert reported == 60
    assert most == 10


async def test_async_iterable_is_read_one_by_one(platform: OpenPlatform) -> None:
    """An async generator cannot be entered twice."""
    reading = False

    async def targets() -> AsyncGenerator[tuple[int, int], None]:
        nonlocal reading
        for number in range(1, 41):
            assert not reading
            reading = True
            await asyncio.sleep(0.1)
            reading = False
            yield number, 1

    async with platform(duration=1) as (_, client):
        outcomes = [one async for one in client.resources.refresh_many(targets())]
        assert len(outcomes) == 40
        assert all(isinstance(one, Completed) for one in outcomes)


async def test_bad_target_is_a_failure_and_the_others_go_on(platform: OpenPlatform) -> None:
    bad: list[object] = [(1,), (1, 2, 3), "24", None, (0, 1), (1, -1), (True, 1), ("1", 1), {}]
    targets = [(24, 1), *bad, (99999, 1), (25, 1)]
    async with platform(duration=1) as (server, client):
        outcomes = [one async for one in client.resources.refresh_many(targets)]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        failed = [one for one in outcomes if isinstance(one, Failed)]
        assert len(outcomes) == len(targets)
        assert [one.target for one in failed if isinstance(one.error, ConfigurationError)] == bad
        assert [one.target for one in failed if isinstance(one.error, NotFoundError)] == [
            (99999, 1)
        ]
        assert all(one.ref is None for one in failed)
        assert server.count(START) == 3


async def test_loop_goes_on_while_very_many_targets_fail_at_once(platform: OpenPlatform) -> None:
    loop, iteration = asyncio.get_running_loop(), 0
    read: Counter[int] = Counter()

    def count() -> None:
        nonlocal iteration
        iteration += 1
        if read.total() < 2000:
            loop.call_soon(count)

    def targets() -> Iterator[tuple[int, int]]:
        for _ in range(2000):
            read[iteration] += 1
            yield 0, 1

    async with platform() as (_, client):
        count()
        outcomes = [one async for one in client.resources.refresh_many(targets(), in_flight=2000)]
    assert len(outcomes) == 2000
    assert max(read.values()) <= STARTERS


async def test_failed_tasks_keep_their_ref(platform: OpenPlatform) -> None:
    async with platform(duration=3) as (server, client):
        server.misbehave(STATUS, Fault.failed_task("failed"))
        server.misbehave(STATUS, Fault.failed_task("completed"))
        outcomes = [one async for one in client.resources.refresh_many([(1, 1), (2, 1), (3, 1)])]
        kinds = [type(one.error) if isinstance(one, Failed) else None for one in outcomes]
        assert kinds == [TaskFailedError, ProtocolError, None]
        assert all(one.ref for one in outcomes)


async def test_timeout_holds_for_each_target(platform: OpenPlatform) -> None:
    async with platform(duration=lambda dice: dice.choice([1.0, 500.0])) as (_, client):
        targets = [(number, 1) for number in range(1, 21)]
        outcomes = [one async for one in client.resources.refresh_many(targets, timeout=10)]
        late = [one for one in outcomes if isinstance(one, Failed)]
        assert 0 < len(late) < 20
        assert all(isinstance(one.error, WaitTimeoutError) and one.ref for one in late)
        assert now() < 12


async def test_same_target_twice_shares_a_task(platform: OpenPlatform) -> None:
    """With ``join="never"`` it is started twice."""
    async with platform(duration=1) as (server, client):
        targets = [(24, 1), (24, 1)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]
        assert len(outcomes) == 2
        assert server.count(START) == 1
        outcomes = [one async for one in client.resources.refresh_many(targets, join="never")]
        assert len(outcomes) == 2
        assert server.count(START) == 3


async def test_break_stops_starts_and_polls_and_logs_the_running_tasks(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    async with platform(duration=(1, 100)) as (server, client):
        with caplog.at_level(logging.INFO, "altcraft_async"):
            targets = ((number, 1) for number in range(1, 500))
            async for _ in client.resources.refresh_many(targets, in_flight=50):
                break
            await asyncio.sleep(1)
        counts = server.count(START), server.count(STATUS)
        await asyncio.sleep(200)
        assert (server.count(START), server.count(STATUS)) == counts
        assert "refreshes running at the platform" in caplog.text


async def test_cancelling_the_reader_stops_starts_and_polls(platform: OpenPlatform) -> None:
    async with platform(duration=50) as (server, client):

        async def read() -> None:
            targets = ((number, 1) for number in range(1, 500))
            async for _ in client.resources.refresh_many(targets):
                pass

        reading = asyncio.create_task(read())
        await asyncio.sleep(2.5)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        polls = server.count(STATUS)
        await asyncio.sleep(100)
        assert server.count(STATUS) == polls


async def test_error_of_the_iterable_is_raised_after_the_outcomes_of_what_was_read(
    platform: OpenPlatform,
) -> None:
    def targets() -> Iterator[tuple[int, int]]:
        yield 24, 1
        yield 25, 1
        msg = "the database cursor is gone"
        raise OSError(msg)

    outcomes: list[object] = []
    async with platform(duration=1) as (_, client):
        with pytest.raises(OSError, match="cursor is gone"):
            await gather_into(outcomes, client.resources.refresh_many(targets()))
    assert len(outcomes) == 2


async def test_cancellation_inside_the_iterable_reaches_the_caller(
    platform: OpenPlatform,
) -> None:
    async def targets() -> AsyncGenerator[tuple[int, int], None]:
        yield 24, 1
        raise asyncio.CancelledError

    async with platform(duration=1) as (_, client):
        outcomes: list[object] = []
        with pytest.raises(asyncio.CancelledError):
            await gather_into(outcomes, client.resources.refresh_many(targets()))
    assert len(outcomes) == 1


async def test_target_that_raises_when_read_is_a_failure(
    platform: OpenPlatform,
) -> None:
    class Broken:
        def __index__(self) -> int:
            raise OSError

        def __repr__(self) -> str:
            raise OSError

    async with platform(duration=1) as (_, client):
        targets = [(Broken(), 1), (24, 1)]
        outcomes = [one async for one in client.resources.refresh_many(targets)]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert [type(one) for one in outcomes] == [Failed, Completed]


async def test_timeout_holds_while_the_last_poll_hangs(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        server.misbehave(STATUS, Fault.stall())
        began = now()
        (outcome,) = [one async for one in client.resources.refresh_many([(24, 1)], timeout=0.5)]
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, WaitTimeoutError)
        assert now() - began == pytest.approx(1.5, abs=0.1)


async def test_closed_client_reads_no_more_targets(platform: OpenPlatform) -> None:
    async with platform(duration=50) as (_, client):
        targets = ((number % 500 + 1, 1) for number in itertools.count())
        collecting = asyncio.ensure_future(collect(client.resources.refresh_many(targets)))
        await asyncio.sleep(2)
        await client.aclose()
        assert len(await collecting) < 300


async def test_closed_client_makes_each_remaining_target_a_failure(platform: OpenPlatform) -> None:
    async with platform(duration=50) as (_, client):
        stream = client.resources.refresh_many([(number, 1) for number in range(1, 21)])
        collecting = asyncio.ensure_future(collect(stream))
        await asyncio.sleep(5)
        await client.aclose()
        outcomes = await collecting
        assert len(outcomes) == 20
        assert {type(one.error) if isinstance(one, Failed) else None for one in outcomes} == {
            ClientClosedError
        }


async def collect(
    stream: AsyncGenerator[Completed[CountersReport] | Failed, None],
) -> list[Completed[CountersReport] | Failed]:
    """Return all outcomes."""
    return [one async for one in stream]


async def test_iteration_over_no_targets_ends_at_once(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        assert [one async for one in client.resources.refresh_many([])] == []


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, None])
async def test_wrong_limits_are_refused_by_the_call(platform: OpenPlatform, limit: int) -> None:
    async with platform() as (_, client):
        with pytest.raises(ConfigurationError, match=r"^in_flight:"):
            client.resources.refresh_many([(24, 1)], in_flight=limit)
        with pytest.raises(ConfigurationError, match=r"^timeout:"):
            client.resources.refresh_many([(24, 1)], timeout=-1)


async def test_in_flight_may_exceed_the_targets(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (_, client):
        stream = client.resources.refresh_many([(24, 1)], in_flight=10_000)
        assert len([one async for one in stream]) == 1


async def test_stream_ends_when_all_other_tasks_are_cancelled(platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        before, targets = asyncio.all_tasks(), ((number, 1) for number in range(1, 21))
        stream = client.resources.refresh_many(targets, in_flight=4)
        await anext(stream)
        for task in asyncio.all_tasks() - before:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async for _ in stream:
                pass
