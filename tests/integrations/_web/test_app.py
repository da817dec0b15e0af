"""What the apps of all web frameworks have in common."""

from __future__ import annotations

import asyncio
import math
from unittest.mock import ANY

import aiohttp
import pytest

from altcraft_async import AltcraftClient, ConfigurationError
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.app import MAX_HANDLES, MAX_POLLED
from altcraft_async.integrations.starlette import Altcraft
from altcraft_async.models.task_words import read_task, task_word
from altcraft_async.simulator import Fault
from tests.support.web_site import NEVER, OpenSite, Site, parse_events

pytestmark = pytest.mark.looptime


async def elsewhere(here: Site, resource_id: int = 24) -> str:
    """Start a refresh as another process does; return the path of its task."""
    async with AltcraftClient(here.server.url, here.server.token) as other:
        handle = await other.resources.refresh_counters(resource_id, database_id=1)
    return f"/tasks/{task_word(handle.ref)}"


async def test_short_refresh_gets_its_report_at_once(site: OpenSite) -> None:
    async with site(duration=0.05) as here:
        reply = await here.request("POST", "/resources/24")
        assert (reply.status, reply.json["status"]) == (200, "completed")
        assert reply.json["report"]["groups"][0]["channels"]["email"]["subscribed"] > 0
        assert reply.headers["Cache-Control"] == "no-store"


async def test_long_refresh_gets_a_path_that_leads_to_the_same_task(site: OpenSite) -> None:
    async with site() as here:
        reply = await here.request("POST", "/resources/24")
        assert (reply.status, reply.json["status"], reply.json["report"]) == (202, "running", None)
        assert int(reply.headers["Retry-After"]) >= 1
        path = reply.headers["Location"]
        while (reply := await here.request("GET", path)).status == 202:
            assert reply.headers["Location"] == path
        assert reply.status == 200
        assert reply.json["report"]["groups"][0]["database_id"] == 1
        assert sum(here.server.starts.values()) == 1


async def test_finished_task_is_returned_without_a_poll(site: OpenSite) -> None:
    async with site(duration=0.3) as here:
        path = await here.start()
        reply = await here.ended(path)
        polls = here.polls
        assert await here.request("GET", path) == reply._replace(headers=ANY)
        assert here.polls == polls


async def test_task_of_another_process_is_found_by_its_path(site: OpenSite) -> None:
    async with site(duration=0.05) as here:
        here.altcraft._timeout = NEVER
        reply = await here.request("POST", "/resources/24")
        here.altcraft._kept.clear()
        again = await here.request("GET", f"/tasks/{reply.json['task']}")
        assert again.status == 200
        assert again.json["report"]["groups"] == reply.json["report"]["groups"]


async def test_requests_shorter_than_the_poll_interval_find_the_end(site: OpenSite) -> None:
    """Requests of 0.2 s in a row, with a poll interval of a second."""
    async with site(duration=0.3, poll_interval=1.0) as here:
        reply = await here.ended(await here.start())
        assert reply.json["report"]["groups"]


async def test_many_browsers_share_the_polls_of_a_task(site: OpenSite) -> None:
    async with site(duration=math.inf, poll_interval=0.1) as here:
        path = await here.start()
        polls, began = here.polls, asyncio.get_running_loop().time()
        replies = await asyncio.gather(*(here.request("GET", path) for _ in range(50)))
        assert {reply.status for reply in replies} == {202}
        seconds = asyncio.get_running_loop().time() - began
        assert here.polls - polls <= seconds / 0.09 + 2  # delays vary by a tenth


async def test_disconnect_during_a_wait_stops_the_polls(site: OpenSite) -> None:
    async with site(duration=math.inf) as here:
        path = await here.start()
        here.altcraft._timeout = NEVER
        await here.disconnect_during(path)


async def test_disconnect_during_a_stream_stops_the_polls(site: OpenSite) -> None:
    async with site(duration=math.inf) as here:
        path = await here.start()
        here.altcraft._ping = NEVER  # so that no write can fail
        await here.disconnect_during(f"{path}/events")


async def test_stream_has_each_change_and_the_report_last(site: OpenSite) -> None:
    async with site() as here:
        path = await here.start()
        reply = await here.request("GET", f"{path}/events")
        assert reply.headers["Content-Type"].startswith("text/event-stream")
        *events, last = (event for event in parse_events(reply.text) if event.name)
        progress = [event.data["progress"] for event in events]
        assert len(set(progress)) == len(progress) > 1
        assert progress == sorted(progress)
        assert {event.name for event in events} == {"status"}
        assert (last.name, last.id) == ("report", "end")
        assert last.data["report"]["groups"][0]["channels"]["email"]["subscribed"] > 0


async def test_reconnect_after_the_end_gets_204(site: OpenSite) -> None:
    async with site(duration=0.3) as here:
        path = await here.start()
        events = parse_events((await here.request("GET", f"{path}/events")).text)
        again = await here.request("GET", f"{path}/events", Last_Event_ID=events[-1].id)
        assert (again.status, again.text) == (204, "")


async def test_reconnect_does_not_get_the_known_status_again(site: OpenSite) -> None:
    async with site(duration=math.inf) as here:
        path = await here.start()
        (handle,) = here.altcraft._kept.values()
        headers = {"Last-Event-ID": responses.status_event_id(responses.view_of(handle, ""))}
        async with here.browser.get(f"{here.url}{path}/events", headers=headers) as response:
            assert await response.content.readuntil(b"\n\n") == responses.PING


async def test_quiet_stream_sends_pings(site: OpenSite) -> None:
    async with site(duration=math.inf) as here:
        path = await here.start()
        async with here.browser.get(f"{here.url}{path}/events") as response:
            read = b""
            while b": ping\n\n: ping\n\n" not in read:
                read += await response.content.readany()


async def test_head_of_a_stream_returns_at_once_without_a_poll(site: OpenSite) -> None:
    async with site(duration=math.inf) as here:
        path = await here.start()
        await here.until(lambda: not here.has_waiters)
        polls = here.polls
        reply = await here.request("HEAD", f"{path}/events")
        assert (reply.status, reply.text) == (200, "")
        assert reply.headers["Content-Type"].startswith("text/event-stream")
        assert here.polls == polls


async def test_failed_task_ends_the_stream_and_the_wait(site: OpenSite) -> None:
    async with site(duration=0.3) as here:
        path = await here.start()
        here.server.world.fail(path.removeprefix("/tasks/").partition("@")[0])
        last = parse_events((await here.request("GET", f"{path}/events")).text)[-1]
        assert (last.name, last.id, last.data["error"]) == ("failed", "end", "task_failed")
        reply = await here.request("GET", path)
        assert (reply.status, reply.json["error"]) == (502, "task_failed")


@pytest.mark.parametrize("path", ["/tasks/7f9c", "/tasks/7f9c/events", "/tasks/a%20b@resource:1:1"])
async def test_malformed_task_is_refused_without_a_request(site: OpenSite, path: str) -> None:
    async with site() as here:
        reply = await here.request("GET", path)
        assert (reply.status, reply.json["error"]) == (400, "bad_request")
        assert not here.server.requests


@pytest.mark.parametrize("suffix", ["", "/events"])
async def test_unknown_task_costs_one_poll_and_is_remembered(site: OpenSite, suffix: str) -> None:
    async with site() as here:
        here.altcraft._timeout = NEVER
        path = "/tasks/made-up@resource:24:1"
        replies = await asyncio.gather(*(here.request("GET", path + suffix) for _ in range(20)))
        assert {reply.status for reply in replies} == ({200} if suffix else {404})
        assert all('"task_lost"' in reply.text for reply in replies)
        again = await here.request("GET", path + suffix)
        assert (again.status, again.json["error"]) == (404, "task_lost")
        assert here.polls == 1


async def test_task_that_the_platform_comes_to_know_is_found_later(site: OpenSite) -> None:
    async with site(duration=0.05) as here:
        here.altcraft._timeout = NEVER
        here.server.misbehave("tasks/status", Fault.unknown_task())
        path = await elsewhere(here)
        assert (await here.request("GET", path)).status == 404
        here.altcraft._unknown.update(dict.fromkeys(here.altcraft._unknown, 0.0))  # time is over
        assert (await here.request("GET", path)).status == 200


@pytest.mark.parametrize("target", ["resource:77777:1", "resource:24:2", "database:24:1"])
async def test_task_of_the_app_is_not_found_under_another_target(
    site: OpenSite, target: str
) -> None:
    async with site(duration=0.3) as here:
        path = await here.start()
        await here.ended(path)
        polls = here.polls
        for suffix in ("", "/events"):
            reply = await here.request("GET", f"{path.partition('@')[0]}@{target}{suffix}")
            assert (reply.status, reply.json["error"]) == (404, "task_lost")
        assert here.polls == polls


async def test_streams_of_one_task_under_many_targets_are_one_series_of_polls(
    site: OpenSite,
) -> None:
    async with site(duration=math.inf, poll_interval=0.2) as here:
        path = await elsewhere(here)
        task = path.partition("@")[0]
        watched = asyncio.create_task(here.request("GET", f"{path}/events"))
        await here.until(lambda: here.polls > 0)
        paths = [f"{task}@resource:{number}:1/events" for number in range(100, 130)]
        replies = await asyncio.gather(*(here.request("GET", other) for other in paths))
        assert {reply.status for reply in replies} == {404}
        assert here.polls <= 3
        watched.cancel()
        await asyncio.wait([watched])


async def test_only_so_many_tasks_of_addresses_are_polled_at_once(site: OpenSite) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        site(duration=math.inf, poll_interval=60) as here,
        aiohttp.ClientSession(connector=connector) as browsers,
    ):
        path = await here.start()
        async with AltcraftClient(here.server.url, here.server.token) as other:
            numbers = range(1, MAX_POLLED + 2)
            tasks = [await other.resources.refresh_counters(one, database_id=1) for one in numbers]
        first, *others = [f"/tasks/{task_word(task.ref)}" for task in tasks]
        crowd = here._replace(browser=browsers)
        requests = [asyncio.create_task(crowd.request("GET", f"{one}/events")) for one in others]
        await here.until(lambda: len(here.altcraft._polled) == MAX_POLLED)
        refused = await here.request("GET", first)
        assert (refused.status, refused.json["error"]) == (503, "busy")
        assert int(refused.headers["Retry-After"]) >= 1
        stream = parse_events((await here.request("GET", f"{first}/events")).text)[-1]
        assert (stream.name, stream.id, stream.data["error"]) == ("interrupted", "", "busy")
        assert (await here.request("GET", path)).status == 202  # of the app
        for request in requests:
            request.cancel()
        await asyncio.wait(requests)
        await here.until(lambda: not here.altcraft._polled)
        assert (await here.request("GET", first)).status == 202


async def test_first_poll_of_an_address_that_fails_ends_no_stream(site: OpenSite) -> None:
    async with site(duration=0.05) as here:
        here.server.misbehave("tasks/status", Fault.status(503), times=2)
        reply = await here.request("GET", f"{await elsewhere(here)}/events")
        assert parse_events(reply.text)[-1].name == "report"


async def test_refusal_is_reported_without_the_platforms_text(site: OpenSite) -> None:
    async with site() as here:
        here.server.misbehave(
            "resources/refresh_counters", Fault.refuse(401, f"no access for {here.server.token}")
        )
        reply = await here.request("POST", "/resources/24")
        assert (reply.status, reply.json["error"]) == (502, "refused")
        assert "access" not in reply.text
        assert here.server.token not in reply.text
        reply = await here.request("POST", "/resources/9999")
        assert (reply.status, reply.json["error"]) == (404, "not_found")
        reply = await here.request("POST", "/resources/0")
        assert (reply.status, reply.json["error"]) == (400, "bad_request")
        assert reply.json["message"].startswith("resource_id: ")


async def test_mistake_of_the_program_is_a_500_and_a_record_with_its_cause(
    site: OpenSite, caplog: pytest.LogCaptureFixture
) -> None:
    async with site() as here:
        await here.start()  # so that the app runs
        # As in a sub-app whose lifespan nobody runs.
        here.altcraft._client, kept = None, here.altcraft._client
        reply = await here.request("POST", "/resources/24")
        here.altcraft._client = kept
    assert (reply.status, reply.json["error"]) == (500, "error")
    assert "lifespan" not in reply.text
    (record,) = (one for one in caplog.records if one.name == "altcraft_async")
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert "needs the lifespan" in str(record.exc_info[1])
    assert record.exc_info[2] is not None


@pytest.mark.parametrize("path", ["/resources/0", "/tasks/7f9c", "/tasks/a%20b@resource:24:1"])
async def test_mistake_of_the_browser_is_a_400_and_no_record(
    site: OpenSite, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    async with site() as here:
        reply = await here.request("POST" if "resources" in path else "GET", path)
    assert (reply.status, reply.json["error"]) == (400, "bad_request")
    assert [one for one in caplog.records if one.name == "altcraft_async"] == []


async def test_shutdown_does_not_wait_for_streams(site: OpenSite) -> None:
    async with site(duration=math.inf) as here:
        path = await here.start()
        polls = here.polls
        request = asyncio.create_task(here.request("GET", f"{path}/events"))
        await here.until(lambda: here.polls > polls)
        began = asyncio.get_running_loop().time()
    # The servers of these tests cut a connection after a second.
    assert asyncio.get_running_loop().time() - began < 3
    request.cancel()
    await asyncio.wait([request])


async def test_only_the_newest_handles_are_kept_and_addresses_push_out_none_of_the_app(
    site: OpenSite,
) -> None:
    async with site() as here:
        await here.start()  # so that the app runs
        for number in range(MAX_HANDLES + 10):
            here.altcraft.find_task(read_task(f"{number}@resource:24:1"))
        assert len(here.altcraft._found) == MAX_HANDLES
        assert len(here.altcraft._kept) == 1


def test_client_of_an_app_that_does_not_run_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"^client: exists while the app runs"):
        _ = Altcraft().client


@pytest.mark.parametrize(
    "tasks",
    [
        "tasks",
        "/tasks/",
        "/{task}",
        "",
        "/a b",
        "/tâches",
        "/t%20",
        "/tasks?",
        None,
        "/./tasks",
        "/a/..",
    ],
)
def test_path_that_no_route_can_have_is_refused(tasks: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^tasks:"):
        Altcraft(tasks=tasks)


@pytest.mark.parametrize("timeout", [0, 0.01, math.inf, "2"])
def test_timeout_too_short_for_a_poll_is_refused(timeout: float) -> None:
    with pytest.raises(ConfigurationError, match=r"^timeout: "):
        Altcraft(timeout=timeout)
