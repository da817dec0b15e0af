"""The simulator over real sockets, spoken to in plain JSON and XML."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from altcraft_async.simulator import Fault, Simulator
from altcraft_async.simulator.handler import ReceivedRequest

START = "resources/refresh_counters"
STATUS = "tasks/status"

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
GROUP = {"channels", "in_progress", "last_count_time", "list_id", "refresh_task_id", "updated"}


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class Got(NamedTuple):
    """What came back."""

    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- the tests pick it to pieces
        """Read the body as JSON."""
        return json.loads(self.body)


class Caller:
    """Post plain bodies to a simulator."""

    def __init__(self, server: Simulator, session: aiohttp.ClientSession) -> None:
        """Use a session of the test's own."""
        self.server = server
        self.session = session

    async def post(
        self, method: str, body: bytes | io.BytesIO, content_type: str = "application/json"
    ) -> Got:
        """Post bytes."""
        url = f"{self.server.url}/api/v1.1/{method}"
        headers = {"Content-Type": content_type}
        async with self.session.post(url, data=body, headers=headers) as response:
            return Got(response.status, response.content_type, await response.read())

    async def ask(self, method: str, **values: object) -> Got:
        """Post values as JSON, the token among them."""
        return await self.post(method, json.dumps({"token": self.server.token, **values}).encode())

    async def start(self) -> str:
        """Start a refresh and return the task id."""
        return str((await self.ask(START, id=24, list_id=1)).json["data"]["task_id"])


@pytest.fixture
def clock() -> Clock:
    """Return a clock at zero."""
    return Clock()


@pytest.fixture
async def server(clock: Clock) -> AsyncIterator[Simulator]:
    """Run a simulator whose tasks take two seconds of a hand-moved clock."""
    async with Simulator(clock=clock, duration=2.0) as running:
        yield running


@pytest.fixture
async def caller(server: Simulator) -> AsyncIterator[Caller]:
    """Open a plain HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield Caller(server, session)


async def test_a_refresh_in_json_runs_and_completes_in_the_documented_shapes(
    caller: Caller, clock: Clock
) -> None:
    """The answers have the keys of the vendor's samples, each with a value of its type."""
    begun = await caller.ask(START, id=24, list_id=1)
    assert (begun.status, begun.content_type) == (200, "application/json")
    assert set(begun.json) == {"data", "error", "error_text"}
    assert (begun.json["error"], begun.json["error_text"]) == (0, "Successful operation")
    task_id = begun.json["data"]["task_id"]

    clock.now = 1.0
    running = await caller.ask(STATUS, task_id=task_id)
    assert running.json["data"] == {"status": "running", "progress": 50}

    clock.now = 2.0
    done = (await caller.ask(STATUS, task_id=task_id)).json["data"]
    assert (done["status"], done["progress"]) == ("completed", 100)
    (group,) = done["result"]
    assert set(group) == GROUP
    assert (group["list_id"], group["in_progress"], group["refresh_task_id"]) == (1, False, "")
    assert group["updated"] == "2030-01-01T00:00:02.000Z"
    assert group["last_count_time"] == "counted at 2030-01-01T00:00:00Z in 2s"
    assert [channel["channel"] for channel in group["channels"]] == ["email", "sms", "push"]
    for channel in group["channels"]:
        assert set(channel["status"]) == FIGURES
        assert all(type(figure) is int for figure in channel["status"].values())


async def test_a_refresh_in_xml_answers_in_the_documented_shapes(
    caller: Caller, clock: Clock
) -> None:
    """Arrays are repeated elements without a wrapper, under a root called ``xml``."""
    token = f"<token>{caller.server.token}</token>"
    body = f"<xml>{token}<id>24</id><list_id>1</list_id></xml>"
    begun = await caller.post(START, body.encode(), "application/xml")
    assert begun.content_type == "application/xml"
    root = ET.fromstring(begun.body)  # noqa: S314 -- our own server wrote it
    assert [root.tag, *(child.tag for child in root)] == ["xml", "data", "error", "error_text"]

    clock.now = 2.0
    task_id = root.findtext("data/task_id")
    body = f"<xml>{token}<task_id>{task_id}</task_id></xml>"
    done = await caller.post(STATUS, body.encode(), "application/xml")
    root = ET.fromstring(done.body)  # noqa: S314 -- our own server wrote it
    (group,) = root.findall("data/result")
    assert {child.tag for child in group} == GROUP
    assert group.findtext("refresh_task_id") == ""
    assert group.findtext("in_progress") == "false"
    channels = group.findall("channels")
    assert [channel.findtext("channel") for channel in channels] == ["email", "sms", "push"]
    for channel in channels:
        assert {figure.tag for figure in channel.iterfind("status/*")} == FIGURES


async def test_a_segments_result_has_its_own_shape(caller: Caller, clock: Clock) -> None:
    """Segments name the resource, show two figures and have no sentence on the count."""
    begun = await caller.ask("segments/refresh_counters", id=7, resource_id=24, db_id=1)
    clock.now = 2.0
    done = await caller.ask(STATUS, task_id=begun.json["data"]["task_id"])
    (group,) = done.json["data"]["result"]
    assert set(group) == GROUP - {"last_count_time"} | {"resource_id"}
    assert set(group["channels"][0]["status"]) == {"subscribed_sendable", "unconfirmed_sendable"}


async def test_a_database_refresh_works_with_a_slash_at_the_end(caller: Caller) -> None:
    """Some of the documented paths end with a slash."""
    assert (await caller.ask("databases/refresh_counters/", id=1, resource_id=24)).json[
        "error"
    ] == 0
    assert caller.server.starts == {("database", (1, 24)): 1}
    assert caller.server.count("databases/refresh_counters") == 1


async def test_a_refusal_is_http_200_with_an_error(caller: Caller) -> None:
    """The envelope says no, HTTP says nothing."""
    refused = await caller.ask(START, id=24)
    assert refused.status == 200
    assert refused.json == {"error": 400, "error_text": "parameter 'list_id' is missing"}


async def test_the_http_status_can_be_told_to_follow_the_error() -> None:
    """With ``http_errors`` it is the code, as far as the code is an HTTP error."""
    async with Simulator(http_errors=True) as server, aiohttp.ClientSession() as session:
        caller = Caller(server, session)
        server.misbehave(START, Fault.refuse(13, "Unlucky"))
        unlucky = await caller.ask(START, id=24, list_id=1)
        assert (unlucky.status, unlucky.json["error"]) == (200, 13)
        assert (await caller.ask(START, id=24)).status == 400
        assert (await caller.ask(START, id=24, list_id=1)).status == 200


async def test_an_unknown_method_is_http_404_with_an_envelope(caller: Caller) -> None:
    """What is not there at all is not there for HTTP either."""
    unknown = await caller.ask("resources/reset")
    assert (unknown.status, unknown.json["error"]) == (404, 404)


async def test_a_get_is_http_405_with_an_envelope(caller: Caller) -> None:
    """Every method is a POST."""
    async with caller.session.get(f"{caller.server.url}/api/v1.1/{STATUS}") as response:
        assert response.status == 405
        assert (await response.json())["error"] == 405
    assert caller.server.count(STATUS) == 0


async def test_more_than_ten_megabytes_are_http_413_with_an_envelope(caller: Caller) -> None:
    """The documented limit is a limit, and just below it is not."""
    limit = 10 * 1024 * 1024
    larger = await caller.post(START, io.BytesIO(b" " * (limit + 1)))
    assert (larger.status, larger.json["error"]) == (413, 413)
    assert (await caller.post(START, io.BytesIO(b" " * (limit - 1)))).json["error"] == 400


async def test_the_token_in_the_header_does(caller: Caller) -> None:
    """A bearer token is as good as one in the body."""
    url = f"{caller.server.url}/api/v1.1/{START}"
    headers = {"Authorization": f"Bearer {caller.server.token}"}
    values = {"id": 24, "list_id": 1}
    async with caller.session.post(url, json=values, headers=headers) as response:
        assert (await response.json())["error"] == 0


async def test_the_transcript_shows_each_request_without_its_token(
    caller: Caller, clock: Clock
) -> None:
    """Whoever writes a test can see what arrived, when, and what came of it."""
    clock.now = 5.0
    task_id = await caller.start()
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


def test_the_token_is_drawn_by_the_seed_unless_given() -> None:
    """A made-up token looks like a real one and is the same each time."""
    made_up = Simulator(seed=1).token
    assert made_up == Simulator(seed=1).token != Simulator(seed=2).token
    assert len(made_up) == 32
    assert int(made_up, 16)
    assert Simulator(token="mine").token == "mine"


def test_there_is_no_address_before_the_start() -> None:
    """The port is not known until it is taken."""
    with pytest.raises(RuntimeError, match="started"):
        _ = Simulator().url


async def test_the_loops_own_clock_is_the_default() -> None:
    """Without a clock, tasks go by the time of the event loop."""
    async with Simulator(duration=0.0) as server, aiohttp.ClientSession() as session:
        before = asyncio.get_running_loop().time()
        await Caller(server, session).start()
        (seen,) = server.requests
        assert before <= seen.at <= asyncio.get_running_loop().time()


async def test_a_stopped_simulator_comes_back_where_it_was() -> None:
    """An outage ends with the same address, and the tasks are still known."""
    server = Simulator()
    await server.start()
    url = server.url
    # A kept connection would be one to the server that was.
    fresh = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=fresh) as session:
        caller = Caller(server, session)
        task_id = await caller.start()
        await server.stop()
        with pytest.raises(aiohttp.ClientOSError):
            await caller.start()
        await server.start()
        assert server.url == url
        assert (await caller.ask(STATUS, task_id=task_id)).json["error"] == 0
        await server.stop()
        await server.stop()


async def test_a_second_start_is_refused(server: Simulator) -> None:
    """One simulator listens once."""
    with pytest.raises(RuntimeError, match="already"):
        await server.start()


async def test_a_port_that_is_taken_leaves_nothing_behind(server: Simulator) -> None:
    """A start that failed can be followed by a stop, or by another start."""
    port = int(server.url.rsplit(":", 1)[1])
    second = Simulator(port=port)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    await server.stop()
    async with second:
        assert second.url == server.url


async def test_a_fault_for_a_method_that_is_none_is_refused(server: Simulator) -> None:
    """A misspelt method would wait for ever, so the error lists those there are."""
    with pytest.raises(ValueError, match=STATUS):
        server.misbehave("task/status", Fault.reset())
    with pytest.raises(ValueError, match=STATUS):
        server.misbehave_randomly(rate=1, faults=[Fault.reset()], methods=["task/status"])
