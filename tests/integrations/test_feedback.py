"""Calls of the platform, and of others, to a receiver on a real socket."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.routing import Mount

from altcraft_async import (
    AltcraftClient,
    ConfigurationError,
    Constant,
    Feedback,
    TaskHandle,
    TaskRef,
    WaitTimeoutError,
)
from altcraft_async.integrations._feedback.hints import EARLY_SECONDS, MOST_EARLY, Hints, Key
from altcraft_async.integrations.feedback import BODY_LIMIT, FeedbackReceiver, Received
from altcraft_async.models import CountersReport
from altcraft_async.simulator import Simulator, Webhooks
from tests.conftest import OpenPlatform
from tests.support.web_servers import aiohttp_app, asgi_app

STATUS = "tasks/status"
RARELY = Constant(3600)  # so that a poll within this test comes of a hint
TARGET: Key = ("resource", (24, 1))
PUBLIC = "https://shop.example/hooks"
FOREVER = 30.0

Serve = Callable[[FeedbackReceiver], AbstractAsyncContextManager[str]]


def alone(receiver: FeedbackReceiver) -> AbstractAsyncContextManager[str]:
    """Serve the receiver as the only app of a server."""
    return asgi_app(receiver)


def in_aiohttp(receiver: FeedbackReceiver) -> AbstractAsyncContextManager[str]:
    """Serve the receiver by aiohttp."""
    app = web.Application()
    app.add_routes(receiver.aiohttp_routes())
    return aiohttp_app(app)


class Place(NamedTuple):
    """A receiver on a socket, a platform, a client of it, and somebody who calls."""

    receiver: FeedbackReceiver
    address: str
    server: Simulator
    client: AltcraftClient
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """Where the platform would report of resource 24 in database 1."""
        return self.here(self.receiver.url_for("resource", (24, 1)))

    def here(self, url: str) -> str:
        """Return where a public address leads to."""
        return self.address + urlsplit(url).path

    async def start(self) -> TaskHandle[CountersReport]:
        """Start what the address stands for."""
        return await self.client.resources.refresh_counters(24, database_id=1)

    async def call(self, url: str, method: str = "POST", body: object = b"") -> int:
        """Call an address; return the HTTP status."""
        async with self.session.request(method, url, data=body) as answer:
            await answer.read()
            return answer.status

    @property
    def polls(self) -> int:
        """How often the platform was asked about a task."""
        return self.server.count(STATUS)

    async def until_polled(self, polls: int) -> None:
        """Wait for so many polls in all."""
        async with asyncio.timeout(FOREVER):
            while self.polls < polls:  # noqa: ASYNC110 -- the polls are made elsewhere
                await asyncio.sleep(0.005)


OpenPlace = Callable[..., AbstractAsyncContextManager[Place]]


@pytest.fixture(params=[alone, in_aiohttp])
def place(request: pytest.FixtureRequest, nothing_left: None) -> OpenPlace:  # noqa: ARG001 -- looks after it
    """A receiver behind each kind of server; after it, nothing may be left behind."""
    serve: Serve = request.param

    @asynccontextmanager
    async def opened(
        receiver: FeedbackReceiver | None = None, *, duration: float = math.inf
    ) -> AsyncGenerator[Place, None]:
        receiver = receiver or FeedbackReceiver(PUBLIC, pause=0.2)
        async with (
            Simulator(duration=duration) as server,
            AltcraftClient(server.url, server.token, poll=RARELY) as client,
            aiohttp.ClientSession() as session,
            serve(receiver) as address,
        ):
            yield Place(receiver, address, server, client, session)

    return opened


async def test_call_makes_the_handle_poll_at_once(place: OpenPlace) -> None:
    """The result comes of the poll that the call set off, long before the next one was due."""
    async with place(duration=0.2) as here:
        handle = here.receiver.watch(await here.start())
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(0.3)  # until the task is over at the platform
        assert here.polls == 0
        assert await here.call(here.url) == 204
        async with asyncio.timeout(FOREVER):
            assert (await waiting)["email"].subscribed
        assert here.polls == 1


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GET", b""),
        ("POST", b'{"data": {"status": "completed", "progress": 100, "result": []}, "error": 0}'),
        ("PUT", b"<response><data><status>failed</status></data></response>"),
        ("DELETE", b"\x00\xff of no format"),
    ],
)
async def test_nothing_that_a_call_says_is_believed(
    place: OpenPlace, method: str, body: bytes
) -> None:
    """A forged end ends nothing: only what the platform answers to a poll counts."""
    async with place() as here:
        handle = here.receiver.watch(await here.start())
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(0)
        assert await here.call(here.url, method, body) == 204
        await here.until_polled(1)
        assert not handle.done()
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_call_without_the_right_address_is_not_found_and_changes_nothing(
    place: OpenPlace,
) -> None:
    """Who does not know the secret can neither wake a handle nor find out which there are."""
    async with place() as here:
        handle = here.receiver.watch(await here.start())
        waiting = asyncio.create_task(handle.wait())
        stranger = FeedbackReceiver(PUBLIC)
        forged = [stranger.url_for("resource", (24, 1)), f"{PUBLIC}/resource/24-1/", PUBLIC]
        for url in forged:
            assert await here.call(here.here(url)) == 404
        assert await here.call(here.url[:-1]) == 404
        assert here.polls == 0
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_call_for_what_nobody_waits_for_is_answered_alike(place: OpenPlace) -> None:
    """An address is right or wrong; whether anybody waits is told to nobody."""
    async with place() as here:
        assert await here.call(here.here(here.receiver.url_for("database", (9, 9)))) == 204


async def test_call_that_comes_before_the_start_has_returned_is_not_lost(place: OpenPlace) -> None:
    """It is remembered, and the handle polls as soon as it is watched and awaited."""
    async with place(duration=0.0) as here:
        assert await here.call(here.url) == 204
        handle = here.receiver.watch(await here.start())
        async with asyncio.timeout(FOREVER):
            await handle
        assert here.polls == 1


async def test_repeated_calls_cost_a_poll_a_pause(place: OpenPlace) -> None:
    """Who calls again and again does not make us do the same, and the last call counts."""
    async with place() as here:
        handle = here.receiver.watch(await here.start())
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        for _ in range(50):
            assert await here.call(here.url) == 204
        await here.until_polled(2)
        seconds = asyncio.get_running_loop().time() - began
        assert seconds >= 0.2
        assert here.polls <= 2 + seconds / 0.2
        await asyncio.sleep(0.3)
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_without_any_call_polling_alone_finds_the_end(place: OpenPlace) -> None:
    """Feedback is never relied on."""
    async with place(duration=0.1) as here:
        client = AltcraftClient(here.server.url, here.server.token, poll=Constant(0.05))
        async with client, asyncio.timeout(FOREVER):
            feedback = here.receiver.feedback_for("resource", (24, 1))
            handle = await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
            assert (await here.receiver.watch(handle))["email"].subscribed
        assert not here.server.webhooks


async def test_body_and_the_rest_are_handed_on(place: OpenPlace) -> None:
    """Who wants to see what the platform sends gets it, as it came."""
    got: list[Received] = []
    async with place(FeedbackReceiver(PUBLIC, on_feedback=got.append)) as here:
        headers = {"Content-Type": "application/json"}
        async with here.session.put(here.url, data=b'{"x": 1}', headers=headers) as answer:
            assert answer.status == 204
    (one,) = got
    assert (one.kind, one.target, one.method) == ("resource", (24, 1), "PUT")
    assert (one.content_type, one.body, one.complete) == ("application/json", b'{"x": 1}', True)
    assert abs((datetime.now(UTC) - one.at).total_seconds()) < FOREVER


async def test_body_of_ten_megabytes_is_kept_in_part(place: OpenPlace) -> None:
    """The sender gets its answer, and no more than a megabyte of it stays."""
    got: list[Received] = []
    async with place(FeedbackReceiver(PUBLIC, on_feedback=got.append)) as here:
        assert await here.call(here.url, body=io.BytesIO(bytes(10 * 2**20))) == 204
    assert (len(got[0].body), got[0].complete) == (BODY_LIMIT, False)


async def test_slow_body_is_waited_for_no_longer_than_said(place: OpenPlace) -> None:
    """The handle polls before the body has come, and the call is over in time."""
    got: list[Received] = []
    receiver = FeedbackReceiver(PUBLIC, on_feedback=got.append, body_timeout=0.2)
    async with place(receiver) as here:
        handle = here.receiver.watch(await here.start())
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(0)
        url = urlsplit(here.url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(
            f"POST {url.path} HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nbegun".encode()
        )
        async with asyncio.timeout(FOREVER):
            assert b" 204 " in await reader.readline()
        writer.close()
        await writer.wait_closed()
        assert here.polls == 1
        waiting.cancel()
        await asyncio.wait([waiting])
    assert (got[0].body, got[0].complete) == (b"begun", False)


async def test_sender_that_leaves_in_the_middle_is_no_error(
    place: OpenPlace, caplog: pytest.LogCaptureFixture
) -> None:
    """The poll is made before the body has come; what had come of it is handed on, quietly."""
    heard = asyncio.Event()
    got: list[Received] = []

    def hear(received: Received) -> None:
        got.append(received)
        heard.set()

    async with place(FeedbackReceiver(PUBLIC, on_feedback=hear)) as here:
        url = urlsplit(here.url)
        handle = here.receiver.watch(await here.start())
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(0)
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(
            f"POST {url.path} HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nbegun".encode()
        )
        await here.until_polled(1)
        assert not got
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(FOREVER):
            await heard.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
    assert (got[0].body, got[0].complete) == (b"begun", False)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_body_that_is_not_what_it_says_it_is_is_no_error(
    place: OpenPlace, caplog: pytest.LogCaptureFixture
) -> None:
    """A call is a hint with a broken body, too."""
    got: list[Received] = []
    async with place(FeedbackReceiver(PUBLIC, on_feedback=got.append)) as here:
        headers = {"Content-Encoding": "gzip"}
        async with here.session.post(here.url, data=b"hello", headers=headers) as answer:
            assert answer.status == 204
    assert len(got) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_callback_may_be_a_coroutine_function(place: OpenPlace) -> None:
    """It is awaited before the platform gets its answer."""
    got: list[Received] = []

    async def hear(received: Received) -> None:
        await asyncio.sleep(0)
        got.append(received)

    async with place(FeedbackReceiver(PUBLIC, on_feedback=hear)) as here:
        assert await here.call(here.url) == 204
        assert len(got) == 1


async def test_callback_that_fails_changes_nothing_but_the_log(
    place: OpenPlace, caplog: pytest.LogCaptureFixture
) -> None:
    """The platform is answered, the handle polls, and the log says what failed, not the address."""

    def fail(_: Received) -> None:
        msg = "the user's own mistake"
        raise RuntimeError(msg)

    async with place(FeedbackReceiver(PUBLIC, on_feedback=fail)) as here:
        handle = here.receiver.watch(await here.start())
        waiting = asyncio.create_task(handle.wait())
        await asyncio.sleep(0)
        assert await here.call(here.url) == 204
        await here.until_polled(1)
        signature = here.url.rpartition("/")[2]
        waiting.cancel()
        await asyncio.wait([waiting])
    assert "the user's own mistake" in caplog.text
    assert signature not in caplog.text


@pytest.mark.parametrize("webhooks", [Webhooks(), Webhooks(repeats=3, delay=(0.01, 0.1))])
async def test_pretend_platform_wakes_the_handle(place: OpenPlace, webhooks: Webhooks) -> None:
    """Start, end, call and result, all over real sockets."""
    async with (
        place() as here,
        Simulator(duration=0.3, webhooks=webhooks) as server,
        AltcraftClient(server.url, server.token, poll=RARELY) as client,
    ):
        feedback = Feedback(url=here.url)
        handle = await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
        async with asyncio.timeout(FOREVER):
            report = await here.receiver.watch(handle)
        assert report["email"].subscribed
        assert server.webhooks[0].url == feedback.url
        await asyncio.sleep(0.3)  # the pause after the last call, with its timer


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("where", ["/hooks", "/elsewhere/hooks"])
async def test_receiver_may_be_a_part_of_an_app(where: str) -> None:
    """The end of an address is enough, as a proxy may have changed its beginning."""
    receiver = FeedbackReceiver(PUBLIC)
    path = receiver.url_for("resource", (24, 1)).removeprefix(PUBLIC)
    async with (
        asgi_app(Starlette(routes=[Mount(where, receiver)])) as address,
        aiohttp.ClientSession(address) as session,
    ):
        async with session.post(where + path) as answer:
            assert answer.status == 204
        async with session.post(where + path[:-1]) as answer:
            assert answer.status == 404
    app = web.Application()
    app.add_routes(receiver.aiohttp_routes(f"{where}/"))
    async with (
        aiohttp_app(app) as address,
        aiohttp.ClientSession(address) as session,
        session.post(where + path) as answer,
    ):
        assert answer.status == 204


async def test_websocket_is_refused() -> None:
    """A receiver has nothing to talk about."""
    said: list[object] = []

    async def send(message: object) -> None:
        said.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    await FeedbackReceiver(PUBLIC)({"type": "websocket", "path": "/"}, receive, send)
    assert said == [{"type": "websocket.close"}]


async def test_handle_that_nobody_holds_is_forgotten(nothing_left: None) -> None:  # noqa: ARG001 -- looks after it
    """A receiver does not keep what it watches alive, so that nothing has to be undone."""
    receiver = FeedbackReceiver(PUBLIC)
    async with AltcraftClient("https://example.com", "secret") as client:
        ref = TaskRef(task_id="7f9c", kind="resource", target=(24, 1))
        receiver.watch(client.tasks.attach(ref))
        gc.collect()
        assert not receiver._hints._bells
        assert not receiver._hints._bell_of


async def test_handle_without_feedback_cannot_be_watched(nothing_left: None) -> None:  # noqa: ARG001 -- looks after it
    """Nobody would ever call for it, and who watches it has made a mistake."""
    receiver = FeedbackReceiver(PUBLIC)
    async with AltcraftClient("https://example.com", "secret") as client:
        with pytest.raises(ConfigurationError, match=r"^handle: "):
            receiver.watch(client.tasks.attach("7f9c"))


@pytest.mark.looptime
@pytest.mark.parametrize(("age", "polls"), [(EARLY_SECONDS - 1, 1), (EARLY_SECONDS + 1, 0)])
async def test_early_hint_grows_old(platform: OpenPlatform, age: float, polls: int) -> None:
    """One that came long before the start was about another task."""
    hints = Hints(pause=1.0)
    async with platform(duration=1e6, options={"poll": RARELY}) as (server, client):
        hints.ring(TARGET)
        await asyncio.sleep(age)
        handle = await client.resources.refresh_counters(24, database_id=1)
        hints.watch(TARGET, handle)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=100)
        assert server.count(STATUS) == polls + 1  # the last poll the deadline


@pytest.mark.looptime
async def test_only_the_newest_early_hints_are_remembered() -> None:
    """Many calls for what nobody waits for do not fill the memory."""
    hints = Hints(pause=1.0)
    for number in range(1, MOST_EARLY + 10):
        hints.ring(("resource", (number, 1)))
    assert len(hints._early) == MOST_EARLY
    assert ("resource", (1, 1)) not in hints._early


@pytest.mark.looptime
async def test_hint_while_polls_pause_is_made_up_for(platform: OpenPlatform) -> None:
    """Of several hints the first and the last lead to a poll, a pause apart."""
    hints = Hints(pause=1.0)
    async with platform(duration=1e6, options={"poll": RARELY}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        hints.watch(TARGET, handle)
        waiting = asyncio.create_task(handle.wait())
        for _ in range(20):  # one second of hints
            hints.ring(TARGET)
            await asyncio.sleep(0.05)
        await asyncio.sleep(10)
        _, first, last = server.requests
        assert last.at - first.at == pytest.approx(1.0, abs=0.1)
        waiting.cancel()
        await asyncio.wait([waiting])
