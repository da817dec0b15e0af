"""From constructing a client to closing it: what opens when, and that closing ends everything."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Awaitable
from typing import Literal

import aiohttp
import pytest

from altcraft_async import (
    AltcraftClient,
    ClientClosedError,
    ConfigurationError,
    Retry,
    TransportError,
)
from altcraft_async.transport.lifecycle import Lifecycle
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
from tests.support.forks import in_a_fork
from tests.support.scripted_server import ScriptedServer, Step, answer

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


# Opening.


def test_client_can_be_made_without_a_loop() -> None:
    client = AltcraftClient("http://127.0.0.1:9/x", TOKEN)
    assert repr(client) == "<AltcraftClient http://127.0.0.1:9/x/api/v1.1 json unopened>"


async def test_client_made_before_the_loop_opens_with_its_first_request(
    server: ScriptedServer,
) -> None:
    client = await asyncio.to_thread(client_of, server.url)
    server.script(RUNNING)
    assert server.connections == 0
    await client.tasks.status("t1")
    assert repr(client).endswith(" open>")
    await client.aclose()
    assert repr(client).endswith(" closed>")


async def test_entering_a_client_opens_no_connection(server: ScriptedServer) -> None:
    async with client_of(server.url):
        pass
    assert server.connections == 0


def test_call_without_a_loop_is_refused() -> None:
    call = AltcraftClient("http://127.0.0.1:9", TOKEN).tasks.status("t1")
    with pytest.raises(ConfigurationError, match="needs a running event loop") as refused:
        call.send(None)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@both_calls
def test_client_of_another_loop_is_refused(call: Call) -> None:
    client = AltcraftClient("http://127.0.0.1:9", TOKEN)

    async def enter() -> None:
        await client.__aenter__()

    async def use() -> None:
        with pytest.raises(ConfigurationError, match="belongs to another event loop"):
            await call.make(client)
        with pytest.raises(ConfigurationError, match="belongs to another event loop"):
            await client.__aenter__()

    asyncio.run(enter())
    asyncio.run(use())
    asyncio.run(client.aclose())


@both_calls
def test_client_opened_before_a_fork_is_refused_after_it(call: Call) -> None:
    """Two processes on one socket would read each other's answers."""
    client = AltcraftClient("http://127.0.0.1:9", TOKEN, retry=Retry(attempts=1))

    async def enter() -> None:
        await client.__aenter__()

    async def use() -> str:
        try:
            await call.make(client)
        except ConfigurationError as refused:
            return str(refused)
        return "no error"

    asyncio.run(enter())
    assert "forked" in in_a_fork(lambda: asyncio.run(use()))
    asyncio.run(client.aclose())


async def test_change_of_process_is_seen_within_a_running_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process is checked in every call, not only when the loop changes."""
    lifecycle = Lifecycle()
    assert lifecycle.enter() is lifecycle.enter()
    monkeypatch.setattr(os, "getpid", lambda: 0)
    with pytest.raises(ConfigurationError, match="forked"):
        lifecycle.enter()


def test_client_made_before_a_fork_can_be_opened_after_it() -> None:
    client = AltcraftClient("http://127.0.0.1:9", TOKEN, retry=Retry(attempts=1))

    async def use() -> str:
        async with client:
            try:
                await client.tasks.status("t1")
            except TransportError as nobody_there:
                return str(nobody_there)
        return "no error"

    assert "cannot connect" in in_a_fork(lambda: asyncio.run(use()))


# Closing.


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


async def test_error_in_the_block_closes_the_client_and_is_raised(server: ScriptedServer) -> None:
    server.script(RUNNING)
    client = client_of(server.url)
    with pytest.raises(KeyError, match="the body's own"):
        await fail_within(client)
    assert is_closed_error(await promptly(client.tasks.status("t1")))


async def fail_within(client: AltcraftClient) -> None:
    """Use a client and fail within its block."""
    async with client:
        await client.tasks.status("t1")
        raise KeyError("the body's own")  # noqa: EM101, TRY003 -- the test looks for it


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


# A borrowed session.


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


# The guard by itself.


async def test_timeout_in_until_closed_is_raised() -> None:
    with pytest.raises(TimeoutError, match="the body's own"):
        async with Lifecycle().until_closed():
            raise TimeoutError("the body's own")  # noqa: EM101, TRY003 -- the test looks for it


async def test_timeout_caused_by_closing_ends_until_closed() -> None:
    lifecycle = Lifecycle()

    async def give_up_in_its_own_way() -> None:
        async with lifecycle.until_closed():
            lifecycle.close()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise TimeoutError from None

    await promptly(give_up_in_its_own_way())


async def test_closing_ends_a_start_and_a_poll_together(server: ScriptedServer) -> None:
    server.script(HANG, HANG)
    client = client_of(server.url)
    waiting = [asyncio.ensure_future(call.make(client)) for call in (START, POLL)]
    await server.has_received(2)
    await promptly(client.aclose())
    assert [is_closed_error(await promptly(one)) for one in waiting] == [True] * 2
