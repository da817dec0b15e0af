"""Calls to a `FeedbackReceiver`: which handles they poll, and what they cannot do."""

from __future__ import annotations

import asyncio
import gc

import aiohttp
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.routing import Mount

from altcraft_async import AltcraftClient, ConfigurationError, Constant, Feedback, TaskRef
from altcraft_async.integrations.feedback import FeedbackReceiver
from altcraft_async.simulator import Simulator, Webhooks
from tests.support.feedback_site import PUBLIC_URL, RARELY, TIMEOUT, OpenFeedbackSite
from tests.support.web_servers import aiohttp_app, asgi_app

pytestmark = pytest.mark.looptime


async def test_call_polls_the_task_at_once(feedback: OpenFeedbackSite) -> None:
    async with feedback(duration=0.2) as here, here.waiting() as waiting:
        await asyncio.sleep(0.3)  # until the task has ended at the platform
        assert here.polls == 0
        assert await here.call(here.url) == 204
        async with asyncio.timeout(TIMEOUT):
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
async def test_body_of_a_call_is_not_trusted(
    feedback: OpenFeedbackSite, method: str, body: bytes
) -> None:
    """A forged end does not end the wait."""
    async with feedback() as here, here.waiting() as waiting:
        assert await here.call(here.url, method, body) == 204
        await here.until_polled(1)
        assert not waiting.done()


async def test_call_to_a_wrong_url_gets_404_and_no_poll(feedback: OpenFeedbackSite) -> None:
    async with feedback() as here, here.waiting():
        forger = FeedbackReceiver(PUBLIC_URL)
        forged = [
            forger.url_for("resource", (24, 1)),
            f"{PUBLIC_URL}/resource/24-1/",
            PUBLIC_URL,
        ]
        for url in forged:
            assert await here.call(here.local(url)) == 404
        assert await here.call(here.url[:-1]) == 404
        assert here.polls == 0


async def test_response_does_not_show_whether_a_handle_is_watched(
    feedback: OpenFeedbackSite,
) -> None:
    async with feedback() as here:
        assert await here.call(here.local(here.receiver.url_for("database", (9, 9)))) == 204


async def test_call_before_the_start_has_returned_is_kept(feedback: OpenFeedbackSite) -> None:
    async with feedback(duration=0.0) as here:
        assert await here.call(here.url) == 204
        handle = await here.start()
        async with asyncio.timeout(TIMEOUT):
            await handle
        assert here.polls == 1


async def test_repeated_calls_cost_one_poll_per_interval(feedback: OpenFeedbackSite) -> None:
    async with feedback() as here, here.waiting():
        began = asyncio.get_running_loop().time()
        for _ in range(50):
            assert await here.call(here.url) == 204
        await here.until_polled(2)
        seconds = asyncio.get_running_loop().time() - began
        assert seconds >= 0.2
        assert here.polls <= 2 + seconds / 0.2
        await asyncio.sleep(0.3)


async def test_task_ends_without_any_call(feedback: OpenFeedbackSite) -> None:
    async with feedback(duration=0.1) as here:
        client = AltcraftClient(here.server.url, here.server.token, poll=Constant(0.05))
        async with client, asyncio.timeout(TIMEOUT):
            argument = here.receiver.feedback_for("resource", (24, 1))
            handle = await client.resources.refresh_counters(24, database_id=1, feedback=argument)
            assert (await here.receiver.watch(handle))["email"].subscribed
        assert not here.server.webhooks


@pytest.mark.parametrize("webhooks", [Webhooks(), Webhooks(repeats=3, delay=(0.01, 0.1))])
async def test_call_of_the_simulator_ends_the_wait(
    feedback: OpenFeedbackSite, webhooks: Webhooks
) -> None:
    async with (
        feedback() as here,
        Simulator(duration=0.3, webhooks=webhooks) as server,
        AltcraftClient(server.url, server.token, poll=RARELY) as client,
    ):
        argument = Feedback(url=here.url)
        handle = await client.resources.refresh_counters(24, database_id=1, feedback=argument)
        async with asyncio.timeout(TIMEOUT):
            report = await here.receiver.watch(handle)
        assert report["email"].subscribed
        assert server.webhooks[0].url == argument.url
        await asyncio.sleep(0.3)  # the interval after the last call, with its timer


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("path", ["/hooks", "/elsewhere/hooks"])
async def test_receiver_works_below_any_path(path: str) -> None:
    receiver = FeedbackReceiver(PUBLIC_URL)
    end = receiver.url_for("resource", (24, 1)).removeprefix(PUBLIC_URL)
    async with (
        asgi_app(Starlette(routes=[Mount(path, receiver)])) as base,
        aiohttp.ClientSession(base) as session,
    ):
        async with session.post(path + end) as response:
            assert response.status == 204
        async with session.post(path + end[:-1]) as response:
            assert response.status == 404
    app = web.Application()
    app.add_routes(receiver.aiohttp_routes(f"{path}/"))
    async with (
        aiohttp_app(app) as base,
        aiohttp.ClientSession(base) as session,
        session.post(path + end) as response,
    ):
        assert response.status == 204


async def test_websocket_is_refused() -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    await FeedbackReceiver(PUBLIC_URL)({"type": "websocket", "path": "/"}, receive, send)
    assert sent == [{"type": "websocket.close"}]


@pytest.mark.usefixtures("nothing_left")
async def test_watched_handle_is_not_kept_alive() -> None:
    receiver = FeedbackReceiver(PUBLIC_URL)
    async with AltcraftClient("https://example.com", "secret") as client:
        ref = TaskRef(task_id="7f9c", kind="resource", target=(24, 1))
        receiver.watch(client.tasks.attach(ref))
        gc.collect()
        assert not receiver._hints._groups
        assert not receiver._hints._group_of


@pytest.mark.usefixtures("nothing_left")
async def test_handle_without_feedback_cannot_be_watched() -> None:
    receiver = FeedbackReceiver(PUBLIC_URL)
    async with AltcraftClient("https://example.com", "secret") as client:
        with pytest.raises(ConfigurationError, match=r"^handle: "):
            receiver.watch(client.tasks.attach("7f9c"))
