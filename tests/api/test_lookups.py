"""Requests and answers of lists, lookups, counters, and refreshes of databases and segments."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from operator import attrgetter

import msgspec
import pytest

from altcraft_async import (
    AltcraftClient,
    ConfigurationError,
    CounterGroup,
    CountersReport,
    Feedback,
    NotFoundError,
    ProtocolError,
    TaskHandle,
    TaskRef,
    TransportError,
)
from altcraft_async.api.segments import SegmentDatabaseName
from tests.support.api_calls import STARTED, TOKEN, WireFormat, client_of
from tests.support.scripted_server import ScriptedServer, Step, answer

ReadSample = Callable[[str], bytes]

DATABASE = {"database_id": 1, "resource_id": 24}
SEGMENT = {"segment_id": 5, "resource_id": 24}
FEEDBACK = Feedback(url="http://example.com/receiver")


@dataclass(frozen=True)
class Row:
    """One API method.

    Attributes:
        path: Below ``/api/v1.1/``.
        call: Calls the method.
        json: Fields sent between the token and the format, as JSON.
        xml: The same fields as XML.
        lists_format: Whether the request names the default format.
    """

    path: str
    call: Callable[[AltcraftClient], Awaitable[object]]
    json: str
    xml: str
    lists_format: bool = True


XML = '<?xml version="1.0" encoding="utf-8"?>\n'
FILTERS_JSON = '"groups":["branch","north"],"groups_id":[1,2]'
FILTERS_XML = (
    "<groups>branch</groups><groups>north</groups><groups_id>1</groups_id><groups_id>2</groups_id>"
)
TAGS_XML = "<ui_tags>own</ui_tags><ui_tags>test</ui_tags>"
FEEDBACK_JSON = '"feedback":{"url":"http://example.com/receiver","type":"JSON"}'
FEEDBACK_XML = "<feedback><url>http://example.com/receiver</url><type>JSON</type></feedback>"

ROWS: list[Row] = [
    Row(
        "resources/list",
        lambda client: anext(
            client.resources.list(groups=["branch", "north"], groups_id=(1, 2), limit=50)
        ),
        f'"from_id":1,"limit":50,{FILTERS_JSON}',
        f"<from_id>1</from_id><limit>50</limit>{FILTERS_XML}",
    ),
    Row(
        "databases/list",
        lambda client: anext(
            client.databases.list(
                from_id=2, tags=["own", "test"], groups=["branch", "north"], groups_id=[1, 2]
            )
        ),
        f'"from_id":2,"limit":1000,"ui_tags":["own","test"],{FILTERS_JSON}',
        f"<from_id>2</from_id><limit>1000</limit>{TAGS_XML}{FILTERS_XML}",
    ),
    Row(
        "segments/list",
        lambda client: anext(client.segments.list(tags=("own", "test"))),
        '"from_id":1,"limit":1000,"ui_tags":["own","test"]',
        f"<from_id>1</from_id><limit>1000</limit>{TAGS_XML}",
    ),
    Row("resources/get", lambda client: client.resources.get(24), '"id":24', "<id>24</id>"),
    Row("databases/get", lambda client: client.databases.get(1), '"id":1', "<id>1</id>"),
    Row("segments/get", lambda client: client.segments.get(5), '"id":5', "<id>5</id>"),
    Row(
        "resources/fields_get",
        lambda client: client.resources.fields_get(24, channel="push"),
        '"id":24,"channel":"push"',
        "<id>24</id><channel>push</channel>",
        lists_format=False,
    ),
    Row(
        "resources/get_counters",
        lambda client: client.resources.get_counters(24, database_id=1),
        '"id":24,"list_id":1',
        "<id>24</id><list_id>1</list_id>",
    ),
    Row(
        "databases/get_counters",
        lambda client: client.databases.get_counters(1, resource_id=24),
        '"id":1,"resource_id":24',
        "<id>1</id><resource_id>24</resource_id>",
    ),
    Row(
        "segments/get_counters",
        lambda client: client.segments.get_counters(5, resource_id=24, database_id=1),
        '"id":5,"resource_id":24,"list_id":1',
        "<id>5</id><resource_id>24</resource_id><list_id>1</list_id>",
    ),
    Row(
        "databases/refresh_counters",
        lambda client: started(client.databases.refresh_counters(1, resource_id=24)),
        '"id":1,"resource_id":24',
        "<id>1</id><resource_id>24</resource_id>",
    ),
    Row(
        "databases/refresh_counters",
        lambda client: started(
            client.databases.refresh_counters(1, resource_id=24, feedback=FEEDBACK)
        ),
        f'"id":1,"resource_id":24,{FEEDBACK_JSON}',
        f"<id>1</id><resource_id>24</resource_id>{FEEDBACK_XML}",
    ),
    Row(
        "segments/refresh_counters",
        lambda client: started(client.segments.refresh_counters(5, resource_id=24, database_id=1)),
        '"id":5,"resource_id":24,"db_id":1',
        "<id>5</id><resource_id>24</resource_id><db_id>1</db_id>",
    ),
    Row(
        "segments/refresh_counters",
        lambda client: started(client.segments.refresh_counters(5, resource_id=24)),
        '"id":5,"resource_id":24',
        "<id>5</id><resource_id>24</resource_id>",
    ),
]

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)


async def started(call: Awaitable[TaskHandle[CountersReport]]) -> TaskRef:
    """Return the ref of the started task, without its start time."""
    return msgspec.structs.replace((await call).ref, started_at=None)


async def answered(
    row: Row, server: ScriptedServer, sample: ReadSample, wire_format: WireFormat
) -> object:
    """Make the call and answer it with the sample."""
    body = sample(f"{row.path.replace('/', '_')}.answer.{wire_format}")
    server.script(answer(body, content_type=f"application/{wire_format}"))
    async with client_of(server.url, wire_format=wire_format) as client:
        return await row.call(client)


@each_row
async def test_request_is_that_of_the_page(
    row: Row, server: ScriptedServer, sample: ReadSample
) -> None:
    """The token comes first and the format last."""
    as_json = await answered(row, server, sample, "json")
    as_xml = await answered(row, server, sample, "xml")
    json_format = ',"format":"json"' if row.lists_format else ""
    assert [request.body.decode() for request in server.received] == [
        f'{{"token":"{TOKEN}",{row.json}{json_format}}}',
        f"{XML}<xml><token>{TOKEN}</token>{row.xml}<format>xml</format></xml>",
    ]
    assert server.targets == [f"/api/v1.1/{row.path}"] * 2
    assert as_json == as_xml


@pytest.mark.parametrize("name", ["db_id", "list_id"])
async def test_database_of_a_segment_goes_by_the_name_that_is_chosen(
    name: SegmentDatabaseName, server: ScriptedServer, sample: ReadSample
) -> None:
    server.script(answer(sample("segments_get_counters.answer.json")), STARTED)
    async with client_of(server.url, segment_database_name=name) as client:
        await client.segments.get_counters(5, resource_id=24, database_id=1)
        await client.segments.refresh_counters(5, resource_id=24, database_id=1)
    for request in server.received:
        assert json.loads(request.body)[name] == 1
        assert len(json.loads(request.body)) == 5


async def test_last_counts_get_the_ids_that_were_asked_for(
    server: ScriptedServer, sample: ReadSample
) -> None:
    for name in ("resources", "databases", "segments", "segments"):
        server.script(answer(sample(f"{name}_get_counters.answer.json")))
    async with client_of(server.url) as client:
        reports = [
            await client.resources.get_counters(24, database_id=1),
            await client.databases.get_counters(1, resource_id=24),
            await client.segments.get_counters(5, resource_id=24, database_id=1),
            await client.segments.get_counters(5, resource_id=24),
        ]
    of_what = [(one.database_id, one.resource_id) for report in reports for one in report.groups]
    assert of_what == [(1, 24), (1, 24), (1, 24), (None, 24)]
    assert reports[0]["email"].subscribed == 30
    assert reports[2]["email"].subscribed is None


async def test_last_counts_keep_the_ids_that_came(server: ScriptedServer) -> None:
    server.script(answer('{"data": [{"list_id": 7, "channels": []}], "error": 0}'))
    async with client_of(server.url) as client:
        report = await client.databases.get_counters(1, resource_id=24)
    assert report.groups == (CounterGroup(database_id=7, resource_id=24, channels={}),)


@pytest.mark.parametrize(
    ("name", "method", "given"),
    [
        ("resource_id", "resources.get", {"resource_id": 0}),
        ("database_id", "databases.get", {"database_id": "1"}),
        ("segment_id", "segments.get", {"segment_id": None}),
        ("database_id", "resources.get_counters", {"resource_id": 24, "database_id": -1}),
        ("resource_id", "databases.get_counters", {"database_id": 1, "resource_id": True}),
        ("segment_id", "segments.get_counters", {"segment_id": 1.5, "resource_id": 24}),
        ("database_id", "segments.get_counters", {**SEGMENT, "database_id": 0}),
        ("channel", "resources.fields_get", {"resource_id": 24, "channel": ""}),
        ("database_id", "databases.refresh_counters", {"database_id": 0, "resource_id": 24}),
        ("feedback", "databases.refresh_counters", {**DATABASE, "feedback": "x"}),
        ("feedback", "databases.refresh", {**DATABASE, "feedback": "x"}),
        ("timeout", "databases.refresh", {**DATABASE, "timeout": -1}),
        ("join", "databases.refresh", {**DATABASE, "join": "always"}),
        ("resource_id", "segments.refresh_counters", {"segment_id": 5, "resource_id": 0}),
        ("database_id", "segments.refresh", {**SEGMENT, "database_id": "1"}),
        ("timeout", "segments.refresh", {**SEGMENT, "timeout": "soon"}),
    ],
)
async def test_wrong_argument_is_refused_by_name_before_anything_is_sent(
    name: str, method: str, given: dict[str, object], server: ScriptedServer
) -> None:
    first, *others = given
    async with client_of(server.url) as client:
        call = attrgetter(method)(client)
        with pytest.raises(ConfigurationError, match=rf"^{name}:"):
            await call(given[first], **{other: given[other] for other in others})
    assert server.received == []


async def test_refusal_of_a_lookup_names_the_method(server: ScriptedServer) -> None:
    server.script(answer('{"error": 404, "error_text": "no such resource"}'))
    async with client_of(server.url) as client:
        with pytest.raises(NotFoundError, match=r"^resources/get: .*no such resource"):
            await client.resources.get(99)


async def test_lookup_is_repeated_where_it_fails_in_passing(
    server: ScriptedServer, sample: ReadSample
) -> None:
    server.script(Step(then="reset"), answer("", status="503 Service Unavailable"))
    server.script(answer(sample("databases_get.answer.json")))
    async with client_of(server.url) as client:
        assert (await client.databases.get(1)).name == "Customers"
    assert len(server.received) == 3


async def test_start_of_a_segment_or_database_is_not_repeated(server: ScriptedServer) -> None:
    server.script(Step(then="reset"), Step(then="reset"))
    async with client_of(server.url) as client:
        for call in (
            client.databases.refresh_counters(1, resource_id=24),
            client.segments.refresh_counters(5, resource_id=24),
        ):
            with pytest.raises(TransportError) as caught:
                await call
            assert caught.value.maybe_delivered
    assert len(server.received) == 2


async def test_object_of_another_shape_is_no_answer(server: ScriptedServer) -> None:
    server.script(*[answer('{"error": 0, "data": {}}')] * 3)
    async with client_of(server.url) as client:
        with pytest.raises(ProtocolError, match=r"^resources/get: .*`id`"):
            await client.resources.get(24)


class Export(msgspec.Struct):
    """A user's own type for the result of an export."""

    total: int
    urls: list[str]
    errors: list[str]


@pytest.mark.parametrize("wire_format", ["json", "xml"])
async def test_any_other_task_is_read_as_the_type_that_is_asked_for(
    wire_format: WireFormat, server: ScriptedServer, sample: ReadSample
) -> None:
    """Without a type, the result is plain data."""
    said = answer(
        sample(f"tasks_status.export.{wire_format}"), content_type=f"application/{wire_format}"
    )
    server.script(said, said)
    async with client_of(server.url, wire_format=wire_format) as client:
        export = await client.tasks.attach("task_1", decode=Export)
        plain = await client.tasks.attach("task_1")
    (url,) = export.urls
    assert url.endswith("/1_database_export.csv")
    assert (export.total, export.errors) == (12, [])
    assert isinstance(plain, dict)
    assert plain["type"] == "database"
