"""The effect of each fault on a caller, and disconnects, over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from altcraft_async.simulator import Fault, Simulator
from tests.support.simulator_caller import START, STATUS, Caller


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    """A caller of a simulator of instant tasks, whose planned faults all have to happen."""
    async with Simulator(duration=0.0) as server, aiohttp.ClientSession() as session:
        yield Caller(server, session)
        assert not server.pending_faults


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until a condition holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 -- there is no event to wait for
            await asyncio.sleep(0)


async def test_status_has_its_header_and_an_envelope_and_starts_nothing(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.status(503, retry_after=2))
    response = await caller.ask(START, id=24, list_id=1)
    assert (response.status, response.headers["Retry-After"]) == (503, "2")
    assert response.json["error"] == 503
    assert not caller.server.starts


async def test_status_without_retry_after_has_no_header(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.status(429))
    response = await caller.ask(START, id=24, list_id=1)
    assert response.status == 429
    assert "Retry-After" not in response.headers


async def test_refusal_has_its_code_and_text_and_starts_nothing(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.refuse(402, "Plan limit"))
    assert await caller.start() == {"error": 402, "error_text": "Plan limit"}
    assert not caller.server.starts


@pytest.mark.parametrize("code", [502, 200])
async def test_html_is_a_web_page_and_starts_nothing(caller: Caller, code: int) -> None:
    caller.server.misbehave(START, Fault.html(code))
    response = await caller.ask(START, id=24, list_id=1)
    assert (response.status, response.content_type) == (code, "text/html")
    assert response.body.startswith(b"<!DOCTYPE html>")
    assert not caller.server.starts


async def test_reset_starts_nothing(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.reset())
    with pytest.raises(aiohttp.ClientOSError, match="reset"):
        await caller.start()
    assert not caller.server.starts
    assert (await caller.start())["error"] == 0


async def test_lost_start_is_a_reset_after_the_start(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.lost_start())
    with pytest.raises(aiohttp.ClientOSError, match="reset"):
        await caller.start()
    assert caller.server.starts["resource", (24, 1)] == 1


async def test_cut_body_ends_early_after_the_start(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.cut_body())
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.start()
    assert caller.server.starts["resource", (24, 1)] == 1


async def test_stall_responds_after_its_end(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.stall(0))
    assert (await caller.start())["error"] == 0


async def test_stall_acts_even_if_the_client_has_disconnected(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.stall(0.01))
    call = asyncio.create_task(caller.start())
    await until(lambda: caller.server.count(START))
    call.cancel()
    await until(lambda: caller.server.starts["resource", (24, 1)])


async def test_slow_body_arrives_whole(caller: Caller) -> None:
    caller.server.misbehave(START, Fault.slow_body(0))
    response = await caller.ask(START, id=24, list_id=1)
    assert response.headers["Content-Length"] == str(len(response.body))
    assert response.json["error"] == 0


async def test_slow_body_ends_when_the_client_disconnects(caller: Caller) -> None:
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
    """Return the tasks of connections that wait for a request."""
    return {task for task in asyncio.all_tasks() if "RequestHandler.start" in repr(task)}


async def test_failed_task_has_its_status_and_no_result(caller: Caller) -> None:
    task_id = (await caller.start())["data"]["task_id"]
    caller.server.misbehave(STATUS, Fault.failed_task("broken"))
    task = (await caller.ask(STATUS, task_id=task_id)).json["data"]
    assert task["status"] == "broken"
    assert "result" not in task


async def test_unknown_task_is_known_again_in_the_next_poll(caller: Caller) -> None:
    task_id = (await caller.start())["data"]["task_id"]
    caller.server.misbehave(STATUS, Fault.unknown_task())
    errors = [(await caller.ask(STATUS, task_id=task_id)).json["error"] for _ in range(2)]
    assert errors == [404, 0]


async def test_random_faults_affect_every_method_by_default(caller: Caller) -> None:
    fault = Fault.refuse(500)
    caller.server.misbehave_randomly(rate=1, faults=[fault])
    assert (await caller.start())["error"] == 500
    assert (await caller.ask(STATUS, task_id="x")).json["error"] == 500
    assert caller.server.fired == {fault: 2}


async def half_a_request(server: Simulator) -> asyncio.StreamWriter:
    """Send the beginning of a request and wait until the simulator reads it."""
    port = int(server.url.rsplit(":", 1)[1])
    before = asyncio.all_tasks()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /api/v1.1/tasks/status HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    # One task for the connection, one for the request.
    await until(lambda: len(asyncio.all_tasks() - before) >= 2)
    return writer


async def test_client_that_disconnects_within_a_request_is_neither_logged_nor_counted(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    writer = await half_a_request(caller.server)
    writer.transport.abort()
    await until(lambda: asyncio.all_tasks() <= before)
    assert not caplog.records
    assert not caller.server.count(STATUS)


async def test_stop_does_not_wait_for_half_a_request() -> None:
    async with Simulator() as server:
        writer = await half_a_request(server)
        began = asyncio.get_running_loop().time()
        await server.stop()
        assert asyncio.get_running_loop().time() - began < 0.5
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("fault", [Fault.stall(), Fault.slow_body()])
async def test_stop_is_quick_and_leaves_nothing_behind(fault: Fault) -> None:
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
