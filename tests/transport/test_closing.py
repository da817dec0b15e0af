"""Closing a client ends all that it does, and no borrowed session."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable
from typing import Literal

import aiohttp
import pytest

from altcraft_async import (
    AltcraftClient,
    ClientClosedError,
)
from tests.support.api_calls import (
    POLL,
    RUNNING,
    START,
    STARTED,
    TOKEN,
    Call,
    both_alone,
    both_calls,
    client_of,
    failure_of,
    told,
)
from tests.support.scripted_server import ScriptedServer, Step, answer

pytestmark = pytest.mark.usefixtures("both_ways")

HANG = Step(then="hang")


async def promptly(ending: Awaitable[object]) -> BaseException | None:
    """Return the error of an awaitable that has to end now."""
    async with asyncio.timeout(1):
        (outcome,) = await asyncio.gather(ending, return_exceptions=True)
    return outcome if isinstance(outcome, BaseException) else None


def is_closed_error(error: BaseException | None) -> bool:
    """Return whether this is the error of a closed client; it must not show the token."""
    assert error is None or TOKEN not in told(error)
    return type(error) is ClientClosedError


@both_calls
async def test_closed_client_refuses_every_call(server: ScriptedServer, call: Call) -> None:
    server.script(RUNNING)
    client = client_of(server.url)
    await client.tasks.status("t1")
    await client.aclose()
    for _ in range(2):
        error = await promptly(call.make(client))
        assert is_closed_error(error)
        assert "attach" in str(error)
    assert is_closed_error(await promptly(client.__aenter__()))


async def test_client_that_was_never_opened_can_be_closed(server: ScriptedServer) -> None:
    client = client_of(server.url)
    await client.aclose()
    await client.aclose()
    assert is_closed_error(await promptly(client.tasks.status("t1")))
    assert server.connections == 0


async def test_closing_twice_or_concurrently_is_no_error(
    server: ScriptedServer,
) -> None:
    server.script(RUNNING)
    client = client_of(server.url)
    await client.tasks.status("t1")
    await asyncio.gather(*[client.aclose() for _ in range(5)])
    await client.aclose()


async def test_closing_goes_on_when_its_caller_is_cancelled(server: ScriptedServer) -> None:
    server.script(RUNNING, HANG)
    client = client_of(server.url)
    await client.tasks.status("t1")
    waiting = asyncio.ensure_future(client.tasks.status("t1"))
    await server.has_received(2)
    closing = asyncio.ensure_future(client.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert is_closed_error(await promptly(waiting))


@both_calls
async def test_closing_ends_a_request(server: ScriptedServer, call: Call) -> None:
    server.script(HANG)
    client = client_of(server.url)
    waiting = asyncio.ensure_future(call.make(client))
    await server.has_received(1)
    await promptly(client.aclose())
    assert is_closed_error(await promptly(waiting))


@both_calls
async def test_closing_ends_a_request_whose_answer_has_begun(
    server: ScriptedServer, call: Call
) -> None:
    begun = asyncio.Event()
    server.script(Step(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "hang", after=begun))
    client = client_of(server.url)
    waiting = asyncio.ensure_future(call.make(client))
    await server.has_received(1)
    begun.set()
    await asyncio.sleep(0)
    await promptly(client.aclose())
    assert is_closed_error(await promptly(waiting))


@pytest.mark.looptime
@both_calls
async def test_closing_ends_the_delay_before_a_retry(server: ScriptedServer, call: Call) -> None:
    server.script(answer('{"error": 429}', status="429 Slow", headers=["Retry-After: 50"]))
    client = client_of(server.url)
    waiting = asyncio.ensure_future(call.make(client))
    await server.has_received(1)
    _, unfinished = await asyncio.wait([waiting], timeout=20)
    await promptly(client.aclose())
    assert unfinished
    assert is_closed_error(await promptly(waiting))
    assert asyncio.get_running_loop().time() == 20
    assert len(server.received) == 1


@both_alone
async def test_closing_ends_calls_that_wait_for_a_connection(
    server: ScriptedServer, call: Call
) -> None:
    server.script(HANG)
    client = client_of(server.url, connections=1)
    waiting = [asyncio.ensure_future(call.make(client))]
    await server.has_received(1)
    waiting += [asyncio.ensure_future(call.make(client)) for _ in range(3)]
    await asyncio.sleep(0)
    await promptly(client.aclose())
    assert [is_closed_error(await promptly(one)) for one in waiting] == [True] * 4


async def test_closing_ends_a_call_that_waits_for_the_rate_limit(server: ScriptedServer) -> None:
    server.script(RUNNING)
    client = client_of(server.url, rate_limit=0.01)
    await client.tasks.status("t1")
    waiting = asyncio.ensure_future(client.tasks.status("t1"))
    await asyncio.sleep(0)
    await promptly(client.aclose())
    assert is_closed_error(await promptly(waiting))


async def test_closing_ends_a_wait_for_a_task(server: ScriptedServer) -> None:
    server.script(STARTED, RUNNING, HANG)
    client = client_of(server.url)
    handle = await client.resources.refresh_counters(24, database_id=1)
    waiting = [asyncio.ensure_future(handle.wait()) for _ in range(3)]
    await server.has_received(3)
    await promptly(client.aclose())
    assert [is_closed_error(await promptly(one)) for one in waiting] == [True] * 3


async def test_call_cancelled_while_the_client_closes_is_cancelled(
    server: ScriptedServer,
) -> None:
    server.script(HANG)
    client = client_of(server.url)
    waiting = asyncio.ensure_future(client.tasks.status("t1"))
    await server.has_received(1)
    closing = asyncio.ensure_future(client.aclose())
    waiting.cancel()
    await closing
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def fail_within(client: AltcraftClient) -> None:
    """Use a client and fail within its block."""
    async with client:
        await client.tasks.status("t1")
        raise KeyError("the body's own")  # noqa: EM101, TRY003 -- the test looks for it


async def test_error_in_the_block_closes_the_client_and_is_raised(server: ScriptedServer) -> None:
    server.script(RUNNING)
    client = client_of(server.url)
    with pytest.raises(KeyError, match="the body's own"):
        await fail_within(client)
    assert is_closed_error(await promptly(client.tasks.status("t1")))


@pytest.mark.parametrize("place", ["body", "header"])
@both_calls
async def test_closing_a_request_chains_no_foreign_error(
    server: ScriptedServer, call: Call, place: Literal["body", "header"]
) -> None:
    """A chained error would carry frames of aiohttp, whose variables hold the token."""
    server.script(HANG)
    client = client_of(server.url, token_in=place)
    waiting = asyncio.ensure_future(call.make(client))
    await server.has_received(1)
    await promptly(client.aclose())
    error = await promptly(waiting)
    assert error is not None
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert place == "body" or TOKEN not in "".join(shown.format())
    assert error.__context__ is None


async def test_borrowed_session_is_used_and_left_open(server: ScriptedServer) -> None:
    server.script(STARTED, RUNNING, RUNNING)
    async with aiohttp.ClientSession(headers={"X-Mine": "1"}) as borrowed:
        async with client_of(server.url, session=borrowed) as client:
            await client.resources.refresh_counters(24, database_id=1)
            await client.tasks.status("t1")
        assert not borrowed.closed
        async with borrowed.post(server.url) as response:
            assert response.status == 200
    assert [request.headers["x-mine"] for request in server.received] == ["1"] * 3


@both_calls
async def test_closed_borrowed_session_raises_a_closed_client(
    server: ScriptedServer, call: Call
) -> None:
    borrowed = aiohttp.ClientSession()
    async with client_of(server.url, session=borrowed) as client:
        await borrowed.close()
        error = await failure_of(call, client)
    assert type(error) is ClientClosedError
    assert server.connections == 0


async def test_closing_ends_a_request_of_a_borrowed_session(
    server: ScriptedServer,
) -> None:
    server.script(HANG)
    async with aiohttp.ClientSession() as borrowed:
        client = client_of(server.url, session=borrowed)
        waiting = asyncio.ensure_future(client.tasks.status("t1"))
        await server.has_received(1)
        await promptly(client.aclose())
        assert is_closed_error(await promptly(waiting))
        assert not borrowed.closed


async def test_closing_ends_a_start_and_a_poll_together(server: ScriptedServer) -> None:
    server.script(HANG, HANG)
    client = client_of(server.url)
    waiting = [asyncio.ensure_future(call.make(client)) for call in (START, POLL)]
    await server.has_received(2)
    await promptly(client.aclose())
    assert [is_closed_error(await promptly(one)) for one in waiting] == [True] * 2
