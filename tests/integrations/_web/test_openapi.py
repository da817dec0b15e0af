"""The OpenAPI document of a FastAPI app, compared with what the app does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
import pytest
from fastapi import FastAPI, Request, Response

from altcraft_async import AltcraftClient, Constant
from altcraft_async.integrations._web.responses import ErrorView, TaskView
from altcraft_async.integrations.starlette import Altcraft
from altcraft_async.simulator import Fault, Simulator
from tests.support.web_servers import asgi_app
from tests.support.web_site import Reply, Site

pytestmark = pytest.mark.looptime

START, TASK = "/resources/{resource_id}", "/tasks/{task}"


def app_of(altcraft: Altcraft) -> FastAPI:
    """Make an app whose handler is described."""
    app = FastAPI(lifespan=altcraft.lifespan)
    altcraft.setup(app)

    async def refresh(request: Request, resource_id: int) -> Response:
        resources = altcraft.client.resources
        handle = await resources.refresh_counters(resource_id, database_id=1)
        return await altcraft.answer(request, handle)

    app.post(START, responses=altcraft.responses)(refresh)
    return app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of an app."""
    return app_of(Altcraft()).openapi()


def test_each_reference_leads_to_a_schema(document: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert {"AltcraftTaskView", "AltcraftErrorView", "AltcraftCountersReport"} <= names
    assert names <= document["components"]["schemas"].keys()


def test_pending_response_has_its_headers(document: dict[str, Any]) -> None:
    for path, method in ((START, "post"), (TASK, "get")):
        headers = document["paths"][path][method]["responses"]["202"]["headers"]
        assert headers.keys() == {"Location", "Retry-After"}


def test_each_error_is_described_at_its_status(document: dict[str, Any]) -> None:
    described = document["paths"][START]["post"]["responses"]
    assert described.keys() - {"422"} == {
        *("200", "202", "400", "404", "409", "410", "500", "502", "503", "504")
    }
    assert "`task_lost`: the platform does not know this task" in described["404"]["description"]


def test_routes_of_tasks_start_nothing_and_stream_events(document: dict[str, Any]) -> None:
    assert "409" not in document["paths"][TASK]["get"]["responses"]
    events = document["paths"][f"{TASK}/events"]["get"]["responses"]
    assert events["200"]["content"].keys() == {"text/event-stream"}
    assert "202" not in events
    assert "204" in events


def test_document_is_the_same_when_it_is_made_again() -> None:
    app = app_of(Altcraft(tasks="/refreshes"))
    assert app.openapi() == app.openapi()
    assert "/refreshes/{task}/events" in app.openapi()["paths"]


def assert_described(reply: Reply, responses: Mapping[str, Any]) -> None:
    """Assert that a response has the described headers and the described body."""
    described = responses[str(reply.status)]
    schema = described["content"]["application/json"]["schema"]["$ref"]
    kind = TaskView if reply.status in {200, 202} else ErrorView
    assert schema.endswith(kind.__name__)
    msgspec.json.decode(reply.text, type=kind)
    if reply.status in {202, 503}:
        sent = {name.title() for name in reply.headers}
        assert described["headers"].keys() <= sent


@pytest.mark.usefixtures("nothing_left")
async def test_app_responds_as_its_document_says(document: dict[str, Any]) -> None:
    async with Simulator(duration=0.6) as server, aiohttp.ClientSession() as browser:
        client = AltcraftClient(server.url, server.token, poll=Constant(0.02))
        altcraft = Altcraft(lambda: client, timeout=0.1)
        async with asgi_app(app_of(altcraft)) as url:
            here = Site(server, altcraft, url, browser)
            described = document["paths"][START]["post"]["responses"]
            replies = [
                await here.request("POST", f"/resources/{number}") for number in (24, 9999, 0)
            ]
            server.misbehave("resources/refresh_counters", Fault.refuse(401, "no"))
            replies.append(await here.request("POST", "/resources/25"))
            assert [reply.status for reply in replies] == [202, 404, 400, 502]
            for reply in replies:
                assert_described(reply, described)
            server.world.fail(replies[0].json["task"].partition("@")[0])
            reply = await here.ended(replies[0].headers["Location"])
            assert_described(reply, document["paths"][TASK]["get"]["responses"])
