"""Where and when a client may be used, and `until_closed`."""

from __future__ import annotations

import asyncio
import os

import pytest

from altcraft_async import (
    AltcraftClient,
    ConfigurationError,
    Retry,
    TransportError,
)
from altcraft_async.transport.lifecycle import Lifecycle
from tests.support.api_calls import (
    RUNNING,
    TOKEN,
    Call,
    both_calls,
    client_of,
)
from tests.support.forks import in_a_fork
from tests.support.scripted_server import ScriptedServer, Step

pytestmark = pytest.mark.usefixtures("both_ways")

HANG = Step(then="hang")


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
            except TransportError as refused:
                return str(refused)
        return "no error"

    assert "cannot connect" in in_a_fork(lambda: asyncio.run(use()))


async def test_timeout_in_until_closed_is_raised() -> None:
    with pytest.raises(TimeoutError, match="the body's own"), Lifecycle().until_closed():
        raise TimeoutError("the body's own")  # noqa: EM101, TRY003 -- the test looks for it


async def test_timeout_caused_by_closing_ends_until_closed() -> None:
    lifecycle = Lifecycle()

    async def give_up_in_its_own_way() -> None:
        with lifecycle.until_closed():
            lifecycle.close()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise TimeoutError from None

    async with asyncio.timeout(1):
        await give_up_in_its_own_way()


async def test_body_that_ends_as_the_client_is_closed_is_not_cancelled() -> None:
    lifecycle = Lifecycle()
    answered = asyncio.get_running_loop().create_future()

    async def wait() -> str:
        with lifecycle.until_closed():
            return str(await answered)
        return "closed"

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    answered.set_result("answer")
    lifecycle.close()
    assert await waiting == "answer"


async def test_cancellation_by_other_code_wins_over_closing() -> None:
    lifecycle = Lifecycle()

    async def wait() -> None:
        with lifecycle.until_closed():
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    lifecycle.close()
    asyncio.get_running_loop().call_soon(waiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_closing_twice_at_once_cancels_once() -> None:
    lifecycle = Lifecycle()

    async def wait() -> int:
        with lifecycle.until_closed():
            await asyncio.Event().wait()
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    lifecycle.close()
    lifecycle.close()
    assert await waiting == 0


def test_lifecycle_is_closed_though_its_loop_was_closed_amid_a_body() -> None:
    lifecycle, loop = Lifecycle(), asyncio.new_event_loop()

    async def body() -> None:
        lifecycle.enter()
        with lifecycle.until_closed():
            await asyncio.Event().wait()

    async def begin(running: asyncio.Task[None]) -> None:
        await asyncio.sleep(0)
        running._log_destroy_pending = False  # type: ignore[attr-defined]  # it never ends

    loop.run_until_complete(begin(loop.create_task(body())))
    loop.close()
    lifecycle.close()
    assert lifecycle.closed
