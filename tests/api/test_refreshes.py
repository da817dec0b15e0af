"""Refreshes of databases and segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from altcraft_async import Completed, ConfigurationError, CountersReport, Failed, TaskRef

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

Outcome = Completed[CountersReport] | Failed

both_formats = pytest.mark.parametrize("wire_format", ["json", "xml"])


async def all_of(outcomes: AsyncGenerator[Outcome, None]) -> list[Outcome]:
    """Return all outcomes."""
    return [one async for one in outcomes]


@both_formats
async def test_database_is_refreshed_for_a_resource(
    wire_format: str, platform: OpenPlatform
) -> None:
    async with platform(wire_format=wire_format) as (server, client):
        handle = await client.databases.refresh_counters(1, resource_id=24)
        assert (handle.ref.kind, handle.ref.target) == ("database", (1, 24))
        assert (await handle)["email"] == server.world.counters(24, 1)["email"]
        assert (await client.databases.refresh(1, resource_id=24))["email"].all is not None


@both_formats
async def test_segment_is_refreshed_with_two_counters(
    wire_format: str, platform: OpenPlatform
) -> None:
    """The other counters are ``None``, and a static segment needs no database."""
    async with platform(wire_format=wire_format) as (_, client):
        handle = await client.segments.refresh_counters(3, resource_id=24, database_id=1)
        assert (handle.ref.kind, handle.ref.target) == ("segment", (3, 24, 1))
        report = await handle
        assert report.groups[0].resource_id == 24
        assert report.groups[0].last_count_time == ""
        assert report["email"].subscribed_sendable is not None
        assert report["email"].subscribed is None
        static = await client.segments.refresh(4, resource_id=24)
        assert list(static) == list(report)


async def test_second_refresh_of_a_segment_joins_the_first(platform: OpenPlatform) -> None:
    """The ids have to be equal, including the database."""
    async with platform() as (_, client):
        one = await client.segments.refresh_counters(4, resource_id=24)
        assert await client.segments.refresh_counters(4, resource_id=24) is one
        other = await client.segments.refresh_counters(4, resource_id=24, database_id=1)
        assert other is not one
        assert await client.segments.refresh_counters(4, resource_id=24, join="never") is not one


async def test_pair_is_another_target_for_each_namespace(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        one = await client.databases.refresh_counters(1, resource_id=1)
        two = await client.resources.refresh_counters(1, database_id=1)
        three = await client.segments.refresh_counters(1, resource_id=1)
        assert len({one, two, three}) == 3
        assert set(server.starts) == {
            ("database", (1, 1)),
            ("resource", (1, 1)),
            ("segment", (1, 1)),
        }


async def test_many_databases_are_refreshed_each_once(platform: OpenPlatform) -> None:
    targets = [(1, number) for number in range(1, 31)]
    async with platform(duration=(1, 5)) as (_, client):
        outcomes = await all_of(client.databases.refresh_many(targets, in_flight=10))
        assert sorted(one.target for one in outcomes if isinstance(one, Completed)) == targets


async def test_many_segments_are_refreshed_with_and_without_a_database(
    platform: OpenPlatform,
) -> None:
    good = [(4, 24), (3, 24, 1), (5, 24, 1)]
    bad: list[object] = [(4,), (4, 24, None), (4, 24, 1, 1), 4]
    async with platform(duration=1) as (_, client):
        outcomes = await all_of(client.segments.refresh_many([*good, *bad]))  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
        assert {one.target for one in outcomes if isinstance(one, Completed)} == set(good)
        failed = [one for one in outcomes if isinstance(one, Failed)]
        assert [one.target for one in failed] == bad
        assert {type(one.error) for one in failed} == {ConfigurationError}


@pytest.mark.parametrize("namespace", ["databases", "segments"])
async def test_limits_of_many_are_refused_at_once(namespace: str, platform: OpenPlatform) -> None:
    async with platform() as (_, client):
        many = client.databases.refresh_many if namespace == "databases" else None
        with pytest.raises(ConfigurationError, match=r"^in_flight:"):
            (many or client.segments.refresh_many)([(1, 24)], in_flight=0)


@pytest.mark.parametrize(
    ("namespace", "targets"),
    [
        ("resources", [(1, 1), (2, 1)]),
        ("databases", [(1, 1), (1, 2)]),
        ("segments", [(4, 24), (3, 24, 1)]),
    ],
)
async def test_on_start_of_many_gets_the_ref_of_each_started_task(
    namespace: str, targets: list[tuple[int, ...]], platform: OpenPlatform
) -> None:
    noted: list[TaskRef] = []
    async with platform(duration=1) as (server, client):
        refresh_many = getattr(client, namespace).refresh_many
        outcomes = await all_of(refresh_many([*targets, (0, 1)], on_start=noted.append))
        assert {ref.target for ref in noted} == set(targets)
        assert set(noted) == {one.ref for one in outcomes if one.ref is not None}
        sent = len(server.requests)
        with pytest.raises(ConfigurationError, match=r"^on_start:"):
            refresh_many(targets, on_start="noted")
        assert len(server.requests) == sent


async def test_refs_of_all_kinds_can_be_attached(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (_, client):
        for handle in (
            await client.databases.refresh_counters(1, resource_id=24),
            await client.segments.refresh_counters(3, resource_id=24, database_id=1),
        ):
            ref = TaskRef.from_json(handle.ref.to_json())
            assert await client.tasks.attach(ref) == await handle
