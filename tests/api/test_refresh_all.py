"""``refresh_all`` refreshes every resource in each of its databases."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from altcraft_async import (
    ClientClosedError,
    Completed,
    ConfigurationError,
    CountersReport,
    Failed,
    NotFoundError,
    PermissionDeniedError,
    TaskFailedError,
)
from altcraft_async.simulator import Fault
from tests.support.api_calls import client_of, gather_into
from tests.support.scripted_server import ScriptedServer, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from altcraft_async import AltcraftClient, Resource
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

LIST = "resources/list"
GET = "resources/get"
START = "resources/refresh_counters"
STATUS = "tasks/status"

Outcome = Completed[CountersReport] | Failed


def up_to(most: int) -> Callable[[Resource], bool]:
    """Return a filter for resources with ids up to this one."""
    return lambda resource: resource.id <= most


async def pairs_of(client: AltcraftClient, most: int) -> list[tuple[int, int]]:
    """Return the pairs of each resource up to this id and its databases."""
    resources = [await client.resources.get(number) for number in range(1, most + 1)]
    return [(one.id, database_id) for one in resources for database_id in one.database_ids]


async def all_of(client: AltcraftClient, most: int) -> list[Outcome]:
    """Return all outcomes of these resources."""
    return [one async for one in client.refresh_all(only=up_to(most))]


async def test_every_pair_is_refreshed_once(platform: OpenPlatform) -> None:
    async with platform(duration=(1, 5)) as (_, client):
        pairs = await pairs_of(client, 15)
        outcomes = await all_of(client, 15)
        assert len(pairs) > 15
        assert sorted(one.target for one in outcomes if isinstance(one, Completed)) == pairs
        assert len(outcomes) == len(pairs)


@pytest.mark.slow
async def test_all_of_hundreds_are_refreshed(platform: OpenPlatform) -> None:
    async with platform(duration=1, resources=200) as (server, client):
        outcomes = [one async for one in client.refresh_all(in_flight=1_000)]
        assert {type(one) for one in outcomes} == {Completed}
        assert server.count(GET) == 200
        assert server.count(START) == len(outcomes) == len({one.target for one in outcomes})


async def test_filter_saves_the_lookups(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (server, client):
        outcomes = [
            one async for one in client.refresh_all(only=lambda one: one.name.endswith(" 24"))
        ]
        assert {one.target[0] for one in outcomes if isinstance(one, Completed)} == {24}
        assert server.count(GET) == 1
        assert [one async for one in client.refresh_all(only=lambda _: False)] == []


async def test_resource_that_cannot_be_looked_up_is_a_failure_of_its_own(
    platform: OpenPlatform,
) -> None:
    async with platform(duration=1) as (server, client):
        server.misbehave(GET, Fault.refuse(403, "not yours"), after=2)
        outcomes = await all_of(client, 10)
        (failed,) = [one for one in outcomes if isinstance(one, Failed)]
        assert (failed.target, failed.ref) == ((3,), None)
        assert isinstance(failed.error, PermissionDeniedError)
        done = {one.target[0] for one in outcomes if isinstance(one, Completed)}
        assert done == set(range(1, 11)) - {3}


async def test_database_that_is_named_twice_is_counted_once(server: ScriptedServer) -> None:
    said = {
        LIST: '{"error": 0, "data": [{"id": 24}]}',
        GET: '{"error": 0, "data": {"id": 24, "dbs_ids": [1, 1]}}',
        START: '{"error": 0, "data": {"task_id": "t1"}}',
        STATUS: '{"error": 0, "data": {"status": "completed", "result": [{"channels": []}]}}',
    }
    server.otherwise = lambda request: answer(said[request.target.removeprefix("/api/v1.1/")])
    async with client_of(server.url) as client:
        (outcome,) = [one async for one in client.refresh_all()]
    assert isinstance(outcome, Completed)
    assert outcome.target == (24, 1)


async def test_refresh_that_fails_is_a_failure_of_its_own(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (server, client):
        server.misbehave(START, Fault.refuse(404, "gone"))
        server.misbehave(STATUS, Fault.failed_task())
        failed = [one for one in await all_of(client, 10) if isinstance(one, Failed)]
        assert {type(one.error) for one in failed} == {NotFoundError, TaskFailedError}
        assert {one.target for one in failed} <= set(await pairs_of(client, 10))


async def test_list_that_fails_says_so_after_what_was_found(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (server, client):
        server.misbehave(LIST, Fault.refuse(403, "no more"), after=1)
        found: list[Outcome] = []
        with pytest.raises(PermissionDeniedError, match=r"^resources/list: "):
            await gather_into(found, client.refresh_all(only=up_to(5)))
        assert {one.target[0] for one in found if isinstance(one, Completed)} == {1, 2, 3, 4, 5}


async def test_filter_that_fails_says_so_after_what_was_found(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (_, client):
        found: list[Outcome] = []
        with pytest.raises(ZeroDivisionError):
            await gather_into(found, client.refresh_all(only=lambda one: bool(1 / (5 - one.id))))
        assert {one.target[0] for one in found if isinstance(one, Completed)} == {1, 2, 3, 4}


async def test_no_more_is_looked_up_than_there_are_slots(platform: OpenPlatform) -> None:
    async with (
        platform(duration=1) as (server, client),
        aclosing(client.refresh_all(in_flight=10)) as outcomes,
    ):
        await anext(outcomes)
        await asyncio.sleep(60)
        assert server.count(START) == 10
        assert server.count(GET) <= 20  # ten more lookups run ahead


async def test_slow_lookups_do_not_hold_up_one_another(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (server, client):
        server.misbehave(GET, Fault.slow_body(1), times=32)
        outcomes = await all_of(client, 32)
        assert {type(one) for one in outcomes} == {Completed}
        assert asyncio.get_running_loop().time() < 10


async def test_leaving_while_resources_are_looked_up_leaves_nothing(
    platform: OpenPlatform,
) -> None:
    async with platform(duration=1) as (server, client):
        server.misbehave(GET, Fault.stall(), times=100, after=3)
        async with aclosing(client.refresh_all()) as outcomes:
            assert isinstance(await anext(outcomes), Completed)
        assert server.count(GET) == 16 + 3


async def test_leaving_early_leaves_nothing(platform: OpenPlatform) -> None:
    async with platform(duration=3) as (server, client):
        async with aclosing(client.refresh_all(in_flight=20)) as outcomes:
            async for outcome in outcomes:
                assert isinstance(outcome, Completed)
                break
        await asyncio.sleep(1)  # requests under way arrive
        sent = len(server.requests)
        await asyncio.sleep(60)
        assert len(server.requests) == sent


async def test_break_leaves_nothing_either(platform: OpenPlatform) -> None:
    async with platform(duration=3) as (server, client):
        async for outcome in client.refresh_all(in_flight=20):
            assert isinstance(outcome, Completed)
            break
        await asyncio.sleep(1)  # the loop closes the iterator, and requests under way arrive
        sent = len(server.requests)
        await asyncio.sleep(60)
        assert len(server.requests) == sent


async def test_closed_client_fails_what_was_found(platform: OpenPlatform) -> None:
    async with platform(duration=50) as (server, client):
        collecting = asyncio.ensure_future(all_of(client, 500))
        await asyncio.sleep(2)
        await client.aclose()
        outcomes = await collecting
        assert len(outcomes) >= server.count(START) == 100
        assert {type(one.error) if isinstance(one, Failed) else None for one in outcomes} == {
            ClientClosedError
        }


async def test_running_refresh_is_joined(platform: OpenPlatform) -> None:
    async with platform(duration=20) as (server, client):
        await client.resources.refresh_counters(1, database_id=1)
        await all_of(client, 1)
        assert server.starts["resource", (1, 1)] == 1
        async for _ in client.refresh_all(only=up_to(1), join="never"):
            pass
        assert server.starts["resource", (1, 1)] == 2


async def test_target_that_takes_too_long_is_a_failure(platform: OpenPlatform) -> None:
    async with platform(duration=50) as (_, client):
        outcomes = [one async for one in client.refresh_all(only=up_to(3), timeout=5)]
        assert outcomes
        assert all(isinstance(one, Failed) and one.ref is not None for one in outcomes)


@pytest.mark.parametrize(
    "arguments",
    [{"only": "name"}, {"in_flight": 0}, {"timeout": -1}, {"join": "always"}],
    ids=lambda arguments: next(iter(arguments)),
)
async def test_wrong_argument_is_refused_by_the_call(
    arguments: dict[str, object], platform: OpenPlatform
) -> None:
    async with platform() as (server, client):
        with pytest.raises(ConfigurationError, match=rf"^{next(iter(arguments))}:"):
            client.refresh_all(**arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert not server.requests
