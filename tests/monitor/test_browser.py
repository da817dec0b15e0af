"""The page in a real browser: a run with an outage in it, and ten thousand tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from altcraft_async import (
    AltcraftClient,
    Completed,
    Constant,
    CountersReport,
    Failed,
    ObservedTask,
    TaskRef,
)
from altcraft_async.history import CounterHistory
from altcraft_async.monitor import HistoryMonitor, Monitor
from altcraft_async.monitor.page import MonitorPage
from altcraft_async.simulator import Fault, Simulator
from tests.support.chromium import Page, open_page
from tests.support.counts import row_of

pytestmark = pytest.mark.slow

REFRESHES, IN_FLIGHT, TASKS = 2_000, 200, 10_000
FRAME_SECONDS = 0.1
HOSTILE = "<img src=x onerror='window.broken = 1'>&amp;</td><script>window.broken = 1</script>"
REFUSED = 3  # the target whose start the platform refuses

COUNT_FRAMES = """
window.frames = 0;
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (draw) => ask((at) => { draw(at); window.frames++; });
"""
LISTED = "document.querySelectorAll('#running tbody tr').length"


def tile(title: str) -> str:
    """Return the expression for the text of a tile."""
    return (
        "[...document.querySelectorAll('#tiles div')]"
        f".find((one) => one.firstChild.textContent === {title!r})?.lastChild.textContent"
    )


def text(selector: str) -> str:
    """Return the expression for the text of an element."""
    return f"document.querySelector({selector!r}).textContent"


def tasks(number: int) -> list[ObservedTask]:
    """Make tasks as the observer of a client gets them."""
    now, made = datetime.now(UTC), list[ObservedTask]()
    for target in range(1, number + 1):
        ref = TaskRef(task_id=f"t{target}", kind="resource", target=(target, 1), started_at=now)
        made.append(ObservedTask(ref))
        made[-1].status, made[-1].progress = "running", 0
    return made


async def spent(page: Page) -> float:
    """Return the seconds that the page has taken of a core: scripts, styles and layout."""
    metrics = (await page.send("Performance.getMetrics"))["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


@asynccontextmanager
async def opened(monitor: MonitorPage) -> AsyncGenerator[tuple[Page, str], None]:
    """Serve the page of a monitor, and open it in a browser."""
    async with monitor.serve(port=0) as url, open_page() as page:
        await page.send("Page.addScriptToEvaluateOnNewDocument", source=COUNT_FRAMES)
        await page.open(url)
        await page.until(f"{text('#link')} === 'live'")
        yield page, url
        assert await page.run("window.broken") is None
        assert page.problems == []
        await page.send("Page.navigate", url="about:blank")  # leaves the stream


async def refresh(client: AltcraftClient) -> list[Completed[CountersReport] | Failed]:
    """Refresh all, as a program does."""
    targets = [(number, 1) for number in range(1, REFRESHES + 1)]
    return [one async for one in client.resources.refresh_many(targets, in_flight=IN_FLIGHT)]


async def test_run_with_an_outage_shows_what_happens_before_in_and_after_it() -> None:
    monitor = Monitor(interval=0.2)
    async with (
        Simulator(duration=(0.1, 0.4), resources=REFRESHES) as server,
        AltcraftClient(server.url, server.token, poll=Constant(0.2), observer=monitor) as client,
        opened(monitor) as (page, url),
    ):
        assert await page.run(text("#running .empty")) == "Nothing runs."
        server.misbehave(
            "resources/refresh_counters", Fault.refuse(402, HOSTILE), after=REFUSED - 1
        )
        run = asyncio.create_task(refresh(client))

        await page.until(f"{LISTED} === 100")
        await page.until(f"parseInt({tile('completed')}.replace(',', '')) > 200")
        assert not await page.run("document.querySelector('#bins').hidden")
        assert await page.run("document.querySelector('#alert').hidden")
        assert HOSTILE in await page.run(text("#failed td.wide"))
        assert await page.run(text("#reasons")) == "TariffLimitError: 1"

        server.misbehave_randomly(rate=1.0, faults=[Fault.reset()])
        await page.until("!document.querySelector('#alert').hidden")
        words = await page.run(text("#alert"))
        assert words.startswith("The platform has not answered for ")
        assert "the connection broke" in words or "hung up" in words
        completed = await page.run(tile("completed"))
        await page.until(f"window.frames > {await page.run('window.frames') + 5}")
        assert await page.run(tile("completed")) == completed
        assert not run.done()

        server.misbehave_randomly(rate=0.0, faults=[])
        done = sum(isinstance(one, Completed) for one in await run)
        await page.until("document.querySelector('#alert').hidden")
        await page.until(f"{text('#running .empty')} === 'Nothing runs.'")
        await page.until(f"{tile('completed')} === '{done:,}'")
        assert await page.run(tile("outages")) == "1"
        assert await page.run(tile("failed")) == str(REFRESHES - done)
        assert "email: " in await page.run(text("#arrived td:last-child"))

        async with page.another() as other:
            for one in (other, page):  # a page that is opened again has everything too
                await one.send("Page.bringToFront")  # only a page that is seen draws
                await one.open(url)
                await one.until(f"{tile('completed')} === '{done:,}'")
    assert done >= REFRESHES - 1 - IN_FLIGHT  # what the outage cut off may have arrived


async def test_hostile_name_is_text() -> None:
    monitor = Monitor(name_of=lambda kind, _: f"{HOSTILE} {kind}", interval=0.1)
    running, ended = tasks(2)
    monitor.watched(running)
    monitor.ended(ended, None)
    async with opened(monitor) as (page, _):
        await page.until(f"{LISTED} === 1")
        for table in ("running", "arrived"):
            assert await page.run(text(f"#{table} b")) == f"{HOSTILE} resource"


async def test_history_is_shown_as_a_line_for_each_series() -> None:
    async with CounterHistory(":memory:") as history:
        await history.append(row_of(day, subscribed=900 - day, name=HOSTILE) for day in range(3))
        await history.append([row_of(channel="sms", subscribed=5)])
        async with opened(HistoryMonitor(history, "counters")) as (page, _):
            await page.until("document.querySelectorAll('#lines polyline').length === 2")
            assert await page.run(text("#lines b")) == HOSTILE
            words = await page.run(text("#lines small"))
            assert words == "email: 900, +2 since 29 Jan 2030, 3 counts"
            assert await page.run("document.querySelector('polyline').getAttribute('points')") == (
                "0.00,95.00 50.00,50.00 100.00,5.00"
            )
            assert await page.run("document.querySelector('#running-card').hidden")


async def test_ten_thousand_tasks_do_not_slow_the_page() -> None:
    """The time is what the page takes of a core, so that a busy machine does not matter."""
    monitor = Monitor(interval=0.1)
    running = tasks(TASKS)
    for task in running:
        monitor.watched(task)
    async with opened(monitor) as (page, _):
        await page.until(f"{LISTED} === 100")
        assert await page.run(tile("running")) == "10,000"
        await page.send("Performance.enable", timeDomain="threadTicks")
        before, frames = await spent(page), await page.run("window.frames")
        for step in range(1, 21):
            for task in running:
                task.progress, task.polls = step, step
            monitor.ended(running.pop(0), None)
            await asyncio.sleep(0.05)
        await page.until(f"window.frames >= {frames + 10}")
        frames = await page.run("window.frames") - frames
        seconds = await spent(page) - before
    assert seconds / frames < FRAME_SECONDS
