"""The three lists over HTTP in both formats, and the pure cutting of pages."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.simulator import Fault, Simulator
from altcraft_async.simulator.codec import Format
from altcraft_async.simulator.installation import Cursor
from altcraft_async.simulator.lists import Page, cut_page
from tests.support.simulator_caller import Ask, AskIn, Reply

LISTS = ["resources/list", "databases/list", "segments/list"]


async def pages(ask: Ask, server: Simulator, method: str, **values: object) -> list[Reply]:
    """Read pages until one is empty or its cursor does not advance, as callers must."""
    replies = [await ask(server, method, **values)]
    from_id = 1
    while replies[-1].ids and (cursor := int(replies[-1].value["next_from_id"])) > from_id:
        from_id = cursor
        replies.append(await ask(server, method, from_id=from_id, **values))
    return replies


@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize("cursor", [None, "next_id", "next_row", "last_row"])
async def test_list_can_be_read_to_its_end(ask: Ask, method: str, cursor: Cursor | None) -> None:
    ids = [*range(1, 8), 12, 13, 40]
    async with Simulator(resources=ids, databases=ids, segments=ids, cursor=cursor) as server:
        replies = await pages(ask, server, method, limit=4)
    assert list(dict.fromkeys(row for page in replies for row in page.ids)) == ids
    assert {page.value["total_count"] for page in replies} == {"10"}
    repeats = sum(len(page.ids) for page in replies) - len(ids)
    is_last_row = (cursor or {"segments/list": "last_row"}.get(method)) == "last_row"
    assert (repeats > 0, bool(replies[-1].ids)) == (is_last_row, is_last_row)


async def test_cursor_of_resources_is_the_next_object_as_in_the_sample(ask: Ask) -> None:
    """Row 1, next 4, total 1."""
    world = Simulator().world
    group = world.resource(1).groups[0].name
    outside = next(i for i in range(4, 99) if group not in str(world.resource(i).groups))
    async with Simulator(resources=[1, outside]) as server:
        reply = await ask(server, "resources/list", groups=[group])
        assert (reply.ids, reply.value["total_count"]) == ([1], "1")
        assert reply.value["next_from_id"] == str(outside)
        assert not (await ask(server, "resources/list", groups=[group], from_id=outside)).rows


async def test_cursor_of_databases_is_the_next_row_as_in_the_sample(ask: Ask) -> None:
    """Rows 1 and 2, next 6, total 4."""
    async with Simulator(databases=[1, 2, 6, 9]) as server:
        page = await ask(server, "databases/list", limit=2)
        rest = await ask(server, "databases/list", limit=2, from_id=6)
    assert (page.ids, page.value["next_from_id"], page.value["total_count"]) == ([1, 2], "6", "4")
    assert (rest.ids, rest.value["next_from_id"]) == ([6, 9], "10")


async def test_cursor_of_databases_skips_filtered_databases(ask: Ask) -> None:
    async with Simulator() as server:
        first, second, *_ = (await ask(server, "databases/list", groups=["branch"])).ids
        reply = await ask(server, "databases/list", groups=["branch"], limit=1)
    assert second > first + 1
    assert (reply.ids, reply.value["next_from_id"]) == ([first], str(second))


async def test_cursor_of_segments_is_the_last_row_as_in_the_sample(ask: Ask) -> None:
    """Rows 1 and 2, next 2, total 2."""
    async with Simulator(segments=2) as server:
        page = await ask(server, "segments/list")
        again = await ask(server, "segments/list", from_id=2)
    assert (page.ids, page.value["next_from_id"], page.value["total_count"]) == ([1, 2], "2", "2")
    assert (again.ids, again.value["next_from_id"]) == ([2], "2")


@pytest.mark.parametrize("method", LISTS)
async def test_first_thousand_rows_come_by_default(ask: Ask, method: str) -> None:
    async with Simulator(resources=1001, databases=1001, segments=1001) as server:
        assert (await ask(server, method)).ids == list(range(1, 1001))


@pytest.mark.parametrize("method", LISTS)
async def test_list_without_objects_is_an_empty_page(ask: Ask, method: str) -> None:
    async with Simulator(resources=0, databases=0, segments=0) as server:
        reply = await ask(server, method)
    assert (reply.error, reply.rows, reply.value["total_count"]) == (0, [], "0")
    assert reply.value["next_from_id"] == "1"


async def test_rows_of_resources_have_groups_in_lower_case(ask_in: AskIn) -> None:
    async with Simulator() as server:
        reply = json.loads((await ask_in(server, "json", "resources/list", limit=50)).body)
    assert set(reply) == {"data", "error", "error_text", "next_from_id", "total_count"}
    assert {tuple(row) for row in reply["data"]} == {("id", "name", "groups")}
    groups = [group for row in reply["data"] for group in row["groups"]]
    assert {tuple(group) for group in groups} == {("id", "name")}
    assert [] in [row["groups"] for row in reply["data"]]


@pytest.mark.parametrize("method", ["databases/list", "segments/list"])
async def test_rows_of_databases_and_segments_have_capitalized_groups_and_tags(
    ask_in: AskIn, method: str
) -> None:
    async with Simulator() as server:
        reply = json.loads((await ask_in(server, "json", method, limit=50)).body)
    assert {tuple(row) for row in reply["data"]} == {("id", "name", "ui_tags", "Groups")}
    groups = [group for row in reply["data"] for group in row["Groups"]]
    assert {tuple(group) for group in groups} == {("Id", "Name")}
    assert {len(row["ui_tags"]) for row in reply["data"]} == {0, 1, 2, 3}
    assert {len(row["Groups"]) for row in reply["data"]} == {0, 1, 2}


@pytest.mark.parametrize("method", LISTS)
async def test_rows_are_the_same_in_either_format(ask_in: AskIn, method: str) -> None:
    async with Simulator() as server:
        in_json = await ask_in(server, "json", method)
        in_xml = await ask_in(server, "xml", method)
    assert in_json.value == in_xml.value
    assert any("&" in row["name"] or ">" in row["name"] for row in in_xml.rows)
    assert any(not row["name"].isascii() for row in in_xml.rows)


async def test_list_in_xml_has_a_declaration_and_other_responses_have_none(
    ask_in: AskIn,
) -> None:
    async with Simulator() as server:
        listed = await ask_in(server, "xml", "databases/list/")
        single = await ask_in(server, "xml", "databases/get/", id=1)
    assert listed.body.startswith(b'<?xml version="1.0" encoding="UTF-8" ?>\n<xml><data><id>1</id>')
    assert not listed.body.isascii()
    assert single.body.startswith(b"<xml><data><id>1</id>")


async def test_empty_list_in_xml_is_an_empty_element(ask_in: AskIn) -> None:
    async with Simulator(databases=99) as server:
        rows = (await ask_in(server, "xml", "databases/list")).body
        none = (await ask_in(server, "xml", "databases/list", from_id=100)).body
    assert b"<ui_tags />" in rows
    assert b"<data />" in none


@pytest.mark.parametrize("kind", ["resource", "database", "segment"])
async def test_groups_filter_rows_by_name_and_id(ask: Ask, kind: str) -> None:
    """A row matches any of the names and any of the ids."""
    async with Simulator(resources=60, databases=60, segments=60) as server:
        find, method = getattr(server.world, kind), f"{kind}s/list"
        groups = {i: {group.id for group in find(i).groups} for i in range(1, 61)}
        by_name = await ask(server, method, groups=["branch"])
        by_ids = await ask(server, method, groups_id=[1, 2])
        by_both = await ask(server, method, groups=["branch"], groups_id=[2])
    assert by_name.ids == [i for i, held in groups.items() if 1 in held] != []
    assert by_ids.ids == [i for i, held in groups.items() if held & {1, 2}]
    assert by_both.ids == [i for i, held in groups.items() if held == {1, 2}] != []
    assert by_name.value["total_count"] == str(len(by_name.ids))


@pytest.mark.parametrize("kind", ["database", "segment"])
async def test_tags_filter_rows_together_with_groups(ask: Ask, kind: str) -> None:
    async with Simulator(databases=60, segments=60) as server:
        find = getattr(server.world, kind)
        rows = {i: find(i) for i in range(1, 61)}
        tagged = await ask(server, f"{kind}s/list", ui_tags=["R&D", "vip"])
        narrowed = await ask(server, f"{kind}s/list", ui_tags=["vip"], groups_id=[1])
    assert tagged.ids == [i for i, row in rows.items() if {"R&D", "vip"} & set(row.tags)] != []
    assert 0 < len(narrowed.ids) < len(tagged.ids)
    assert all("vip" in rows[i].tags and "branch" in str(rows[i].groups) for i in narrowed.ids)


async def test_unknown_group_gives_an_empty_list(ask: Ask) -> None:
    async with Simulator() as server:
        reply = await ask(server, "resources/list", groups=["no such"])
    assert (reply.error, reply.rows, reply.value["total_count"]) == (0, [], "0")


@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from_id", 0),
        ("from_id", "x"),
        ("limit", 0),
        ("limit", -1),
        ("limit", [1, 2]),
        ("groups_id", ["branch"]),
        ("groups_id", [0]),
        ("groups", [{"id": 1}]),
        ("page", 2),
    ],
)
async def test_wrong_parameter_is_a_400_that_names_it(
    ask: Ask, method: str, name: str, value: object
) -> None:
    async with Simulator(strict=True) as server:
        reply = await ask(server, method, **{name: value})
    assert (reply.status, reply.error) == (200, 400)
    assert f"'{name}'" in reply.value["error_text"]
    assert "data" not in reply.value


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "10"), ("groups", "branch"), ("groups_id", 1), ("groups", [1])]
)
async def test_wrong_type_in_strict_json_is_a_400(ask_in: AskIn, name: str, value: object) -> None:
    """XML has no types, so the same values are accepted."""
    async with Simulator(strict=True) as server:
        assert (await ask_in(server, "json", "resources/list", **{name: value})).error == 400
        assert (await ask_in(server, "xml", "resources/list", **{name: value})).error == 0


async def test_tags_of_resources_read_strictly_are_a_400(ask: Ask) -> None:
    async with Simulator(strict=True) as server:
        assert (await ask(server, "resources/list", ui_tags=["vip"])).error == 400


async def test_http_errors_makes_the_status_of_a_refused_list_follow(ask: Ask) -> None:
    async with Simulator(http_errors=True) as server:
        reply = await ask(server, "segments/list", limit=-1)
    assert (reply.status, reply.error) == (400, 400)


async def test_page_can_be_requested_again_after_a_fault(ask: Ask, wire_format: Format) -> None:
    async with Simulator() as server:
        server.misbehave("resources/list", Fault.refuse(500, f"Broken in {wire_format}"))
        assert (await ask(server, "resources/list", limit=2)).error == 500
        assert (await ask(server, "resources/list", limit=2)).ids == [1, 2]
        assert not server.pending_faults


IDS = st.lists(st.integers(1, 60), unique=True).map(sorted)


def paged(
    object_ids: Sequence[int], row_ids: Sequence[int], limit: int, cursor: Cursor
) -> list[Page]:
    """Read pages until one is empty or its cursor does not advance, as callers must."""
    pages: list[Page] = []
    from_id = 1
    while True:
        page = cut_page(object_ids, row_ids, from_id=from_id, limit=limit, cursor=cursor)
        pages.append(page)
        if not page.ids or page.next_from_id <= from_id:
            return pages
        from_id = page.next_from_id


@given(st.data(), IDS, st.integers(2, 10), st.sampled_from(["next_id", "next_row", "last_row"]))
def test_pages_show_each_row_whatever_the_cursor_means(
    data: st.DataObject, object_ids: list[int], limit: int, cursor: Cursor
) -> None:
    row_ids = sorted(data.draw(st.sets(st.sampled_from(object_ids)))) if object_ids else []
    pages = paged(object_ids, row_ids, limit, cursor)
    assert list(dict.fromkeys(row for page in pages for row in page.ids)) == row_ids
    assert all(len(page.ids) <= limit for page in pages)
    assert {page.total_count for page in pages} == {len(row_ids)}


@given(IDS, st.integers(1, 10), st.sampled_from(["next_id", "next_row"]))
def test_cursor_after_the_page_repeats_no_row_and_ends_on_an_empty_page(
    object_ids: list[int], limit: int, cursor: Cursor
) -> None:
    *full, last = paged(object_ids, object_ids, limit, cursor)
    assert not last.ids
    assert [row for page in full for row in page.ids] == object_ids


def test_cursor_at_the_last_row_repeats_it_until_it_stays_the_same() -> None:
    pages = paged([1, 2, 3], [1, 2, 3], 2, "last_row")
    assert [(page.ids, page.next_from_id) for page in pages] == [([1, 2], 2), ([2, 3], 3), ([3], 3)]


def test_cursor_at_the_last_row_never_advances_with_a_limit_of_one() -> None:
    assert cut_page([1, 2], [1, 2], from_id=1, limit=1, cursor="last_row").next_from_id == 1


@pytest.mark.parametrize(
    ("cursor", "next_from_id"), [("next_id", 4), ("next_row", 6), ("last_row", 2)]
)
def test_cursor_meanings_differ_where_ids_are_missing(cursor: Cursor, next_from_id: int) -> None:
    page = cut_page([1, 2, 4, 6], [1, 2, 6], from_id=1, limit=2, cursor=cursor)
    assert page == Page([1, 2], next_from_id, 3)


@pytest.mark.parametrize("cursor", ["next_id", "next_row", "last_row"])
def test_empty_page_repeats_from_id(cursor: Cursor) -> None:
    assert cut_page([1], [1], from_id=7, limit=2, cursor=cursor) == Page([], 7, 1)
