"""Calls to the ``feedback`` URLs of starts."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from aiohttp import web

from altcraft_async import AltcraftClient, Feedback, TransportError
from altcraft_async.simulator import Fault, Simulator, Webhooks
from altcraft_async.simulator.messages import ApiRequest, ApiResponse
from altcraft_async.simulator.webhooks import Webhook, is_local, requested_webhook
from tests.support.web_servers import aiohttp_app

ACCEPTED = {"data": {"task_id": "7f9c"}, "error": 0, "error_text": "Successful operation"}
HOOK = "http://127.0.0.1:8000/hook"


def start(feedback: object) -> ApiRequest:
    """Return a start with ``feedback``."""
    return ApiRequest("resources/refresh_counters", "json", {"id": 24, "feedback": feedback})


def test_start_with_feedback_requests_a_call() -> None:
    request = start({"type": "JSON", "url": HOOK})
    response = ApiResponse(ACCEPTED, "json")
    assert requested_webhook(request, response) == Webhook("7f9c", HOOK)


@pytest.mark.parametrize(
    ("feedback", "envelope", "code"),
    [
        (None, ACCEPTED, 0),
        ({"type": "JSON", "url": "https://example.com/hook"}, ACCEPTED, 0),
        ({"type": "JSON", "url": HOOK}, {"error": 404}, 404),
        ({"type": "JSON", "url": HOOK}, {"data": [], "error": 0}, 0),
    ],
)
def test_no_call_without_feedback_without_a_task_or_to_another_machine(
    feedback: object, envelope: Mapping[str, object], code: int
) -> None:
    response = ApiResponse(envelope, "json", code)
    assert requested_webhook(start(feedback), response) is None


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/hook", True),
        ("https://localhost/hook", True),
        ("http://[::1]:8000/hook", True),
        ("http://127.1/hook", False),
        ("http://10.0.0.1/hook", False),
        ("http://localhost.example/hook", False),
        ("http://127.0.0.1@example.com/hook", False),
        ("ftp://127.0.0.1/hook", False),
        ("http:///hook", False),
        ("http://[/hook", False),
    ],
)
def test_only_urls_of_this_machine_are_local(url: str, local: bool) -> None:  # noqa: FBT001 -- a column of a table
    assert is_local(url) is local


def test_losses_repeats_and_delays_are_drawn_by_the_generator() -> None:
    webhooks = Webhooks(lost=0.25, repeats=3, delay=(0.5, 2.0))
    draws = [webhooks.draw(random.Random(seed)) for seed in range(500)]  # noqa: S311 -- no secret
    assert draws[7] == webhooks.draw(random.Random(7))  # noqa: S311 -- no secret
    delays = [delay for drawn in draws for delay in drawn]
    assert len(delays) == pytest.approx(500 * 4 * 0.75, rel=0.05)
    assert 0.5 <= min(delays) <= max(delays) <= 2.0
    assert all(list(drawn) == sorted(drawn) for drawn in draws)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Webhooks(lost=1.5),
        lambda: Webhooks(lost=-0.1),
        lambda: Webhooks(repeats=-1),
        lambda: Webhooks(delay=-1.0),
    ],
)
def test_impossible_webhooks_are_refused(wrong: Callable[[], Webhooks]) -> None:
    with pytest.raises(ValueError, match=r"lost|repeats|duration"):
        wrong()


class ReceivedCall(NamedTuple):
    """A call that a listener received."""

    method: str
    content_type: str
    body: dict[str, object]
    at: float


class Listener(NamedTuple):
    """A URL on this machine, and the calls to it."""

    url: str
    calls: list[ReceivedCall]


@asynccontextmanager
async def listening(status: int = 204) -> AsyncGenerator[Listener, None]:
    """Listen for calls and respond to each with a status."""
    calls: list[ReceivedCall] = []

    async def receive(request: web.Request) -> web.Response:
        at = asyncio.get_running_loop().time()
        body = await request.json()
        calls.append(ReceivedCall(request.method, request.content_type, body, at))
        return web.Response(status=status, headers={"Location": str(request.url)})

    app = web.Application()
    app.router.add_route("*", "/hook", receive)
    async with aiohttp_app(app) as address:
        yield Listener(f"{address}/hook", calls)


@pytest.fixture
async def listener(nothing_left: None) -> AsyncGenerator[Listener, None]:  # noqa: ARG001 -- checks the loop
    """A listener that responds with 204."""
    async with listening() as opened:
        yield opened


async def started(server: Simulator, url: str, wire_format: str = "json") -> str:
    """Start a refresh with this ``feedback`` URL and return its task id."""
    is_xml = wire_format == "xml"
    async with AltcraftClient(server.url, server.token, format="xml" if is_xml else "json") as one:
        feedback = Feedback(url=url)
        handle = await one.resources.refresh_counters(24, database_id=1, feedback=feedback)
    return handle.ref.task_id


@pytest.mark.looptime
@pytest.mark.parametrize("wire_format", ["json", "xml"])
async def test_call_at_the_end_of_the_task_has_its_status(
    listener: Listener, wire_format: str
) -> None:
    async with Simulator(duration=10.0) as server:
        began = asyncio.get_running_loop().time()
        task_id = await started(server, listener.url, wire_format)
        await asyncio.sleep(20)
        (call,) = listener.calls
        assert call.at - began == pytest.approx(10.0, abs=0.1)
        assert (call.method, call.content_type) == ("POST", "application/json")
        data = call.body["data"]
        assert isinstance(data, dict)
        assert data["status"] == "completed"
        (sent,) = server.webhooks
        assert (sent.task_id, sent.url, sent.status) == (task_id, listener.url, 204)


@pytest.mark.looptime
async def test_failed_task_makes_its_call(listener: Listener) -> None:
    async with Simulator(duration=10.0) as server:
        server.world.fail(await started(server, listener.url))
        await asyncio.sleep(20)
        assert '"failed"' in json.dumps(listener.calls[0].body)


@pytest.mark.looptime
async def test_call_comes_early_late_and_repeatedly(listener: Listener) -> None:
    webhooks = Webhooks(early=True, repeats=1, delay=5.0)
    async with Simulator(duration=10.0, webhooks=webhooks) as server:
        began = asyncio.get_running_loop().time()
        await started(server, listener.url)
        await asyncio.sleep(30)
        moments = [call.at - began for call in listener.calls]
        assert moments == [pytest.approx(at, abs=0.1) for at in (0.0, 15.0, 15.0)]
        assert '"running"' in json.dumps(listener.calls[0].body)


@pytest.mark.looptime
async def test_lost_call_is_never_made(listener: Listener) -> None:
    async with Simulator(duration=1.0, webhooks=Webhooks(lost=1.0)) as server:
        await started(server, listener.url)
        await asyncio.sleep(10)
        assert not listener.calls
        assert not server.webhooks


@pytest.mark.looptime
@pytest.mark.parametrize("duration", [math.inf, 1000.0])
async def test_stopped_simulator_makes_no_call(listener: Listener, duration: float) -> None:
    async with Simulator(duration=duration) as server:
        await started(server, listener.url)
    await asyncio.sleep(2000)
    assert not listener.calls


@pytest.mark.looptime
async def test_forgotten_task_makes_no_call(listener: Listener) -> None:
    async with Simulator(duration=10.0) as server:
        server.world.forget(await started(server, listener.url))
        await asyncio.sleep(20)
        assert not listener.calls


@pytest.mark.looptime
async def test_lost_start_makes_its_call(listener: Listener) -> None:
    async with Simulator(duration=10.0) as server:
        server.misbehave("resources/refresh_counters", Fault.lost_start())
        with pytest.raises(TransportError):
            await started(server, listener.url)
        await asyncio.sleep(20)
        assert len(listener.calls) == 1


@pytest.mark.usefixtures("nothing_left")
async def test_redirect_is_not_followed_and_an_unreachable_url_is_recorded() -> None:
    async with Simulator(duration=0.0) as server:
        async with listening(307) as listener:
            await started(server, listener.url)
            async with asyncio.timeout(30):
                while not server.webhooks:  # noqa: ASYNC110 -- the simulator makes the call
                    await asyncio.sleep(0.005)
            assert len(listener.calls) == 1
        await started(server, listener.url)
        async with asyncio.timeout(30):
            while len(server.webhooks) < 2:  # noqa: ASYNC110 -- the same
                await asyncio.sleep(0.005)
        assert [sent.status for sent in server.webhooks] == [307, None]
