"""Lists yield each row of all pages once, and resume after a failed page."""

from __future__ import annotations

import asyncio
import itertools
import json
import tracemalloc
from operator import attrgetter

import pytest

from altcraft_async import ConfigurationError, Pages, Resource, ServerError
from tests.support.api_calls import client_of
from tests.support.scripted_server import Received, ScriptedServer, Step, answer

UNAVAILABLE = answer("", status="503 Service Unavailable")


def page(*ids: int, cursor: int | None = None, total: int | None = None) -> Step:
    """Return an answer with these rows."""
    data = [{"id": one, "name": f"Resource {one}"} for one in ids]
    siblings = {"next_from_id": cursor, "total_count": total}
    return answer(json.dumps({"data": data, "error": 0, "error_text": "", **siblings}))


def cursors_of(server: ScriptedServer) -> list[int]:
    """Return the from_id of every request."""
    return [json.loads(request.body)["from_id"] for request in server.received]


async def ids_of(pages: Pages[Resource]) -> list[int]:
    """Return the ids of all rows."""
    return [row.id async for row in pages]


async def gather_into(found: list[int], pages: Pages[Resource]) -> None:
    """Append ids as they come, so that those before an error are kept."""
    async for row in pages:
        found.append(row.id)  # noqa: PERF401 -- what came before an error has to stay


@pytest.mark.parametrize(
    ("steps", "ids", "requests"),
    [
        ([page()], [], [1]),
        ([page(total=0, cursor=0)], [], [1]),
        ([page(3, cursor=4, total=1), page(cursor=4, total=1)], [3], [1, 4]),
        ([page(1, 2, cursor=6), page(6, 7, cursor=9), page(cursor=9)], [1, 2, 6, 7], [1, 6, 9]),
        ([page(1, 2, cursor=2, total=2), page(2, cursor=2, total=2)], [1, 2], [1, 2]),
        ([page(1, 2, cursor=2), page(2, 3, cursor=3), page(3, cursor=3)], [1, 2, 3], [1, 2, 3]),
        ([page(1, 2, cursor=1)], [1, 2], [1]),
        ([page(1, 2, cursor=0)], [1, 2], [1]),
        ([page(1, 2)], [1, 2], [1]),
        ([page(1, 2, cursor=3), page(1, 2, cursor=4), page(5, cursor=4)], [1, 2, 5], [1, 3, 4]),
    ],
    ids=[
        "nothing",
        "nothing, with siblings",
        "an id after the page, then an empty page",
        "the next row, then an empty page",
        "the last row, which comes again",
        "the last row, over three pages",
        "a cursor that does not advance",
        "a cursor that goes back",
        "no cursor",
        "a repeated page",
    ],
)
async def test_rows_of_all_pages_come_once(
    steps: list[Step], ids: list[int], requests: list[int], server: ScriptedServer
) -> None:
    """An empty page, or a cursor that does not advance, ends the list."""
    server.script(*steps)
    async with client_of(server.url) as client:
        assert await ids_of(client.resources.list()) == ids
    assert cursors_of(server) == requests


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_small_pages_lose_nothing(limit: int, server: ScriptedServer) -> None:
    """The cursor is the last row here, so a page of one row does not advance."""

    def last_row(request: Received) -> Step:
        first = json.loads(request.body)["from_id"]
        rows = [one for one in range(1, 8) if one >= first][:limit]
        return page(*rows, cursor=rows[-1] if rows else 0, total=7)

    server.otherwise = last_row
    async with client_of(server.url) as client:
        assert await ids_of(client.resources.list(limit=limit)) == list(range(1, 8))


async def test_failed_page_is_asked_for_again(server: ScriptedServer) -> None:
    server.script(page(1, 2, cursor=3), *[UNAVAILABLE] * 3, page(3, cursor=4), page())
    async with client_of(server.url) as client:
        pages = client.resources.list()
        found: list[int] = []
        with pytest.raises(ServerError, match=r"^resources/list: "):
            await gather_into(found, pages)
        assert found == [1, 2]
        assert await ids_of(pages) == [3]
    assert cursors_of(server) == [1, 3, 3, 3, 3, 4]


async def test_cancelled_page_is_asked_for_again(server: ScriptedServer) -> None:
    server.script(Step(then="hang"), page(1))
    async with client_of(server.url) as client:
        pages = client.resources.list()
        waiting = asyncio.ensure_future(anext(pages))
        await server.has_received(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await ids_of(pages) == [1]


async def test_tasks_that_share_a_list_get_each_row_once(server: ScriptedServer) -> None:
    server.script(page(1, 2, 3, cursor=4), page(4, 5, cursor=6), page())
    async with client_of(server.url) as client:
        pages = client.resources.list()
        found = await asyncio.gather(*(ids_of(pages) for _ in range(4)))
    assert sorted(itertools.chain(*found)) == [1, 2, 3, 4, 5]
    assert cursors_of(server) == [1, 4, 6]


async def test_nothing_is_sent_before_a_row_is_wanted(server: ScriptedServer) -> None:
    async with client_of(server.url) as client:
        pages = client.resources.list(from_id=5)
        assert (pages.total, server.received) == (None, [])
        assert repr(pages) == "<Pages of resources/list: 0 rows read, from_id=5>"
        server.script(page(7, 8, cursor=9, total=2))
        assert (await anext(pages)).id == 7
        assert (pages.total, len(server.received)) == (2, 1)
        assert repr(pages) == "<Pages of resources/list: 2 rows read, from_id=9>"
        server.script(page(total=2))
        assert await ids_of(pages) == [8]
        assert repr(pages) == "<Pages of resources/list: 2 rows read, over>"


async def test_list_that_is_over_asks_no_more(server: ScriptedServer) -> None:
    server.script(page())
    async with client_of(server.url) as client:
        pages = client.resources.list()
        assert await ids_of(pages) == await ids_of(pages) == []
    assert len(server.received) == 1


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_rows(server: ScriptedServer) -> None:
    """Each page repeats a row here."""

    def endless(request: Received) -> Step:
        server.received.clear()
        first = json.loads(request.body)["from_id"]
        return page(*range(first, first + 100), cursor=first + 99)

    server.otherwise = endless
    async with client_of(server.url) as client:
        pages = client.resources.list()
        tracemalloc.start()
        try:
            sizes: list[int] = []
            async for row in pages:
                if row.id % 1_000 == 0:
                    sizes.append(tracemalloc.get_traced_memory()[0])
                if len(sizes) == 10:
                    break
        finally:
            tracemalloc.stop()
    assert max(sizes[2:]) < sizes[1] + 50_000  # less than a thousand rows need


@pytest.mark.parametrize("method", ["resources.list", "databases.list", "segments.list"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from_id", 0),
        ("from_id", None),
        ("limit", 0),
        ("limit", "10"),
        ("groups", "branch"),
        ("groups", []),
        ("groups", ["branch", ""]),
        ("groups", 5),
        ("groups_id", [1, 0]),
        ("groups_id", 1),
        ("groups_id", {1: 2}),
    ],
)
async def test_wrong_argument_is_refused_by_the_call(
    method: str, name: str, value: object, server: ScriptedServer
) -> None:
    async with client_of(server.url) as client:
        with pytest.raises(ConfigurationError, match=rf"^{name}:"):
            attrgetter(method)(client)(**{name: value})


@pytest.mark.parametrize("tags", ["own", [], [5], {"own": 1}])
async def test_wrong_tags_are_refused_by_the_call(tags: list[str], server: ScriptedServer) -> None:
    async with client_of(server.url) as client:
        for listed in (client.databases.list, client.segments.list):
            with pytest.raises(ConfigurationError, match=r"^tags:"):
                listed(tags=tags)
