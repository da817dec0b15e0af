"""What is sent for a refresh and its polls, and how the documented answers are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal

import pytest
import xmltodict
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async import (
    CountersReport,
    Feedback,
)
from tests.support.api_calls import RUNNING, STARTED, TOKEN, WireFormat, client_of
from tests.support.examples import examples
from tests.support.scripted_server import Received, ScriptedServer, answer

pytestmark = pytest.mark.usefixtures("both_ways")

ReadSample = Callable[[str], bytes]

TASK = "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"
PATHS = ["/api/v1.1/resources/refresh_counters", "/api/v1.1/tasks/status"]

both_formats = pytest.mark.parametrize("wire_format", ["json", "xml"])

# Every token, id and path prefix that the client allows.
tokens = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
ids = st.integers(1, 2**63 - 1)
prefixes = st.lists(st.from_regex(r"[A-Za-z0-9_~-]{1,8}", fullmatch=True), max_size=3)


def sent_fields(request: Received) -> dict[str, object]:
    """Return the body of a request as parameters; those of XML are all text."""
    in_json = request.headers["content-type"] == "application/json"
    fields: dict[str, object] = (
        json.loads(request.body) if in_json else xmltodict.parse(request.body)["xml"]
    )
    return fields


async def refreshed(
    server: ScriptedServer, sample: ReadSample, wire_format: WireFormat
) -> CountersReport:
    """Refresh a resource with the documented answers."""
    kind = f"application/{wire_format}"
    for name in ("resources_refresh_counters.answer", "tasks_status.completed"):
        server.script(answer(sample(f"{name}.{wire_format}"), content_type=kind))
    async with client_of(server.url, wire_format=wire_format) as client:
        return await client.resources.refresh(24, database_id=1)


@both_formats
async def test_documented_answers_give_the_documented_counters(
    server: ScriptedServer, sample: ReadSample, wire_format: WireFormat
) -> None:
    report = await refreshed(server, sample, wire_format)
    email = report["email"]
    assert (email.subscribed, email.hardbounced, email.unsubscribed) == (842, 434, 60)
    assert [report[name].all for name in ("sms", "push", "email")] == [1336, 1336, 1336]
    assert server.targets == PATHS


async def test_documented_json_and_xml_give_equal_reports(
    server: ScriptedServer, sample: ReadSample
) -> None:
    from_json, from_xml = [await refreshed(server, sample, one) for one in ("json", "xml")]
    assert from_json.groups == from_xml.groups


async def test_json_requests_have_the_documented_fields(
    server: ScriptedServer, sample: ReadSample
) -> None:
    await refreshed(server, sample, "json")
    start, poll = server.received
    assert (start.method, poll.method) == ("POST", "POST")
    assert start.headers["content-type"] == poll.headers["content-type"] == "application/json"
    assert json.loads(start.body) == {"token": TOKEN, "id": 24, "list_id": 1, "format": "json"}
    assert json.loads(poll.body) == {"token": TOKEN, "task_id": TASK}


async def test_xml_requests_have_the_documented_fields(
    server: ScriptedServer, sample: ReadSample
) -> None:
    """The root is ``xml``, and the format is asked for everywhere."""
    await refreshed(server, sample, "xml")
    start, poll = server.received
    assert (start.method, poll.method) == ("POST", "POST")
    assert start.headers["content-type"] == poll.headers["content-type"] == "application/xml"
    assert xmltodict.parse(start.body) == {
        "xml": {"token": TOKEN, "id": "24", "list_id": "1", "format": "xml"}
    }
    assert xmltodict.parse(poll.body) == {"xml": {"token": TOKEN, "task_id": TASK, "format": "xml"}}


@pytest.mark.parametrize(
    "name", ["resources_refresh_counters.request.json", "resources_refresh_counters.request.xml"]
)
async def test_request_with_feedback_equals_the_sample(
    server: ScriptedServer, sample: ReadSample, name: str
) -> None:
    """Except for the format of the XML sample, which says ``json`` by mistake."""
    in_xml = name.endswith("xml")
    server.script(STARTED)
    feedback = Feedback(url="http://example.com/receiver", type="JSON")
    token = "abcdefghijklmnqrstuvwxyz"
    async with client_of(server.url, token, wire_format="xml" if in_xml else "json") as client:
        await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
    documented: dict[str, object] = (
        xmltodict.parse(sample(name))["xml"] if in_xml else json.loads(sample(name))
    )
    assert sent_fields(server.received[0]) == documented | {"format": "xml" if in_xml else "json"}


@both_formats
async def test_token_in_header_is_nowhere_else(
    server: ScriptedServer, sample: ReadSample, wire_format: WireFormat
) -> None:
    kind = f"application/{wire_format}"
    server.script(
        answer(sample(f"resources_refresh_counters.answer.{wire_format}"), content_type=kind),
        answer(sample(f"tasks_status.completed.{wire_format}"), content_type=kind),
    )
    async with client_of(server.url, wire_format=wire_format, token_in="header") as client:
        await client.resources.refresh(24, database_id=1)
    for request in server.received:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert TOKEN.encode() not in request.body
        assert "token" not in sent_fields(request)


@pytest.mark.parametrize("place", ["body", "header"])
async def test_token_is_never_in_the_url(
    server: ScriptedServer, place: Literal["body", "header"]
) -> None:
    """URLs end up in logs."""
    server.script(STARTED, RUNNING)
    async with client_of(server.url, token_in=place) as client:
        await client.resources.refresh_counters(24, database_id=1)
        await client.tasks.status("t1")
    assert server.targets == PATHS


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("", "/api/v1.1/tasks/status"),
        ("/", "/api/v1.1/tasks/status"),
        ("/api/v1.1", "/api/v1.1/tasks/status"),
        ("/api/v1.1/", "/api/v1.1/tasks/status"),
        ("/behind/a-proxy", "/behind/a-proxy/api/v1.1/tasks/status"),
        ("/behind/a-proxy/", "/behind/a-proxy/api/v1.1/tasks/status"),
        ("/behind/a-proxy/api/v1.1", "/behind/a-proxy/api/v1.1/tasks/status"),
        ("/p%C3%A9age/x%20y", "/p%C3%A9age/x%20y/api/v1.1/tasks/status"),
    ],
)
async def test_every_form_of_the_base_url_leads_to_the_api(
    server: ScriptedServer, suffix: str, path: str
) -> None:
    server.script(RUNNING)
    async with client_of(server.url + suffix) as client:
        await client.tasks.status("t1")
    assert server.targets == [path]


@settings(max_examples=examples(15))
@given(prefix=prefixes, api=st.sampled_from(["", "/api/v1.1"]), slashes=st.integers(0, 2))
async def test_any_path_prefix_leads_to_the_api_below_it(
    prefix: list[str], api: str, slashes: int
) -> None:
    before = "".join(f"/{segment}" for segment in prefix)
    async with ScriptedServer() as server:
        server.script(RUNNING)
        async with client_of(server.url + before + api + "/" * slashes) as client:
            await client.tasks.status("t1")
        assert server.targets == [f"{before}/api/v1.1/tasks/status"]


@settings(max_examples=examples(25))
@given(token=tokens, in_header=st.booleans(), in_xml=st.booleans())
async def test_any_token_arrives_unchanged(token: str, *, in_header: bool, in_xml: bool) -> None:
    async with ScriptedServer() as server:
        server.script(STARTED)
        async with client_of(
            server.url,
            token,
            wire_format="xml" if in_xml else "json",
            token_in="header" if in_header else "body",
        ) as client:
            await client.resources.refresh_counters(24, database_id=1)
        (request,) = server.received
    if in_header:
        assert request.headers["authorization"] == f"Bearer {token}"
        assert "token" not in sent_fields(request)
    else:
        assert "authorization" not in request.headers
        assert sent_fields(request)["token"] == token


@settings(max_examples=examples(15))
@given(resource_id=ids, database_id=ids, in_xml=st.booleans())
async def test_any_ids_arrive_unchanged(
    resource_id: int, database_id: int, *, in_xml: bool
) -> None:
    async with ScriptedServer() as server:
        server.script(STARTED)
        async with client_of(server.url, wire_format="xml" if in_xml else "json") as client:
            await client.resources.refresh_counters(resource_id, database_id=database_id)
        fields = sent_fields(server.received[0])
    assert [fields["id"], fields["list_id"]] == (
        [str(resource_id), str(database_id)] if in_xml else [resource_id, database_id]
    )
