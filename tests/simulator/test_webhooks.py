"""The calls that the pretend platform makes to the addresses in ``feedback``."""

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
from altcraft_async.simulator.messages import Answer, Call
from altcraft_async.simulator.webhooks import Webhook, is_here, wanted
from tests.support.web_servers import aiohttp_app

ACCEPTED = {"data": {"task_id": "7f9c"}, "error": 0, "error_text": "Successful operation"}
HOOK = "http://127.0.0.1:8000/hook"


def start(feedback: object) -> Call:
    """Return a start that asks for feedback."""
    return Call("resources/refresh_counters", "json", {"id": 24, "feedback": feedback})


def test_start_that_names_an_address_wants_to_be_called() -> None:
    """The task is the one of the answer, the address that of the request."""
    call = start({"type": "JSON", "url": HOOK})
    assert wanted(call, Answer(ACCEPTED, "json")) == Webhook("7f9c", HOOK)


@pytest.mark.parametrize(
    ("feedback", "envelope", "code"),
    [
        (None, ACCEPTED, 0),
        ({"type": "JSON", "url": "https://example.com/hook"}, ACCEPTED, 0),
        ({"type": "JSON", "url": HOOK}, {"error": 404}, 404),
        ({"type": "JSON", "url": HOOK}, {"data": [], "error": 0}, 0),
    ],
)
def test_others_do_not(feedback: object, envelope: Mapping[str, object], code: int) -> None:
    """Nobody is called who did not ask, for what did not start, or on another machine."""
    assert wanted(start(feedback), Answer(envelope, "json", code)) is None


@pytest.mark.parametrize(
    ("url", "here"),
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
def test_only_this_machine_is_called(url: str, here: bool) -> None:  # noqa: FBT001 -- a column of a table
    """A pretend platform must never reach out to anybody else."""
    assert is_here(url) is here


def test_losses_repeats_and_delays_are_drawn() -> None:
    """The same dice fall the same way, and the shares are those that were asked for."""
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
def test_what_cannot_be_is_refused(wrong: Callable[[], Webhooks]) -> None:
    """A share, a number and a time."""
    with pytest.raises(ValueError, match=r"lost|repeats|duration"):
        wrong()


class Heard(NamedTuple):
    """What came to an address."""

    method: str
    content_type: str
    body: dict[str, object]
    at: float


class Listener(NamedTuple):
    """An address on this machine, and what came to it."""

    url: str
    heard: list[Heard]


@asynccontextmanager
async def listening(status: int = 204) -> AsyncGenerator[Listener, None]:
    """Listen for calls, and answer all alike."""
    heard: list[Heard] = []

    async def hear(request: web.Request) -> web.Response:
        at = asyncio.get_running_loop().time()
        heard.append(Heard(request.method, request.content_type, await request.json(), at))
        return web.Response(status=status, headers={"Location": str(request.url)})

    app = web.Application()
    app.router.add_route("*", "/hook", hear)
    async with aiohttp_app(app) as address:
        yield Listener(f"{address}/hook", heard)


@pytest.fixture
async def listener(nothing_left: None) -> AsyncGenerator[Listener, None]:  # noqa: ARG001 -- looks after it
    """An address to be called."""
    async with listening() as here:
        yield here


async def started(server: Simulator, url: str, wire_format: str = "json") -> str:
    """Start a task that reports there; return its id."""
    is_xml = wire_format == "xml"
    async with AltcraftClient(server.url, server.token, format="xml" if is_xml else "json") as one:
        feedback = Feedback(url=url)
        handle = await one.resources.refresh_counters(24, database_id=1, feedback=feedback)
    return handle.ref.task_id


@pytest.mark.looptime
@pytest.mark.parametrize("wire_format", ["json", "xml"])
async def test_address_is_called_when_the_task_is_over(
    listener: Listener, wire_format: str
) -> None:
    """One POST, with what ``tasks/status`` says by then."""
    async with Simulator(duration=10.0) as server:
        began = asyncio.get_running_loop().time()
        task_id = await started(server, listener.url, wire_format)
        await asyncio.sleep(20)
        (heard,) = listener.heard
        assert heard.at - began == pytest.approx(10.0, abs=0.1)
        assert (heard.method, heard.content_type) == ("POST", "application/json")
        data = heard.body["data"]
        assert isinstance(data, dict)
        assert data["status"] == "completed"
        (sent,) = server.webhooks
        assert (sent.task_id, sent.url, sent.status) == (task_id, listener.url, 204)


@pytest.mark.looptime
async def test_failed_task_calls_as_well(listener: Listener) -> None:
    """Whoever waits is to hear of every end."""
    async with Simulator(duration=10.0) as server:
        server.world.fail(await started(server, listener.url))
        await asyncio.sleep(20)
        assert '"failed"' in json.dumps(listener.heard[0].body)


@pytest.mark.looptime
async def test_call_can_come_early_late_and_again(listener: Listener) -> None:
    """As platforms do that promise nothing."""
    webhooks = Webhooks(early=True, repeats=1, delay=5.0)
    async with Simulator(duration=10.0, webhooks=webhooks) as server:
        began = asyncio.get_running_loop().time()
        await started(server, listener.url)
        await asyncio.sleep(30)
        moments = [heard.at - began for heard in listener.heard]
        assert moments == [pytest.approx(at, abs=0.1) for at in (0.0, 15.0, 15.0)]
        assert '"running"' in json.dumps(listener.heard[0].body)


@pytest.mark.looptime
async def test_call_can_be_lost(listener: Listener) -> None:
    """And then nobody ever hears of it."""
    async with Simulator(duration=1.0, webhooks=Webhooks(lost=1.0)) as server:
        await started(server, listener.url)
        await asyncio.sleep(10)
        assert not listener.heard
        assert not server.webhooks


@pytest.mark.looptime
@pytest.mark.parametrize("duration", [math.inf, 1000.0])
async def test_platform_that_stops_calls_nobody(listener: Listener, duration: float) -> None:
    """What has not been sent by then is given up, and what never ends is not waited for."""
    async with Simulator(duration=duration) as server:
        await started(server, listener.url)
    await asyncio.sleep(2000)
    assert not listener.heard


@pytest.mark.looptime
async def test_forgotten_task_calls_nobody(listener: Listener) -> None:
    """A platform that does not know a task has nothing to say of it."""
    async with Simulator(duration=10.0) as server:
        server.world.forget(await started(server, listener.url))
        await asyncio.sleep(20)
        assert not listener.heard


@pytest.mark.looptime
async def test_start_whose_answer_is_lost_calls_all_the_same(listener: Listener) -> None:
    """The task runs, whether the caller knows it or not."""
    async with Simulator(duration=10.0) as server:
        server.misbehave("resources/refresh_counters", Fault.lost_start())
        with pytest.raises(TransportError):
            await started(server, listener.url)
        await asyncio.sleep(20)
        assert len(listener.heard) == 1


async def test_redirect_is_not_followed_and_a_deaf_address_is_no_error(nothing_left: None) -> None:  # noqa: ARG001 -- looks after it
    """Whatever the address does, the platform goes on."""
    async with Simulator(duration=0.0) as server:
        async with listening(307) as here:
            await started(server, here.url)
            async with asyncio.timeout(30):
                while not server.webhooks:  # noqa: ASYNC110 -- the call is made elsewhere
                    await asyncio.sleep(0.005)
            assert len(here.heard) == 1
        await started(server, here.url)
        async with asyncio.timeout(30):
            while len(server.webhooks) < 2:  # noqa: ASYNC110 -- the same
                await asyncio.sleep(0.005)
        assert [sent.status for sent in server.webhooks] == [307, None]
