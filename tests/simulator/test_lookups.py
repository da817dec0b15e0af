"""Single objects, fields and counters over HTTP in both formats."""

from __future__ import annotations

import json
from typing import Any

import pytest

from altcraft_async import AltcraftClient, CountersReport
from altcraft_async.simulator import Fault, Simulator
from altcraft_async.simulator.installation import SegmentDatabaseName
from tests.support.simulator_caller import COUNTERS, SENDABLE, Ask, AskIn, SettableClock

READS: list[tuple[str, dict[str, object]]] = [
    ("resources/get", {"id": 24}),
    ("resources/fields_get", {"id": 24, "channel": "push"}),
    ("resources/get_counters", {"id": 24, "list_id": 1}),
    ("databases/get", {"id": 2}),
    ("databases/get_counters", {"id": 2, "resource_id": 24}),
    ("segments/get", {"id": 3}),
    ("segments/get_counters", {"id": 3, "resource_id": 24, "db_id": 1}),
]
COUNTER_READS: list[tuple[str, dict[str, object]]] = [
    ("resources/get_counters", {"id": 24, "list_id": 1}),
    ("databases/get_counters", {"id": 1, "resource_id": 24}),
    ("segments/get_counters", {"id": 7, "resource_id": 24, "db_id": 1}),
]


@pytest.mark.parametrize(("method", "values"), READS)
async def test_response_is_the_same_in_either_format(
    ask_in: AskIn, method: str, values: dict[str, object]
) -> None:
    async with Simulator() as server:
        in_json = await ask_in(server, "json", method, **values)
        in_xml = await ask_in(server, "xml", method, **values)
    assert in_json.error == 0
    assert in_json.value == in_xml.value


@pytest.mark.parametrize(("method", "values"), READS)
async def test_missing_wrong_or_unknown_parameter_is_a_400_that_names_it(
    ask: Ask, method: str, values: dict[str, object]
) -> None:
    async with Simulator(strict=True) as server:
        for name in values:
            short = {other: held for other, held in values.items() if other != name}
            reply = await ask(server, method, **short)
            assert (reply.status, reply.error) == (200, 400)
            assert f"'{name}'" in reply.value["error_text"]
            assert (await ask(server, method, **{**values, name: {"x": 1}})).error == 400
        unknown = await ask(server, method, **values, ids=[1])
    assert unknown.error == 400
    assert "'ids'" in unknown.value["error_text"]


@pytest.mark.parametrize(("method", "values"), READS)
@pytest.mark.parametrize("http_errors", [False, True])
async def test_unknown_object_is_a_404_that_names_it(
    ask: Ask, method: str, values: dict[str, object], *, http_errors: bool
) -> None:
    async with Simulator(http_errors=http_errors) as server:
        for name, held in values.items():
            if isinstance(held, int):
                reply = await ask(server, method, **{**values, name: 99999})
                assert (reply.status, reply.error) == (404 if http_errors else 200, 404)
                assert reply.value["error_text"].endswith(" 99999")
                assert "data" not in reply.value


async def data_of(ask_in: AskIn, server: Simulator, method: str, **values: object) -> Any:  # noqa: ANN401 -- tests read arbitrary parts of it
    """Return the data of a JSON response."""
    return json.loads((await ask_in(server, "json", method, **values)).body)["data"]


async def test_resource_has_channels_databases_and_domains(ask_in: AskIn) -> None:
    async with Simulator(resources=50) as server:
        links: list[list[int]] = []
        for number in range(1, 51):
            resource = await data_of(ask_in, server, "resources/get", id=number)
            assert list(resource) == ["id", "name", "channels", "dbs_ids", "trk_domain", "url"]
            assert (resource["id"], resource["channels"]) == (number, ["email", "sms", "push"])
            links.append(resource["dbs_ids"])
    assert all(ids[0] == 1 and ids == sorted(set(ids)) and ids[-1] <= 200 for ids in links)
    assert {len(ids) for ids in links} == {1, 2, 3}


async def test_list_of_one_in_xml_has_one_element(ask_in: AskIn) -> None:
    """Only a schema can tell them from scalars."""
    async with Simulator(channels=["email"], databases=1) as server:
        body = (await ask_in(server, "xml", "resources/get", id=24)).body
    assert body.count(b"<channels>email</channels>") == body.count(b"channels>") / 2 == 1
    assert body.count(b"<dbs_ids>1</dbs_ids>") == body.count(b"dbs_ids>") / 2 == 1


async def test_resource_without_databases_has_an_empty_list(ask_in: AskIn) -> None:
    async with Simulator(databases=0) as server:
        assert (await data_of(ask_in, server, "resources/get", id=24))["dbs_ids"] == []
        assert b"<dbs_ids />" in (await ask_in(server, "xml", "resources/get", id=24)).body


async def test_database_may_lack_a_suppression_list_and_a_description(
    ask_in: AskIn,
) -> None:
    async with Simulator(databases=30) as server:
        databases = [
            await data_of(ask_in, server, "databases/get", id=number) for number in range(1, 31)
        ]
    assert {tuple(database) for database in databases} == {
        ("id", "name", "description"),
        ("id", "name", "suppress_id", "description"),
    }
    assert {type(database.get("suppress_id", 1)) for database in databases} == {int}
    assert "" in [database["description"] for database in databases]


async def test_every_third_segment_is_dynamic_and_has_rules(ask_in: AskIn) -> None:
    async with Simulator() as server:
        for number in range(1, 31):
            segment = await data_of(ask_in, server, "segments/get/", id=number)
            assert list(segment) == ["id", "name", "count", "segment"]
            assert bool(segment["segment"]) is (number % 3 == 0)
            own = server.world.segment(number).database_id
            assert own is not None
            assert 0 < segment["count"] < server.world.database_size(own)
            for rule in segment["segment"]:
                assert rule["list_id"] == own
                assert set(rule) == {
                    "condition",
                    "limit",
                    "list_id",
                    "percent_from",
                    "percent_to",
                    "queries",
                }


async def test_push_has_system_fields_and_some_have_a_dictionary(ask_in: AskIn) -> None:
    async with Simulator() as server:
        push = await data_of(ask_in, server, "resources/fields_get", id=24, channel="push")
        email = await data_of(ask_in, server, "resources/fields_get", id=24, channel="email")
    assert {field["category"] for field in push} == {"custom", "system"}
    assert {field["category"] for field in email} == {"custom"}
    assert {field["type"] for field in push} == {"int", "unicode", "version", "bool"}
    assert {type(field["required"]) for field in push} == {bool}
    dictionaries = {field["name"]: field["dictionary"] for field in push if "dictionary" in field}
    assert dictionaries == {
        "_device_type": "devices",
        "_os": "oses",
        "_os_tz": "tz",
        "_os_language": "languages",
    }


async def test_fields_of_an_unknown_channel_are_a_404_that_names_it(ask: Ask) -> None:
    async with Simulator() as server:
        reply = await ask(server, "resources/fields_get", id=24, channel="pigeon")
    assert reply.error == 404
    assert reply.value["error_text"] == "there is no channel 'pigeon' in resource 24"


@pytest.mark.parametrize(
    ("method", "values", "counters"),
    [
        ("resources/get_counters", {"id": 24, "list_id": 1}, COUNTERS),
        ("databases/get_counters", {"id": 1, "resource_id": 24}, COUNTERS),
        ("segments/get_counters", {"id": 7, "resource_id": 24}, SENDABLE),
    ],
)
async def test_counters_are_a_bare_array_in_another_order_than_in_a_refresh(
    ask_in: AskIn, method: str, values: dict[str, object], counters: set[str]
) -> None:
    async with Simulator() as server:
        channels = await data_of(ask_in, server, method, **values)
    assert [channel["channel"] for channel in channels] == ["email", "push", "sms"]
    for channel in channels:
        assert set(channel) == {"channel", "status"}
        assert set(channel["status"]) == counters
    assert len(counters) == 2 or list(channels[0]["status"]) != sorted(counters)


async def test_counters_are_those_of_the_last_completed_refresh(ask_in: AskIn) -> None:
    clock = SettableClock()
    async with Simulator(duration=10.0, clock=clock) as server:

        async def subscribed() -> object:
            channels = await data_of(ask_in, server, "resources/get_counters", id=24, list_id=1)
            return channels[0]["status"]["subscribed"]

        async def refresh() -> None:
            await data_of(ask_in, server, "databases/refresh_counters", id=1, resource_id=24)

        before = await subscribed()
        await refresh()
        assert await subscribed() == before
        clock.now = 10.0
        after = await subscribed()
        assert after == server.world.counters(24, 1)["email"].subscribed != before
        server.misbehave("databases/refresh_counters", Fault.failed_task())
        await refresh()
        clock.now = 20.0
        assert await subscribed() == after


@pytest.mark.parametrize("method", ["segments/get_counters", "segments/refresh_counters"])
@pytest.mark.parametrize("name", ["db_id", "list_id"])
async def test_database_of_a_dynamic_segment_is_required_under_either_name(
    ask: Ask, method: str, name: str
) -> None:
    async with Simulator() as server:
        assert (await ask(server, method, id=3, resource_id=24, **{name: 1})).error == 0
        assert (await ask(server, method, id=3, resource_id=24, db_id=1, list_id=1)).error == 0
        unnamed = await ask(server, method, id=3, resource_id=24)
        both = await ask(server, method, id=3, resource_id=24, db_id=1, list_id=2)
    assert (unnamed.error, both.error) == (400, 400)
    assert "'db_id' or 'list_id' is missing" in unnamed.value["error_text"]
    assert "contradict" in both.value["error_text"]


@pytest.mark.parametrize("method", ["segments/get_counters", "segments/refresh_counters"])
@pytest.mark.parametrize(("accepted", "other"), [("db_id", "list_id"), ("list_id", "db_id")])
async def test_installation_may_accept_only_one_name_of_a_segments_database(
    ask: Ask, method: str, accepted: SegmentDatabaseName, other: str
) -> None:
    async with Simulator(segment_database_name=accepted) as server:
        assert (await ask(server, method, id=3, resource_id=24, **{accepted: 1})).error == 0
        unnamed = await ask(server, method, id=3, resource_id=24, **{other: 1})
    async with Simulator(segment_database_name=accepted, strict=True) as server:
        refused = await ask(server, method, id=3, resource_id=24, **{other: 1})
    assert f"'{accepted}' is missing" in unnamed.value["error_text"]
    assert (refused.error, refused.value["error_text"]) == (400, f"unknown parameter '{other}'")


async def test_static_segment_without_a_database_is_counted_in_its_own(ask: Ask) -> None:
    async with Simulator() as server:
        own = server.world.segment(7).database_id
        unnamed = await ask(server, "segments/get_counters", id=7, resource_id=24)
        named = await ask(server, "segments/get_counters", id=7, resource_id=24, list_id=own)
    assert unnamed.value == named.value
    assert unnamed.error == 0


async def group(ask: Ask, server: Simulator, method: str, **values: object) -> dict[str, Any]:
    """Return the only group of a response."""
    (only,) = (await ask(server, method, **values)).rows
    return only


@pytest.mark.parametrize(("method", "values"), COUNTER_READS)
async def test_shows_running_gives_groups_in_either_format(
    ask_in: AskIn, method: str, values: dict[str, object]
) -> None:
    async with Simulator(shows_running=True) as server:
        in_json = await ask_in(server, "json", method, **values)
        in_xml = await ask_in(server, "xml", method, **values)
    assert in_json.value == in_xml.value
    assert in_json.rows[0].keys() >= {"channels", "in_progress", "refresh_task_id", "updated"}


async def test_group_reports_a_running_refresh_and_its_completion(ask: Ask) -> None:
    clock = SettableClock()
    async with Simulator(shows_running=True, duration=10.0, clock=clock) as server:
        read = {"id": 24, "list_id": 1}
        idle = await group(ask, server, "resources/get_counters", **read)
        assert (idle["in_progress"], idle["refresh_task_id"] or "") == ("false", "")
        assert idle["updated"] == "2030-01-01T00:00:00.000Z"
        started = await ask(server, "databases/refresh_counters", id=1, resource_id=24)
        clock.now = 5.0
        running = await group(ask, server, "resources/get_counters", **read)
        assert running["in_progress"] == "true"
        assert running["refresh_task_id"] == started.value["data"]["task_id"]
        assert running["updated"] == idle["updated"]
        clock.now = 10.0
        ended = await group(ask, server, "resources/get_counters", **read)
        assert (ended["in_progress"], ended["refresh_task_id"] or "") == ("false", "")
        assert ended["updated"] == "2030-01-01T00:00:10.000Z"
        assert ended["last_count_time"] == "counted at 2030-01-01T00:00:00Z in 10s"


async def test_group_ignores_refreshes_of_segments_and_failed_ones(ask: Ask) -> None:
    clock = SettableClock()
    async with Simulator(shows_running=True, duration=10.0, clock=clock) as server:
        await ask(server, "segments/refresh_counters", id=7, resource_id=24, db_id=1)
        server.misbehave("resources/refresh_counters", Fault.failed_task())
        await ask(server, "resources/refresh_counters", id=24, list_id=1)
        clock.now = 5.0
        other = await group(ask, server, "segments/get_counters", id=8, resource_id=24, db_id=1)
        assert other["in_progress"] == "false"
        own = await group(ask, server, "segments/get_counters", id=7, resource_id=24, db_id=1)
        assert own["in_progress"] == "true"
        clock.now = 20.0
        resource = await group(ask, server, "resources/get_counters", id=24, list_id=1)
        assert resource["updated"] == "2030-01-01T00:00:00.000Z"


async def test_client_reads_the_same_counters_with_and_without_groups() -> None:
    async with Simulator(shows_running=True) as server, Simulator(seed=0) as plain:
        reports: list[CountersReport] = []
        for one in (server, plain):
            async with AltcraftClient(one.url, one.token) as client:
                reports.append(await client.databases.get_counters(1, resource_id=24))
        assert dict(reports[0].channels) == dict(reports[1].channels)
        assert reports[0].groups[0].updated is not None
        assert reports[1].groups[0].updated is None
