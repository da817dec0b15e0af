"""Requests that are not as documented, which a lenient server reads and a strict one refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import NamedTuple

import aiohttp
import pytest

from altcraft_async import AltcraftClient, Feedback
from altcraft_async.api.options import FormatName
from altcraft_async.simulator import Simulator, codec

TOKEN = "secret"
START = "resources/refresh_counters"
LIST = "databases/list"
EXPORT = "profiles/get_all"
TARGET: dict[str, object] = {"token": TOKEN, "id": 24, "list_id": 1}
SEGMENT: dict[str, object] = {"token": TOKEN, "id": 3, "resource_id": 24, "db_id": 1}
SOURCE: dict[str, object] = {"token": TOKEN, "source_type": "database", "source_id": 1}
IN_XML = b"<xml><token>secret</token><id>24</id><list_id>1</list_id>%b</xml>"


class Unusual(NamedTuple):
    """A request that is not as documented."""

    method: str
    body: bytes
    content_type: str = "application/json"
    authorization: str = ""


def unusual(method: str, known: dict[str, object], **values: object) -> Unusual:
    """Return a JSON request with other values."""
    return Unusual(method, json.dumps(known | values).encode())


UNUSUAL = {
    "XML with the content type of JSON": Unusual(START, IN_XML % b""),
    "JSON with the content type of XML": unusual(START, TARGET)._replace(content_type="text/xml"),
    "no body, as all is optional": Unusual(LIST, b"", authorization="Bearer secret"),
    "unknown parameter": unusual(START, TARGET, comment="mine"),
    "unknown parameter in XML": Unusual(START, IN_XML % b"<comment>mine</comment>"),
    "id as a text": unusual(START, TARGET, id="24"),
    "id as a text with blanks": unusual(START, TARGET, id=" 24 "),
    "id with a fraction of 0": unusual(START, TARGET, id=24.0),
    "format in capitals": unusual(START, TARGET, format="JSON"),
    "limit of 0": unusual(LIST, {"token": TOKEN}, limit=0, from_id=0),
    "limit as a text": unusual(LIST, {"token": TOKEN}, limit="10"),
    "list as a single value": unusual(LIST, {"token": TOKEN}, groups="branch", groups_id=1),
    "number as a text in a list": unusual(LIST, {"token": TOKEN}, groups_id=["1"]),
    "text as a number in a list": unusual(LIST, {"token": TOKEN}, groups=[1]),
    "tags of resources": unusual("resources/list", {"token": TOKEN}, ui_tags=["vip"]),
    "empty feedback": unusual(START, TARGET, feedback={}),
    "feedback of empty texts": unusual(START, TARGET, feedback={"type": "", "url": ""}),
    "feedback without a type": unusual(START, TARGET, feedback={"url": "http://example.com/"}),
    "feedback with more": unusual(
        START, TARGET, feedback={"type": "JSON", "url": "http://example.com/", "method": "PUT"}
    ),
    "feedback of a segment": unusual(
        "segments/refresh_counters", SEGMENT, feedback={"type": "JSON", "url": "http://127.0.0.1/"}
    ),
    "database of a segment of 0": unusual("segments/get_counters", SEGMENT, list_id=0),
    "file format in capitals": unusual(EXPORT, SOURCE, file_format="CSV"),
}

REFUSED = {
    "wrong token": unusual(START, TARGET, token="other"),
    "token without Bearer": Unusual(LIST, b"", authorization="secret"),
    "unknown format": unusual(START, TARGET, format="yaml"),
    "format as a number": unusual(START, TARGET, format=5),
    "id of words": unusual(START, TARGET, id="twenty"),
    "id of 0": unusual(START, TARGET, id=0),
    "id with a fraction": unusual(START, TARGET, id=24.5),
    "id below 0": unusual(START, TARGET, id=-24),
    "id as a boolean": unusual(START, TARGET, id=True),
    "id as a list": unusual(START, TARGET, id=[24]),
    "id that is infinite": unusual(START, TARGET, id=float("inf")),
    "limit below 0": unusual(LIST, {"token": TOKEN}, limit=-1),
    "number of 0 in a list": unusual(LIST, {"token": TOKEN}, groups_id=[0]),
    "object in a list of texts": unusual(LIST, {"token": TOKEN}, groups=[{"id": 1}]),
    "boolean for a text": unusual("tasks/status", {"token": TOKEN}, task_id=True),
    "feedback without an address": unusual(START, TARGET, feedback={"type": "JSON"}),
    "two databases": unusual("segments/get_counters", SEGMENT, list_id=2),
    "unknown file format": unusual(EXPORT, SOURCE, file_format="pdf"),
    "body that is no JSON": Unusual(START, b"{"),
    "body that is a list": Unusual(START, b"[]"),
}


@pytest.fixture
async def lenient() -> AsyncGenerator[Simulator, None]:
    """A simulator with its defaults."""
    async with Simulator(token=TOKEN) as server:
        yield server


@pytest.fixture
async def strict() -> AsyncGenerator[Simulator, None]:
    """A simulator that accepts what is documented."""
    async with Simulator(token=TOKEN, strict=True) as server:
        yield server


async def error_of(server: Simulator, request: Unusual) -> int:
    """Post a request and return the ``error`` of its response."""
    headers = {"Content-Type": request.content_type, "Authorization": request.authorization}
    url = f"{server.url}/api/v1.1/{request.method}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=request.body, headers=headers) as response,
    ):
        assert response.status == 200
        body = await response.read()
    envelope = codec.read(body, codec.format_of(response.content_type, body))
    return int(str(envelope["error"]))


@pytest.mark.parametrize("name", UNUSUAL)
async def test_unusual_request_is_read(lenient: Simulator, name: str) -> None:
    assert await error_of(lenient, UNUSUAL[name]) == 0


@pytest.mark.parametrize("name", UNUSUAL)
async def test_unusual_request_is_refused_by_a_strict_simulator(
    strict: Simulator, name: str
) -> None:
    assert await error_of(strict, UNUSUAL[name]) in {400, 401}


@pytest.mark.parametrize("name", REFUSED)
async def test_request_without_a_meaning_is_refused(lenient: Simulator, name: str) -> None:
    assert await error_of(lenient, REFUSED[name]) in {400, 401}


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"CONTENT-TYPE": "application/json"},
        {"Content-Type": "Application/JSON; charset=utf-8"},
        {"Content-Type": 'application/json;charset="UTF-8"; version=1'},
        {"Content-Type": "application/vnd.api+json"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "no type"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
async def test_case_and_parameters_of_a_header_make_no_difference(
    strict: Simulator, headers: dict[str, str]
) -> None:
    """Not even to a strict simulator: HTTP says so."""
    url = f"{strict.url}/api/v1.1/{START}"
    body = json.dumps(TARGET).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        assert (await response.json())["error"] == 0


@pytest.mark.parametrize("authorization", ["bearer secret", "BEARER secret", "Bearer  secret"])
async def test_scheme_of_the_token_is_read_in_any_case(
    strict: Simulator, authorization: str
) -> None:
    assert await error_of(strict, Unusual(LIST, b"{}", authorization=authorization)) == 0


async def test_start_whose_feedback_is_ignored_calls_nobody(lenient: Simulator) -> None:
    assert await error_of(lenient, UNUSUAL["feedback of a segment"]) == 0
    assert not lenient._handler.sender._tasks


@pytest.mark.parametrize("wire_format", ["json", "xml"])
async def test_client_passes_a_strict_simulator(wire_format: FormatName) -> None:
    async with (
        Simulator(strict=True, duration=0.0) as server,
        AltcraftClient(server.url, server.token, format=wire_format) as client,
    ):
        feedback = Feedback(url="http://127.0.0.1:9/", type="JSON")
        await client.resources.refresh(24, database_id=1)
        await client.resources.refresh_counters(24, database_id=2, feedback=feedback)
        await client.databases.refresh(1, resource_id=24)
        await client.segments.refresh(3, resource_id=24, database_id=1)
        await client.resources.get_counters(24, database_id=1)
        await client.databases.get_counters(1, resource_id=24)
        await client.segments.get_counters(3, resource_id=24, database_id=1)
        await client.resources.get(24)
        await client.databases.get(1)
        await client.segments.get(3)
        await client.resources.fields_get(24, channel="email")
        assert [row async for row in client.resources.list(groups=["branch"], groups_id=[1])]
        assert [row async for row in client.databases.list(tags=["vip"])]
        assert [row async for row in client.segments.list()]
