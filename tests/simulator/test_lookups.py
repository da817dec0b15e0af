"""Single objects, fields and figures over real HTTP in both formats, their quirks by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from altcraft_async.simulator import Fault, Simulator
from altcraft_async.simulator.installation import SegmentDatabaseName
from tests.support.simulator_caller import Ask, AskIn

READS: list[tuple[str, dict[str, object]]] = [
    ("resources/get", {"id": 24}),
    ("resources/fields_get", {"id": 24, "channel": "push"}),
    ("resources/get_counters", {"id": 24, "list_id": 1}),
    ("databases/get", {"id": 2}),
    ("databases/get_counters", {"id": 2, "resource_id": 24}),
    ("segments/get", {"id": 3}),
    ("segments/get_counters", {"id": 3, "resource_id": 24, "db_id": 1}),
]
FIGURES = {
    "all",
    "complained",
    "hardbounced",
    "invalid",
    "subscribed",
    "subscribed_sendable",
    "suspended",
    "unconfirmed",
    "unconfirmed_sendable",
    "unsubscribed",
}
SENDABLE = {"subscribed_sendable", "unconfirmed_sendable"}


@pytest.mark.parametrize(("method", "values"), READS)
async def test_the_same_answer_comes_in_either_format(
    ask_in: AskIn, method: str, values: dict[str, object]
) -> None:
    """JSON written as XML is what comes in XML."""
    async with Simulator() as server:
        in_json = await ask_in(server, "json", method, **values)
        in_xml = await ask_in(server, "xml", method, **values)
    assert in_json.error == 0
    assert in_json.value == in_xml.value


@pytest.mark.parametrize(("method", "values"), READS)
async def test_a_missing_or_wrong_or_unknown_parameter_is_a_400(
    ask: Ask, method: str, values: dict[str, object]
) -> None:
    """Each of them is named, under HTTP 200."""
    async with Simulator() as server:
        for name in values:
            short = {other: held for other, held in values.items() if other != name}
            said = await ask(server, method, **short)
            assert (said.status, said.error) == (200, 400)
            assert f"'{name}'" in said.value["error_text"]
            assert (await ask(server, method, **{**values, name: {"x": 1}})).error == 400
        unknown = await ask(server, method, **values, ids=[1])
    assert unknown.error == 400
    assert "'ids'" in unknown.value["error_text"]


@pytest.mark.parametrize(("method", "values"), READS)
@pytest.mark.parametrize("http_errors", [False, True])
async def test_an_object_that_is_not_there_is_a_404_that_names_it(
    ask: Ask, method: str, values: dict[str, object], *, http_errors: bool
) -> None:
    """The HTTP status is 200, or follows if it was told to."""
    async with Simulator(http_errors=http_errors) as server:
        for name, held in values.items():
            if isinstance(held, int):
                said = await ask(server, method, **{**values, name: 99999})
                assert (said.status, said.error) == (404 if http_errors else 200, 404)
                assert said.value["error_text"].endswith(" 99999")
                assert "data" not in said.value


async def told(ask_in: AskIn, server: Simulator, method: str, **values: object) -> Any:  # noqa: ANN401 -- the tests pick it to pieces
    """Return the data of an answer in JSON."""
    return json.loads((await ask_in(server, "json", method, **values)).body)["data"]


async def test_a_resource_tells_its_channels_databases_and_addresses(ask_in: AskIn) -> None:
    """Every resource is linked with the first database, and some with others that exist."""
    async with Simulator(resources=50) as server:
        links: list[list[int]] = []
        for number in range(1, 51):
            resource = await told(ask_in, server, "resources/get", id=number)
            assert list(resource) == ["id", "name", "channels", "dbs_ids", "trk_domain", "url"]
            assert (resource["id"], resource["channels"]) == (number, ["email", "sms", "push"])
            links.append(resource["dbs_ids"])
    assert all(ids[0] == 1 and ids == sorted(set(ids)) and ids[-1] <= 200 for ids in links)
    assert {len(ids) for ids in links} == {1, 2, 3}


async def test_one_channel_and_one_database_in_xml_look_like_single_values(ask_in: AskIn) -> None:
    """Only a schema can tell them from scalars."""
    async with Simulator(channels=["email"], databases=1) as server:
        said = (await ask_in(server, "xml", "resources/get", id=24)).body
    assert said.count(b"<channels>email</channels>") == said.count(b"channels>") / 2 == 1
    assert said.count(b"<dbs_ids>1</dbs_ids>") == said.count(b"dbs_ids>") / 2 == 1


async def test_a_resource_without_databases_has_an_empty_list_of_them(ask_in: AskIn) -> None:
    """In XML that is an empty element."""
    async with Simulator(databases=0) as server:
        assert (await told(ask_in, server, "resources/get", id=24))["dbs_ids"] == []
        assert b"<dbs_ids />" in (await ask_in(server, "xml", "resources/get", id=24)).body


async def test_a_database_may_have_neither_suppression_list_nor_description(
    ask_in: AskIn,
) -> None:
    """The id of the list is left out then, the description is empty."""
    async with Simulator(databases=30) as server:
        all_of_them = [
            await told(ask_in, server, "databases/get", id=number) for number in range(1, 31)
        ]
    assert {tuple(database) for database in all_of_them} == {
        ("id", "name", "description"),
        ("id", "name", "suppress_id", "description"),
    }
    assert {type(database.get("suppress_id", 1)) for database in all_of_them} == {int}
    assert "" in [database["description"] for database in all_of_them]


async def test_every_third_segment_is_dynamic_and_has_rules(ask_in: AskIn) -> None:
    """Static ones have an empty list of them; the size is a share of the database's."""
    async with Simulator() as server:
        for number in range(1, 31):
            segment = await told(ask_in, server, "segments/get/", id=number)
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


async def test_fields_have_a_dictionary_only_where_they_need_one(ask_in: AskIn) -> None:
    """Push has the system's fields, the others have custom ones alone."""
    async with Simulator() as server:
        push = await told(ask_in, server, "resources/fields_get", id=24, channel="push")
        email = await told(ask_in, server, "resources/fields_get", id=24, channel="email")
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


async def test_fields_of_a_channel_that_the_resource_does_not_have_are_a_404(ask: Ask) -> None:
    """The text names both."""
    async with Simulator() as server:
        said = await ask(server, "resources/fields_get", id=24, channel="pigeon")
    assert said.error == 404
    assert said.value["error_text"] == "there is no channel 'pigeon' in resource 24"


@pytest.mark.parametrize(
    ("method", "values", "figures"),
    [
        ("resources/get_counters", {"id": 24, "list_id": 1}, FIGURES),
        ("databases/get_counters", {"id": 1, "resource_id": 24}, FIGURES),
        ("segments/get_counters", {"id": 7, "resource_id": 24}, SENDABLE),
    ],
)
async def test_counters_are_a_bare_array_of_channels_in_another_order(
    ask_in: AskIn, method: str, values: dict[str, object], figures: set[str]
) -> None:
    """No group is around them, and neither channels nor figures come as in a refresh."""
    async with Simulator() as server:
        channels = await told(ask_in, server, method, **values)
    assert [channel["channel"] for channel in channels] == ["email", "push", "sms"]
    for channel in channels:
        assert set(channel) == {"channel", "status"}
        assert set(channel["status"]) == figures
    assert len(figures) == 2 or list(channels[0]["status"]) != sorted(figures)


async def test_counters_are_those_of_the_last_completed_refresh(ask_in: AskIn) -> None:
    """Neither one that runs nor one that failed shows; whichever way round it was asked for."""
    now = [0.0]
    async with Simulator(duration=10.0, clock=lambda: now[0]) as server:

        async def counted() -> object:
            channels = await told(ask_in, server, "resources/get_counters", id=24, list_id=1)
            return channels[0]["status"]["subscribed"]

        async def refresh() -> None:
            await told(ask_in, server, "databases/refresh_counters", id=1, resource_id=24)

        before = await counted()
        await refresh()
        assert await counted() == before
        now[0] = 10.0
        after = await counted()
        assert after == server.world.counters(24, 1)["email"].subscribed != before
        server.misbehave("databases/refresh_counters", Fault.failed_task())
        await refresh()
        now[0] = 20.0
        assert await counted() == after


@pytest.mark.parametrize("method", ["segments/get_counters", "segments/refresh_counters"])
@pytest.mark.parametrize("name", ["db_id", "list_id"])
async def test_the_database_of_a_segment_goes_by_either_name(
    ask: Ask, method: str, name: str
) -> None:
    """A dynamic segment needs one of them, and both may say the same."""
    async with Simulator() as server:
        assert (await ask(server, method, id=3, resource_id=24, **{name: 1})).error == 0
        assert (await ask(server, method, id=3, resource_id=24, db_id=1, list_id=1)).error == 0
        unsaid = await ask(server, method, id=3, resource_id=24)
        both = await ask(server, method, id=3, resource_id=24, db_id=1, list_id=2)
    assert (unsaid.error, both.error) == (400, 400)
    assert "'db_id' or 'list_id' is missing" in unsaid.value["error_text"]
    assert "contradict" in both.value["error_text"]


@pytest.mark.parametrize("method", ["segments/get_counters", "segments/refresh_counters"])
@pytest.mark.parametrize(("taken", "other"), [("db_id", "list_id"), ("list_id", "db_id")])
async def test_an_install_may_take_one_name_of_a_segments_database_alone(
    ask: Ask, method: str, taken: SegmentDatabaseName, other: str
) -> None:
    """The other one is an unknown parameter then, and the missing one is named as it is."""
    async with Simulator(segment_database_name=taken) as server:
        assert (await ask(server, method, id=3, resource_id=24, **{taken: 1})).error == 0
        refused = await ask(server, method, id=3, resource_id=24, **{other: 1})
        unsaid = await ask(server, method, id=3, resource_id=24)
    assert (refused.error, refused.value["error_text"]) == (400, f"unknown parameter '{other}'")
    assert f"'{taken}' is missing" in unsaid.value["error_text"]


async def test_a_static_segment_needs_no_database(ask: Ask) -> None:
    """It is counted in its own, as if that had been named."""
    async with Simulator() as server:
        own = server.world.segment(7).database_id
        unsaid = await ask(server, "segments/get_counters", id=7, resource_id=24)
        said = await ask(server, "segments/get_counters", id=7, resource_id=24, list_id=own)
    assert unsaid.value == said.value
    assert unsaid.error == 0
