"""What each fault looks like to a caller, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from altcraft_async.simulator import Fault, Simulator

START = "resources/refresh_counters"
STATUS = "tasks/status"


class Caller:
    """Post JSON to a simulator and return the response with its body read."""

    def __init__(self, server: Simulator, session: aiohttp.ClientSession) -> None:
        """Use a session of the test's own."""
        self.server = server
        self.session = session

    async def ask(self, method: str, **values: object) -> tuple[aiohttp.ClientResponse, bytes]:
        """Post values, the token among them."""
        url = f"{self.server.url}/api/v1.1/{method}"
        values = {"token": self.server.token, **values}
        async with self.session.post(url, json=values) as response:
            return response, await response.read()

    async def start(self) -> Any:  # noqa: ANN401 -- the tests pick it to pieces
        """Start a refresh and return the envelope."""
        _, body = await self.ask(START, id=24, list_id=1)
        return json.loads(body)


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    """Run a simulator, and check in the end that every fault fired."""
    async with Simulator(duration=0.0) as server, aiohttp.ClientSession() as session:
        yield Caller(server, session)
        assert not server.pending_faults


async def until(fact: Callable[[], object]) -> None:
    """Let everybody else run until something is so."""
    async with asyncio.timeout(5):
        while not fact():  # noqa: ASYNC110 -- nothing announces what is waited for
            await asyncio.sleep(0)


async def test_a_status_comes_with_its_header_and_an_envelope(caller: Caller) -> None:
    """The platform is busy: nothing is started, and the header says when to come back."""
    caller.server.misbehave(START, Fault.status(503, retry_after=2))
    response, body = await caller.ask(START, id=24, list_id=1)
    assert (response.status, response.headers["Retry-After"]) == (503, "2")
    assert json.loads(body)["error"] == 503
    assert not caller.server.starts


async def test_a_status_without_a_header_has_none(caller: Caller) -> None:
    """No wish to wait is no header."""
    caller.server.misbehave(START, Fault.status(429))
    response, _ = await caller.ask(START, id=24, list_id=1)
    assert response.status == 429
    assert "Retry-After" not in response.headers


async def test_a_refusal_says_what_it_was_told(caller: Caller) -> None:
    """The code may be any, the HTTP status is 200."""
    caller.server.misbehave(START, Fault.refuse(402, "Plan limit"))
    assert await caller.start() == {"error": 402, "error_text": "Plan limit"}
    assert not caller.server.starts


@pytest.mark.parametrize("code", [502, 200])
async def test_a_web_page_comes_from_a_proxy(caller: Caller, code: int) -> None:
    """Whatever stands between may answer with a page, even under HTTP 200."""
    caller.server.misbehave(START, Fault.html(code))
    response, body = await caller.ask(START, id=24, list_id=1)
    assert (response.status, response.content_type) == (code, "text/html")
    assert body.startswith(b"<!DOCTYPE html>")
    assert not caller.server.starts


async def test_a_reset_comes_before_anything_is_done(caller: Caller) -> None:
    """The connection is gone and nothing was started."""
    caller.server.misbehave(START, Fault.reset())
    with pytest.raises(aiohttp.ClientOSError, match="reset"):
        await caller.start()
    assert not caller.server.starts
    assert (await caller.start())["error"] == 0


async def test_a_lost_start_is_a_reset_after_the_start(caller: Caller) -> None:
    """The caller sees what a reset looks like, and yet the task runs."""
    caller.server.misbehave(START, Fault.lost_start())
    with pytest.raises(aiohttp.ClientOSError, match="reset"):
        await caller.start()
    assert caller.server.starts["resource", (24, 1)] == 1


async def test_a_cut_body_ends_early_after_the_start(caller: Caller) -> None:
    """The headers promise more than arrives, and the task runs."""
    caller.server.misbehave(START, Fault.cut_body())
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.start()
    assert caller.server.starts["resource", (24, 1)] == 1


async def test_a_stall_answers_late(caller: Caller) -> None:
    """A stall that ends is followed by the answer."""
    caller.server.misbehave(START, Fault.stall(0))
    assert (await caller.start())["error"] == 0


async def test_a_stall_acts_even_if_the_caller_is_gone(caller: Caller) -> None:
    """The platform works off its backlog, whoever still waits for it."""
    caller.server.misbehave(START, Fault.stall(0.01))
    call = asyncio.create_task(caller.start())
    await until(lambda: caller.server.count(START))
    call.cancel()
    await until(lambda: caller.server.starts["resource", (24, 1)])


async def test_a_slow_body_arrives_whole(caller: Caller) -> None:
    """It comes in pieces and is the same in the end."""
    caller.server.misbehave(START, Fault.slow_body(0))
    response, body = await caller.ask(START, id=24, list_id=1)
    assert response.content_length == len(body)
    assert json.loads(body)["error"] == 0


async def test_a_slow_body_nobody_waits_for_is_given_up(caller: Caller) -> None:
    """A caller who had enough breaks off, and the simulator goes on for the others."""
    caller.server.misbehave(START, Fault.slow_body(0.05))
    url = f"{caller.server.url}/api/v1.1/{START}"
    values = {"token": caller.server.token, "id": 24, "list_id": 1}
    async with caller.session.post(url, json=values) as response:
        assert await response.content.read(1) == b"{"
        response.close()
    assert (await caller.start())["error"] == 0
    alone = {asyncio.current_task()}
    await until(lambda: asyncio.all_tasks() - alone <= idle_connections())


def idle_connections() -> set[asyncio.Task[Any]]:
    """Return the tasks of connections that wait for a request, not for a handler."""
    return {task for task in asyncio.all_tasks() if "RequestHandler.start" in repr(task)}


async def test_a_failed_task_says_so(caller: Caller) -> None:
    """The status answer names the failure and has no result."""
    task_id = (await caller.start())["data"]["task_id"]
    caller.server.misbehave(STATUS, Fault.failed_task("broken"))
    _, body = await caller.ask(STATUS, task_id=task_id)
    assert json.loads(body)["data"]["status"] == "broken"
    assert "result" not in json.loads(body)["data"]


async def test_an_unknown_task_is_known_again_later(caller: Caller) -> None:
    """Once it is a 404, then there is a result."""
    task_id = (await caller.start())["data"]["task_id"]
    caller.server.misbehave(STATUS, Fault.unknown_task())
    errors = [json.loads((await caller.ask(STATUS, task_id=task_id))[1])["error"] for _ in range(2)]
    assert errors == [404, 0]


async def test_random_faults_hit_every_method_by_default(caller: Caller) -> None:
    """What fired is counted by fault."""
    fault = Fault.refuse(500)
    caller.server.misbehave_randomly(rate=1, faults=[fault])
    assert (await caller.start())["error"] == 500
    _, body = await caller.ask(STATUS, task_id="x")
    assert json.loads(body)["error"] == 500
    assert caller.server.fired == {fault: 2}


async def half_a_request(server: Simulator) -> asyncio.StreamWriter:
    """Send the beginning of a request and wait until it is being read."""
    port = int(server.url.rsplit(":", 1)[1])
    before = asyncio.all_tasks()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /api/v1.1/tasks/status HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    # One task for the connection, one for the request.
    await until(lambda: len(asyncio.all_tasks() - before) >= 2)
    return writer


async def test_a_caller_who_breaks_off_in_the_middle_of_a_request_is_no_error(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not worth a word in the log, and does not count as a request."""
    before = asyncio.all_tasks()
    writer = await half_a_request(caller.server)
    writer.transport.abort()
    await until(lambda: asyncio.all_tasks() <= before)
    assert not caplog.records
    assert not caller.server.count(STATUS)


async def test_a_stop_does_not_wait_for_half_a_request() -> None:
    """What has not arrived by then is not waited for."""
    async with Simulator() as server:
        writer = await half_a_request(server)
        began = asyncio.get_running_loop().time()
        await server.stop()
        assert asyncio.get_running_loop().time() - began < 0.5
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("fault", [Fault.stall(), Fault.slow_body()])
async def test_a_stop_is_quick_and_leaves_nothing_behind(fault: Fault) -> None:
    """Callers who were kept waiting get a reset, and no task or socket stays."""
    before = asyncio.all_tasks()
    async with aiohttp.ClientSession() as session:
        server = Simulator()
        await server.start()
        caller = Caller(server, session)
        server.misbehave(START, fault, times=3)
        gone = asyncio.create_task(caller.start())
        calls = [asyncio.create_task(caller.start()) for _ in range(2)]
        await until(lambda: server.count(START) == 3)
        gone.cancel()
        began = asyncio.get_running_loop().time()
        await server.stop()
        assert asyncio.get_running_loop().time() - began < 0.5
        assert asyncio.all_tasks() - before <= {gone, *calls}
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, aiohttp.ClientError) for outcome in outcomes)
