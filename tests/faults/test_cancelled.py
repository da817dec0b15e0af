"""A cancelled wait or call ends at once and does not affect the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from altcraft_async import ClientClosedError, Constant
from tests.faults.tasks import patient, started
from tests.support.api_calls import STARTED, Call, both_alone, both_calls, client_of, succeed
from tests.support.leftovers import let_go
from tests.support.loop_time import now
from tests.support.scripted_server import ScriptedServer, Step, answer

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("both_ways")]


@pytest.mark.parametrize("phase", ["headers", "body", "retry", "delay"])
async def test_cancelled_wait_ends_at_once_in_every_phase(
    server: ScriptedServer, phase: str
) -> None:
    """Nothing is left behind, and the other wait goes on."""
    begun = Step(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "hang")
    later = answer(status="502 Bad Gateway", headers=["Retry-After: 50"])
    steps = {"headers": Step(then="hang"), "body": begun, "retry": later}
    server.script(STARTED, *[step for name, step in steps.items() if name == phase])
    async with patient(server.url, poll=Constant(5.0)) as client:
        handle = await started(client)
        waits = [asyncio.ensure_future(handle.wait()) for _ in range(2)]
        await asyncio.sleep(2 if phase == "delay" else 5.1)
        assert len(server.received) == (1 if phase == "delay" else 2)
        began = now()
        waits[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits[0]
        assert now() - began < 0.05
        assert not waits[1].done()
    with pytest.raises(ClientClosedError):
        await waits[1]


@both_calls
async def test_call_cancelled_while_connecting_ends_at_once(
    call: Call, full_port: int, clean_loop: Callable[[], None]
) -> None:
    async with client_of(f"http://127.0.0.1:{full_port}") as client:
        calling = asyncio.ensure_future(call.make(client))
        _, connecting = await asyncio.wait([calling], timeout=3)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert connecting
        assert now() == 3
    await let_go()
    clean_loop()


@both_alone
async def test_cancelled_call_passes_on_its_rate_limit_slot(
    server: ScriptedServer, call: Call
) -> None:
    """A call that queues for the rate limiter ends at once and is never sent."""
    server.script(call.answered, call.answered)
    async with client_of(server.url, rate_limit=0.01) as client:
        await succeed(call, client)
        calls = [asyncio.ensure_future(call.make(client)) for _ in range(2)]
        await asyncio.sleep(7)
        assert len(server.received) == 1
        calls[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await calls[0]
        assert now() == pytest.approx(7)
        async with asyncio.timeout(200):
            await calls[1]
    assert [request.at for request in server.received] == pytest.approx([0, 100], abs=0.1)


async def test_cancelled_wait_removes_its_queued_poll(server: ScriptedServer) -> None:
    server.script(STARTED)
    async with patient(server.url, rate_limit=0.01) as client:
        waiting = asyncio.ensure_future((await started(client)).wait())
        await asyncio.sleep(7)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert now() == pytest.approx(7)
        await asyncio.sleep(500)
        assert len(server.received) == 1
