"""A start of which no byte left this process is not delivered, whatever the error was."""

from __future__ import annotations

import asyncio
from threading import Thread

import aiohttp
import pytest

from altcraft_async import AltcraftError, ClientClosedError, RequestTimeoutError
from tests.support.api_calls import START, STARTED, TOKEN, client_of, failure_of
from tests.support.ports import full
from tests.support.scripted_server import ScriptedServer, Step


def failing_hook(moment: str, error: Exception) -> aiohttp.TraceConfig:
    """Return a hook of aiohttp that fails at this moment of a request."""

    async def fail(*_about: object) -> None:
        raise error

    hooks = aiohttp.TraceConfig()
    getattr(hooks, moment).append(fail)
    return hooks


@pytest.mark.parametrize(
    "error", [ValueError(TOKEN), RuntimeError(TOKEN), aiohttp.ServerDisconnectedError(TOKEN)]
)
@pytest.mark.parametrize(
    "moment", ["on_request_start", "on_connection_create_start", "on_request_headers_sent"]
)
async def test_start_that_fails_before_its_first_byte_is_not_delivered(
    server: ScriptedServer, moment: str, error: Exception
) -> None:
    hooks = failing_hook(moment, error)
    async with (
        aiohttp.ClientSession(trace_configs=[hooks]) as borrowed,
        client_of(server.url, session=borrowed) as client,
    ):
        failure = await failure_of(START, client)
    assert not failure.maybe_delivered
    assert server.received == []


@pytest.mark.parametrize("error", [ValueError(TOKEN), aiohttp.InvalidURL("http://x")])
async def test_start_that_fails_after_its_first_byte_may_be_delivered(
    server: ScriptedServer, error: Exception
) -> None:
    server.script(STARTED)
    hooks = failing_hook("on_request_end", error)
    async with (
        aiohttp.ClientSession(trace_configs=[hooks]) as borrowed,
        client_of(server.url, session=borrowed) as client,
    ):
        failure = await failure_of(START, client)
    assert failure.maybe_delivered
    assert len(server.received) == 1


async def test_start_whose_body_a_middleware_replaced_may_be_delivered(
    server: ScriptedServer,
) -> None:
    server.script(Step(then="close"))

    async def replace_body(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        assert isinstance(request.body, aiohttp.Payload)
        await request.update_body(await request.body.as_bytes())
        return await handler(request)

    async with (
        aiohttp.ClientSession(middlewares=[replace_body]) as borrowed,
        client_of(server.url, session=borrowed) as client,
    ):
        failure = await failure_of(START, client)
    assert failure.maybe_delivered
    assert len(server.received) == 1


async def test_start_in_a_session_of_another_loop_is_not_delivered(server: ScriptedServer) -> None:
    other = asyncio.new_event_loop()
    thread = Thread(target=other.run_forever)
    thread.start()

    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    borrowed = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(opened(), other))
    async with client_of(server.url, session=borrowed, request_timeout=1) as client:
        failure = await failure_of(START, client)
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(borrowed.close(), other))
    other.call_soon_threadsafe(other.stop)
    await asyncio.to_thread(thread.join)
    other.close()
    assert not failure.maybe_delivered
    assert server.received == []


async def test_start_whose_time_is_over_before_it_is_connected_is_not_delivered() -> None:
    """The limit of the whole request runs out here, not that of connecting."""
    with full("127.0.0.1") as port:
        timeout = aiohttp.ClientTimeout(total=None)
        connector = aiohttp.TCPConnector(limit=1)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as borrowed,
            client_of(f"http://127.0.0.1:{port}", session=borrowed, request_timeout=0.2) as client,
        ):
            failures = await asyncio.gather(
                *[client.resources.refresh_counters(one, database_id=1) for one in (1, 2)],
                return_exceptions=True,
            )
    assert all(isinstance(one, RequestTimeoutError) for one in failures)
    assert not any(isinstance(one, AltcraftError) and one.maybe_delivered for one in failures)


async def test_start_in_a_closed_session_is_not_delivered(server: ScriptedServer) -> None:
    borrowed = aiohttp.ClientSession()
    async with client_of(server.url, session=borrowed) as client:
        await borrowed.close()
        failure = await failure_of(START, client)
    assert isinstance(failure, ClientClosedError)
    assert not failure.maybe_delivered
