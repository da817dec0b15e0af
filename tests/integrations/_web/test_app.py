"""Web apps on real sockets, visited over HTTP, with the simulator behind them."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple
from unittest.mock import ANY
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from altcraft_async import AltcraftClient, ConfigurationError, Constant, Patience
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.app import MOST_HANDLES, Desk
from altcraft_async.integrations.aiohttp import Altcraft as AltcraftForAiohttp
from altcraft_async.integrations.starlette import Altcraft as AltcraftForStarlette
from altcraft_async.simulator import Fault, Simulator
from altcraft_async.tasks.handle import poller_of
from tests.support.web_servers import aiohttp_app, asgi_app

STATUS = "tasks/status"
FOREVER = 30.0  # for a test that goes wrong
NEVER = 3600.0

Serve = Callable[[AltcraftClient], AbstractAsyncContextManager[tuple[Desk, str]]]


def starlette_with_refresh(altcraft: AltcraftForStarlette) -> Starlette:
    """Make a Starlette app that refreshes resources."""

    async def refresh(request: Request) -> Response:
        number = int(request.path_params["number"])
        handle = await altcraft.client.resources.refresh_counters(number, database_id=1)
        return await altcraft.answer(request, handle)

    route = Route("/resources/{number}", refresh, methods=["POST"])
    app = Starlette(routes=[route], lifespan=altcraft.lifespan)
    altcraft.setup(app)
    return app


@asynccontextmanager
async def starlette_app(
    client: AltcraftClient, *middleware: type[BaseHTTPMiddleware]
) -> AsyncGenerator[tuple[Desk, str], None]:
    """Serve it."""
    altcraft = AltcraftForStarlette(lambda: client, timeout=0.2, ping=0.1)
    app = starlette_with_refresh(altcraft)
    for one in middleware:
        app.add_middleware(one)
    async with asgi_app(app) as url:
        yield altcraft, url


@asynccontextmanager
async def starlette_app_below(
    client: AltcraftClient, path: str = "/below"
) -> AsyncGenerator[tuple[Desk, str], None]:
    """Serve it below another app, which has the lifespan then."""
    altcraft = AltcraftForStarlette(lambda: client, timeout=0.2)
    below = Mount(path, starlette_with_refresh(altcraft))
    async with asgi_app(Starlette(routes=[below], lifespan=altcraft.lifespan)) as url:
        yield altcraft, url


def aiohttp_with_refresh(altcraft: AltcraftForAiohttp) -> web.Application:
    """Make an app of aiohttp's that refreshes resources."""

    async def refresh(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        handle = await altcraft.client.resources.refresh_counters(number, database_id=1)
        return await altcraft.answer(request, handle)

    app = web.Application()
    altcraft.setup(app)
    app.router.add_post("/resources/{number}", refresh)
    return app


@asynccontextmanager
async def app_of_aiohttp(client: AltcraftClient) -> AsyncGenerator[tuple[Desk, str], None]:
    """Serve it."""
    altcraft = AltcraftForAiohttp(lambda: client, timeout=0.2, ping=0.1)
    async with aiohttp_app(aiohttp_with_refresh(altcraft)) as url:
        yield altcraft, url


@asynccontextmanager
async def app_of_aiohttp_below(client: AltcraftClient) -> AsyncGenerator[tuple[Desk, str], None]:
    """Serve it below another app."""
    altcraft = AltcraftForAiohttp(lambda: client, timeout=0.2)
    app = web.Application()
    app.add_subapp("/below", aiohttp_with_refresh(altcraft))
    async with aiohttp_app(app) as url:
        yield altcraft, url


class Got(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401 -- the tests pick it to pieces
        """Read the body as JSON."""
        return json.loads(self.text)


class Site(NamedTuple):
    """A web app, the platform behind it, and a visitor."""

    server: Simulator
    desk: Desk
    url: str
    browser: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **headers: str) -> Got:
        """Ask and read the whole answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.browser.request(method, self.url + path, headers=named) as answer:
            return Got(answer.status, dict(answer.headers), await answer.text())

    async def start(self) -> str:
        """Start a refresh that takes longer than the app waits; return where to pick it up."""
        got = await self.ask("POST", "/resources/24")
        assert got.status == 202, got
        return got.headers["Location"]

    @property
    def polls(self) -> int:
        """How often the platform was asked about a task."""
        return self.server.count(STATUS)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Let the app work until something has happened."""
        async with asyncio.timeout(FOREVER):
            while not happened():  # noqa: ASYNC110 -- what happens is in the app
                await asyncio.sleep(0.005)

    @property
    def quiet(self) -> bool:
        """Whether nobody watches any task."""
        return not any(poller_of(handle).watchers for handle in self.desk._handles.values())


OpenSite = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture(params=[starlette_app, app_of_aiohttp])
def site(request: pytest.FixtureRequest, nothing_left: None) -> OpenSite:  # noqa: ARG001 -- looks after it
    """A site in each framework; after it, nothing may be left behind."""
    serve: Serve = request.param

    @asynccontextmanager
    async def opened(
        *, duration: float = 0.6, poll_every: float = 0.02
    ) -> AsyncGenerator[Site, None]:
        async with Simulator(duration=duration) as server:
            client = AltcraftClient(
                server.url,
                server.token,
                poll=Constant(poll_every),
                polling_patience=Patience(unknown=0.3),
            )
            async with aiohttp.ClientSession() as browser, serve(client) as (desk, url):
                yield Site(server, desk, url, browser)

    return opened


class Event(NamedTuple):
    """A server-sent event, or a comment."""

    name: str
    id: str
    data: Any


def read_events(text: str) -> list[Event]:
    """Read a stream as a browser does."""
    events: list[Event] = []
    for block in text.split("\n\n")[:-1]:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        data = json.loads(fields["data"]) if "data" in fields else None
        events.append(Event(fields.get("event", ""), fields.get("id", ""), data))
    return events


async def test_short_refresh_is_answered_with_its_report(site: OpenSite) -> None:
    """Who starts what is soon over gets the counters at once."""
    async with site(duration=0.05) as here:
        got = await here.ask("POST", "/resources/24")
        assert (got.status, got.json["status"]) == (200, "completed")
        assert got.json["report"]["groups"][0]["channels"]["email"]["subscribed"] > 0
        assert got.headers["Cache-Control"] == "no-store"


async def test_long_refresh_is_answered_with_where_to_pick_it_up(site: OpenSite) -> None:
    """The visitor need not hold the line: the address leads to the same task, started once."""
    async with site() as here:
        got = await here.ask("POST", "/resources/24")
        assert (got.status, got.json["status"], got.json["report"]) == (202, "running", None)
        assert int(got.headers["Retry-After"]) >= 1
        path = got.headers["Location"]
        while (got := await here.ask("GET", path)).status == 202:
            assert got.headers["Location"] == path
        assert got.status == 200
        assert got.json["report"]["groups"][0]["database_id"] == 1
        assert sum(here.server.starts.values()) == 1


async def test_finished_task_is_picked_up_without_a_poll(site: OpenSite) -> None:
    """What is known is not asked for again."""
    async with site(duration=0.3) as here:
        path = await here.start()
        while (got := await here.ask("GET", path)).status == 202:
            pass
        polls = here.polls
        assert await here.ask("GET", path) == got._replace(headers=ANY)
        assert here.polls == polls


async def test_task_of_another_process_is_picked_up(site: OpenSite) -> None:
    """The address says all there is to know, so that any process can answer."""
    async with site(duration=0.05) as here:
        got = await here.ask("POST", "/resources/24")
        here.desk._handles.clear()
        again = await here.ask("GET", f"/tasks/{got.json['task']}")
        assert (again.status, again.json["report"]) == (200, got.json["report"])


async def test_visitor_who_waits_for_less_than_a_pause_gets_there_all_the_same(
    site: OpenSite,
) -> None:
    """Visits of 0.2 s in a row find the end, though a poll is due every second only."""
    async with site(duration=0.3, poll_every=1.0) as here, asyncio.timeout(FOREVER):
        path = await here.start()
        while (got := await here.ask("GET", path)).status == 202:
            pass
        assert got.json["report"]["groups"]


async def test_many_visitors_share_one_poll(site: OpenSite) -> None:
    """Fifty who wait cost no more polls than one."""
    async with site(duration=math.inf, poll_every=0.1) as here:
        path = await here.start()
        polls, began = here.polls, asyncio.get_running_loop().time()
        visits = await asyncio.gather(*(here.ask("GET", path) for _ in range(50)))
        assert {got.status for got in visits} == {202}
        seconds = asyncio.get_running_loop().time() - began
        assert here.polls - polls <= seconds / 0.09 + 2  # pauses are spread over a tenth


async def test_visitor_who_leaves_while_waiting_leaves_nothing_behind(site: OpenSite) -> None:
    """Nobody watches the task any more, and the platform is not asked about it."""
    async with site(duration=math.inf) as here:
        path = await here.start()
        here.desk._timeout = NEVER
        await _comes_and_leaves(here, path)


async def test_visitor_who_leaves_a_stream_leaves_nothing_behind(site: OpenSite) -> None:
    """The stream ends with the connection, and with it the polls."""
    async with site(duration=math.inf) as here:
        path = await here.start()
        here.desk._ping = NEVER  # so that nothing is written that could fail
        await _comes_and_leaves(here, f"{path}/events")


async def _comes_and_leaves(here: Site, path: str) -> None:
    polls = here.polls
    visit = asyncio.create_task(here.ask("GET", path))
    await here.until(lambda: here.polls > polls)
    visit.cancel()
    await asyncio.wait([visit])
    await here.until(lambda: here.quiet)
    polls = here.polls
    await asyncio.sleep(0.2)  # ten polls' time
    assert here.polls <= polls + 1  # one may have been under way


async def test_stream_has_each_change_and_the_report_last(site: OpenSite) -> None:
    """Progress comes as events, and after the report the stream is over."""
    async with site() as here:
        path = await here.start()
        got = await here.ask("GET", f"{path}/events")
        assert got.headers["Content-Type"].startswith("text/event-stream")
        *events, last = (event for event in read_events(got.text) if event.name)
        progress = [event.data["progress"] for event in events]
        assert len(set(progress)) == len(progress) > 1
        assert progress == sorted(progress)
        assert {event.name for event in events} == {"status"}
        assert (last.name, last.id) == ("report", "end")
        assert last.data["report"]["groups"][0]["channels"]["email"]["subscribed"] > 0


async def test_browser_that_reconnects_gets_only_what_is_new(site: OpenSite) -> None:
    """The status that it has is not sent again; after the end there is nothing to connect to."""
    async with site(duration=0.3) as here:
        first = await here.start()
        events = read_events((await here.ask("GET", f"{first}/events")).text)
        again = await here.ask("GET", f"{first}/events", Last_Event_ID=events[-1].id)
        assert (again.status, again.text) == (204, "")
    async with site(duration=math.inf) as here:
        path = await here.start()
        seen = responses.moved_id(responses.shown(here.desk.find(path.removeprefix("/tasks/"))))
        headers = {"Last-Event-ID": seen}
        async with here.browser.get(f"{here.url}{path}/events", headers=headers) as answer:
            assert await answer.content.readuntil(b"\n\n") == responses.PING


async def test_quiet_stream_is_kept_alive(site: OpenSite) -> None:
    """A comment comes while nothing happens, so that no proxy takes the stream for dead."""
    async with site(duration=math.inf) as here:
        path = await here.start()
        async with here.browser.get(f"{here.url}{path}/events") as answer:
            read = b""
            while b": ping\n\n: ping\n\n" not in read:
                read += await answer.content.readany()


async def test_failed_task_ends_the_stream_and_the_visit(site: OpenSite) -> None:
    """The visitor is told that it failed, and that nothing more comes."""
    async with site(duration=0.3) as here:
        path = await here.start()
        here.server.world.fail(path.removeprefix("/tasks/").partition("@")[0])
        last = read_events((await here.ask("GET", f"{path}/events")).text)[-1]
        assert (last.name, last.id, last.data["error"]) == ("failed", "end", "task_failed")
        got = await here.ask("GET", path)
        assert (got.status, got.json["error"]) == (502, "task_failed")


@pytest.mark.parametrize("path", ["/tasks/7f9c", "/tasks/7f9c/events", "/tasks/a%20b@resource:1:1"])
async def test_what_is_no_task_is_refused_without_asking_the_platform(
    site: OpenSite, path: str
) -> None:
    """What comes from outside is checked first."""
    async with site() as here:
        got = await here.ask("GET", path)
        assert (got.status, got.json["error"]) == (400, "bad_request")
        assert not here.server.requests


async def test_task_that_nobody_started_is_not_found(site: OpenSite) -> None:
    """A made-up task is asked about for a while, and then it is none."""
    async with site() as here:
        here.desk._timeout = NEVER
        got = await here.ask("GET", "/tasks/made-up@resource:24:1")
        assert (got.status, got.json["error"]) == (404, "task_lost")


async def test_what_the_platform_refuses_is_told_without_its_words(site: OpenSite) -> None:
    """A visitor learns neither the token nor what the platform said of it."""
    async with site() as here:
        here.server.misbehave(
            "resources/refresh_counters", Fault.refuse(401, f"no access for {here.server.token}")
        )
        got = await here.ask("POST", "/resources/24")
        assert (got.status, got.json["error"]) == (502, "refused")
        assert "access" not in got.text
        assert here.server.token not in got.text
        got = await here.ask("POST", "/resources/9999")
        assert (got.status, got.json["error"]) == (404, "not_found")
        got = await here.ask("POST", "/resources/0")
        assert (got.status, got.json["error"]) == (400, "bad_request")
        assert got.json["message"].startswith("resource_id: ")


async def test_app_that_ends_does_not_wait_for_its_streams(site: OpenSite) -> None:
    """Those who follow a task do not keep the app from ending."""
    async with site(duration=math.inf) as here:
        path = await here.start()
        polls = here.polls
        visit = asyncio.create_task(here.ask("GET", f"{path}/events"))
        await here.until(lambda: here.polls > polls)
        ending = asyncio.get_running_loop().time()
    # The servers of these tests give a second to who does not end by himself.
    assert asyncio.get_running_loop().time() - ending < 3
    await asyncio.wait([visit])


async def test_app_of_aiohttp_tells_those_who_follow_that_it_ends(nothing_left: None) -> None:  # noqa: ARG001 -- looks after it
    """The last event is one after which a browser connects again, to whichever process is next."""
    async with Simulator(duration=math.inf) as server, aiohttp.ClientSession() as browser:
        client = AltcraftClient(server.url, server.token)
        async with app_of_aiohttp(client) as (desk, url):
            here = Site(server, desk, url, browser)
            path = await here.start()
            polls = here.polls
            visit = asyncio.create_task(here.ask("GET", f"{path}/events"))
            await here.until(lambda: here.polls > polls)
        last = read_events((await visit).text)[-1]
        assert (last.name, last.id, last.data["error"]) == ("interrupted", "", "closing")


async def test_app_of_aiohttp_that_cannot_start_says_why(
    nothing_left: None,  # noqa: ARG001 -- looks after it
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end does not hide the error of its beginning."""
    monkeypatch.delenv("ALTCRAFT_URL", raising=False)
    app = web.Application()
    AltcraftForAiohttp().setup(app)
    runner = web.AppRunner(app)
    with pytest.raises(ConfigurationError, match=r"^ALTCRAFT_URL: "):
        await runner.setup()
    await runner.cleanup()


@pytest.mark.usefixtures("nothing_left")
async def test_middleware_between_changes_nothing() -> None:
    """Starlette's own kind of middleware wraps what is sent and received, and is no matter."""
    async with (
        Simulator(duration=math.inf) as server,
        aiohttp.ClientSession() as browser,
        starlette_app(AltcraftClient(server.url, server.token), Between) as (desk, url),
    ):
        here = Site(server, desk, url, browser)
        path = await here.start()
        assert (await here.ask("GET", path)).status == 202
        desk._timeout = NEVER
        await _comes_and_leaves(here, path)
        await _comes_and_leaves(here, f"{path}/events")


class Between(BaseHTTPMiddleware):
    """Stands between a visitor and the app."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Pass on."""
        return await call_next(request)


@pytest.mark.usefixtures("nothing_left")
async def test_app_below_another_says_where_it_is() -> None:
    """The address to ask again is right wherever the app is mounted."""
    for serve in (starlette_app_below, app_of_aiohttp_below):
        async with Simulator(duration=0.4) as server, aiohttp.ClientSession() as browser:
            client = AltcraftClient(server.url, server.token, poll=Constant(0.02))
            async with serve(client) as (desk, url):
                here = Site(server, desk, url, browser)
                got = await here.ask("POST", "/below/resources/24")
                assert got.headers["Location"] == f"/below/tasks/{got.json['task']}"
                while (got := await here.ask("GET", got.headers["Location"])).status == 202:
                    pass
                assert got.status == 200


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("path", ["/bélow", "/下", "/be low", "/100%"])
async def test_app_may_be_below_any_path(path: str) -> None:
    """A header takes ASCII only, whatever the path is that the app is mounted at."""
    async with Simulator(duration=math.inf) as server, aiohttp.ClientSession() as browser:
        client = AltcraftClient(server.url, server.token, poll=Constant(0.02))
        async with starlette_app_below(client, path) as (desk, url):
            here = Site(server, desk, url, browser)
            got = await here.ask("POST", f"{quote(path)}/resources/24")
            assert got.headers["Location"] == f"{quote(path)}/tasks/{got.json['task']}"
            assert (await here.ask("GET", got.headers["Location"])).status == 202


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("root_path", ["/v1", "/v1/"])
async def test_proxy_that_takes_the_beginning_off_is_minded(root_path: str) -> None:
    """What a proxy serves below a path of its own is found there again."""
    async with Simulator(duration=math.inf) as server, aiohttp.ClientSession() as browser:
        altcraft = AltcraftForStarlette(
            lambda: AltcraftClient(server.url, server.token), timeout=0.2
        )
        app = starlette_with_refresh(altcraft)
        async with asgi_app(app, root_path=root_path) as url:
            got = await Site(server, altcraft, url, browser).ask("POST", "/resources/24")
            assert got.headers["Location"] == f"/v1/tasks/{got.json['task']}"


async def test_head_of_a_stream_is_no_stream(site: OpenSite) -> None:
    """Who asks for the headers alone is not kept waiting, and costs no poll."""
    async with site(duration=math.inf) as here:
        path = await here.start()
        await here.until(lambda: here.quiet)
        polls = here.polls
        got = await here.ask("HEAD", f"{path}/events")
        assert (got.status, got.text) == (200, "")
        assert got.headers["Content-Type"].startswith("text/event-stream")
        assert here.polls == polls


def test_client_is_there_while_the_app_runs() -> None:
    """A handler that is called without it is told what is missing."""
    with pytest.raises(ConfigurationError, match=r"^client: is there while the app runs"):
        _ = Desk().client


@pytest.mark.parametrize(
    "tasks", ["tasks", "/tasks/", "/{task}", "", "/a b", "/tâches", "/t%20", "/tasks?", None]
)
def test_path_of_tasks_has_to_be_one(tasks: str) -> None:
    """A path that no route could have is refused when the app is made."""
    with pytest.raises(ConfigurationError, match=r"^tasks:"):
        Desk(tasks=tasks)


@pytest.mark.parametrize("timeout", [0, 0.01, math.inf, "2"])
def test_visits_have_to_be_long_enough_for_a_poll(timeout: float) -> None:
    """Those who always leave before one would ask for ever."""
    with pytest.raises(ConfigurationError, match=r"^timeout: "):
        Desk(timeout=timeout)


async def test_newest_handles_are_kept(site: OpenSite) -> None:
    """Refs that somebody makes up cannot fill the memory."""
    async with site() as here:
        await here.start()  # so that the app runs
        for number in range(MOST_HANDLES + 10):
            here.desk.find(f"{number}@resource:24:1")
        assert len(here.desk._handles) == MOST_HANDLES
