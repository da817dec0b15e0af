"""HTTP requests without faults: status, token, limits and transcript."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest
from yarl import URL

from altcraft_async.simulator import Fault, ReceivedRequest, Simulator
from tests.support.simulator_caller import START, STATUS, Caller, SettableClock


@pytest.mark.parametrize(("strict", "status"), [(False, 200), (True, 404)])
@pytest.mark.parametrize(
    "path",
    ["/api/v1.1//databases/list", "//api/v1.1/databases/./list", "/api/v1.1/databases%2flist"],
)
async def test_path_is_read_as_behind_nginx_unless_it_is_strict(
    path: str,
    strict: bool,  # noqa: FBT001 -- a column
    status: int,
) -> None:
    """The public client in Go sends the first one."""
    async with Simulator(strict=strict) as server, aiohttp.ClientSession() as session:
        url = URL(server.url + path, encoded=True)
        async with session.post(url, json={"token": server.token}) as response:
            body = await response.json()
    assert (response.status, bool(body.get("data"))) == (status, not strict)


async def test_path_with_a_trailing_slash_is_accepted(caller: Caller) -> None:
    refresh = await caller.ask("databases/refresh_counters/", id=1, resource_id=24)
    assert refresh.json["error"] == 0
    assert caller.server.starts == {("database", (1, 24)): 1}
    assert caller.server.count("databases/refresh_counters") == 1


async def test_refusal_is_http_200_with_an_error(caller: Caller) -> None:
    refused = await caller.ask(START, id=24)
    assert refused.status == 200
    assert refused.json == {"error": 400, "error_text": "parameter 'list_id' is missing"}


async def test_http_errors_makes_the_status_follow_the_error() -> None:
    """An error code that is not an HTTP error keeps status 200."""
    async with Simulator(http_errors=True) as server, aiohttp.ClientSession() as session:
        caller = Caller(server, session)
        server.misbehave(START, Fault.refuse(13, "Unlucky"))
        unlucky = await caller.ask(START, id=24, list_id=1)
        assert (unlucky.status, unlucky.json["error"]) == (200, 13)
        assert (await caller.ask(START, id=24)).status == 400
        assert (await caller.ask(START, id=24, list_id=1)).status == 200


async def test_unknown_method_is_http_404_with_an_envelope(caller: Caller) -> None:
    unknown = await caller.ask("resources/reset")
    assert (unknown.status, unknown.json["error"]) == (404, 404)


async def test_get_is_http_405_with_an_envelope(caller: Caller) -> None:
    async with caller.session.get(f"{caller.server.url}/api/v1.1/{STATUS}") as response:
        assert response.status == 405
        assert (await response.json())["error"] == 405
    assert caller.server.count(STATUS) == 0


async def test_body_over_ten_megabytes_is_http_413_with_an_envelope(caller: Caller) -> None:
    limit = 10 * 1024 * 1024
    larger = await caller.post(START, io.BytesIO(b" " * (limit + 1)))
    assert (larger.status, larger.json["error"]) == (413, 413)
    assert (await caller.post(START, io.BytesIO(b"x" * (limit - 1)))).json["error"] == 400


async def test_bearer_token_in_the_header_is_accepted(caller: Caller) -> None:
    url = f"{caller.server.url}/api/v1.1/{START}"
    headers = {"Authorization": f"Bearer {caller.server.token}"}
    values = {"id": 24, "list_id": 1}
    async with caller.session.post(url, json=values, headers=headers) as response:
        assert (await response.json())["error"] == 0


async def test_transcript_shows_each_request_without_its_token(
    caller: Caller, clock: SettableClock
) -> None:
    clock.now = 5.0
    task_id = (await caller.start())["data"]["task_id"]
    caller.server.misbehave(STATUS, Fault.status(503))
    await caller.ask(STATUS, task_id=task_id, format="json")
    await caller.ask(STATUS, task_id="no-such")
    params = {"task_id": task_id, "format": "json"}
    assert list(caller.server.requests) == [
        ReceivedRequest(START, {"id": 24, "list_id": 1}, "json", 5.0, 0),
        ReceivedRequest(STATUS, params, "json", 5.0, Fault.status(503)),
        ReceivedRequest(STATUS, {"task_id": "no-such"}, "json", 5.0, 404),
    ]
    assert caller.server.token not in repr(caller.server.requests)
    assert caller.server.count(STATUS) == 2
    assert caller.server.count(START) == 1


async def test_time_of_the_event_loop_is_the_default_clock() -> None:
    async with Simulator(duration=0.0) as server, aiohttp.ClientSession() as session:
        before = asyncio.get_running_loop().time()
        await Caller(server, session).start()
        (request,) = server.requests
        assert before <= request.at <= asyncio.get_running_loop().time()
