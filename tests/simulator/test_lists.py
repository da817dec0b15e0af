"""The three lists over real HTTP in both formats, their quirks by name."""

from __future__ import annotations

import json

import pytest

from altcraft_async.simulator import Fault, Simulator
from altcraft_async.simulator.codec import Format
from altcraft_async.simulator.lists import Cursor
from tests.support.simulator_caller import Ask, AskIn, Said

LISTS = ["resources/list", "databases/list", "segments/list"]


async def pages(ask: Ask, server: Simulator, method: str, **values: object) -> list[Said]:
    """Read pages until one is empty or its cursor does not advance, as callers have to."""
    said = [await ask(server, method, **values)]
    asked = 1
    while said[-1].ids and (following := int(said[-1].value["next_from_id"])) > asked:
        asked = following
        said.append(await ask(server, method, from_id=asked, **values))
    return said


@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize("cursor", [None, "next_id", "next_row", "last_row"])
async def test_a_list_can_be_read_to_its_end(ask: Ask, method: str, cursor: Cursor | None) -> None:
    """Every row comes in ascending order, each once but for the last one of a page."""
    ids = [*range(1, 8), 12, 13, 40]
    async with Simulator(resources=ids, databases=ids, segments=ids, cursor=cursor) as server:
        said = await pages(ask, server, method, limit=4)
    assert list(dict.fromkeys(row for page in said for row in page.ids)) == ids
    assert {page.value["total_count"] for page in said} == {"10"}
    repeats = sum(len(page.ids) for page in said) - len(ids)
    is_last_row = (cursor or {"segments/list": "last_row"}.get(method)) == "last_row"
    assert (repeats > 0, bool(said[-1].ids)) == (is_last_row, is_last_row)


async def test_the_sample_of_resources_can_be_had(ask: Ask) -> None:
    """Row 1, next 4, total 1: the next object counts, whether or not the filter lets it in."""
    world = Simulator().world
    group = world.resource(1).groups[0].name
    outside = next(i for i in range(4, 99) if group not in str(world.resource(i).groups))
    async with Simulator(resources=[1, outside]) as server:
        said = await ask(server, "resources/list", groups=[group])
        assert (said.ids, said.value["total_count"]) == ([1], "1")
        assert said.value["next_from_id"] == str(outside)
        assert not (await ask(server, "resources/list", groups=[group], from_id=outside)).rows


async def test_the_sample_of_databases_can_be_had(ask: Ask) -> None:
    """Rows 1 and 2, next 6, total 4: the next row counts."""
    async with Simulator(databases=[1, 2, 6, 9]) as server:
        said = await ask(server, "databases/list", limit=2)
        rest = await ask(server, "databases/list", limit=2, from_id=6)
    assert (said.ids, said.value["next_from_id"], said.value["total_count"]) == ([1, 2], "6", "4")
    assert (rest.ids, rest.value["next_from_id"]) == ([6, 9], "10")


async def test_the_cursor_of_databases_leaves_out_what_the_filter_does(ask: Ask) -> None:
    """It is the next row with the group, not the next database."""
    async with Simulator() as server:
        first, second, *_ = (await ask(server, "databases/list", groups=["branch"])).ids
        said = await ask(server, "databases/list", groups=["branch"], limit=1)
    assert second > first + 1
    assert (said.ids, said.value["next_from_id"]) == ([first], str(second))


async def test_the_sample_of_segments_can_be_had(ask: Ask) -> None:
    """Rows 1 and 2, next 2, total 2: the cursor is the last row, and going on shows it again."""
    async with Simulator(segments=2) as server:
        said = await ask(server, "segments/list")
        again = await ask(server, "segments/list", from_id=2)
    assert (said.ids, said.value["next_from_id"], said.value["total_count"]) == ([1, 2], "2", "2")
    assert (again.ids, again.value["next_from_id"]) == ([2], "2")


@pytest.mark.parametrize("method", LISTS)
async def test_the_first_thousand_come_by_default(ask: Ask, method: str) -> None:
    """Without ``from_id`` and ``limit`` a list begins at 1 and a page has 1000 rows."""
    async with Simulator(resources=1001, databases=1001, segments=1001) as server:
        assert (await ask(server, method)).ids == list(range(1, 1001))


@pytest.mark.parametrize("method", LISTS)
async def test_what_is_listed_may_be_nothing(ask: Ask, method: str) -> None:
    """An empty page is an answer like any other, and says where it began."""
    async with Simulator(resources=0, databases=0, segments=0) as server:
        said = await ask(server, method)
    assert (said.error, said.rows, said.value["total_count"]) == (0, [], "0")
    assert said.value["next_from_id"] == "1"


async def test_rows_of_resources_have_groups_in_lower_case(ask_in: AskIn) -> None:
    """An id, a name and groups of ids and names, cursor and total beside them."""
    async with Simulator() as server:
        said = json.loads((await ask_in(server, "json", "resources/list", limit=50)).body)
    assert set(said) == {"data", "error", "error_text", "next_from_id", "total_count"}
    assert {tuple(row) for row in said["data"]} == {("id", "name", "groups")}
    groups = [group for row in said["data"] for group in row["groups"]]
    assert {tuple(group) for group in groups} == {("id", "name")}
    assert [] in [row["groups"] for row in said["data"]]


@pytest.mark.parametrize("method", ["databases/list", "segments/list"])
async def test_rows_of_databases_and_segments_have_groups_in_capitals(
    ask_in: AskIn, method: str
) -> None:
    """They have tags besides, and so it is in the vendor's samples."""
    async with Simulator() as server:
        said = json.loads((await ask_in(server, "json", method, limit=50)).body)
    assert {tuple(row) for row in said["data"]} == {("id", "name", "ui_tags", "Groups")}
    groups = [group for row in said["data"] for group in row["Groups"]]
    assert {tuple(group) for group in groups} == {("Id", "Name")}
    assert {len(row["ui_tags"]) for row in said["data"]} == {0, 1, 2, 3}
    assert {len(row["Groups"]) for row in said["data"]} == {0, 1, 2}


@pytest.mark.parametrize("method", LISTS)
async def test_the_same_rows_come_in_either_format(ask_in: AskIn, method: str) -> None:
    """JSON written as XML is what comes in XML, special characters and all."""
    async with Simulator() as server:
        in_json = await ask_in(server, "json", method)
        in_xml = await ask_in(server, "xml", method)
    assert in_json.value == in_xml.value
    assert any("&" in row["name"] or ">" in row["name"] for row in in_xml.rows)
    assert any(not row["name"].isascii() for row in in_xml.rows)


async def test_lists_in_xml_begin_with_a_declaration_and_other_answers_do_not(
    ask_in: AskIn,
) -> None:
    """The vendor's samples have it here and not there; a declared body is plain UTF-8."""
    async with Simulator() as server:
        listed = await ask_in(server, "xml", "databases/list/")
        told = await ask_in(server, "xml", "databases/get/", id=1)
    assert listed.body.startswith(b'<?xml version="1.0" encoding="UTF-8" ?>\n<xml><data><id>1</id>')
    assert not listed.body.isascii()
    assert told.body.startswith(b"<xml><data><id>1</id>")


async def test_an_empty_list_in_xml_is_an_empty_element(ask_in: AskIn) -> None:
    """Neither a page without rows nor a row without tags leaves its element out."""
    async with Simulator(databases=99) as server:
        rows = (await ask_in(server, "xml", "databases/list")).body
        none = (await ask_in(server, "xml", "databases/list", from_id=100)).body
    assert b"<ui_tags />" in rows
    assert b"<data />" in none


@pytest.mark.parametrize("kind", ["resource", "database", "segment"])
async def test_groups_choose_rows_by_name_or_id(ask: Ask, kind: str) -> None:
    """A row is in if it has any of the groups; ids and names are two filters that both hold."""
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
async def test_tags_choose_rows(ask: Ask, kind: str) -> None:
    """A row is in if it has any of the tags, and a group that is asked for besides."""
    async with Simulator(databases=60, segments=60) as server:
        find = getattr(server.world, kind)
        rows = {i: find(i) for i in range(1, 61)}
        tagged = await ask(server, f"{kind}s/list", ui_tags=["R&D", "vip"])
        narrowed = await ask(server, f"{kind}s/list", ui_tags=["vip"], groups_id=[1])
    assert tagged.ids == [i for i, row in rows.items() if {"R&D", "vip"} & set(row.tags)] != []
    assert 0 < len(narrowed.ids) < len(tagged.ids)
    assert all("vip" in rows[i].tags and "branch" in str(rows[i].groups) for i in narrowed.ids)


async def test_a_group_that_is_none_chooses_nothing(ask: Ask) -> None:
    """That is an empty list and no refusal."""
    async with Simulator() as server:
        said = await ask(server, "resources/list", groups=["no such"])
    assert (said.error, said.rows, said.value["total_count"]) == (0, [], "0")


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
async def test_a_wrong_parameter_is_a_400_that_names_it(
    ask: Ask, method: str, name: str, value: object
) -> None:
    """It is refused under HTTP 200."""
    async with Simulator() as server:
        said = await ask(server, method, **{name: value})
    assert (said.status, said.error) == (200, 400)
    assert f"'{name}'" in said.value["error_text"]
    assert "data" not in said.value


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "10"), ("groups", "branch"), ("groups_id", 1), ("groups", [1])]
)
async def test_json_has_types_and_they_count(ask_in: AskIn, name: str, value: object) -> None:
    """Texts are no numbers there and values no arrays; XML cannot tell."""
    async with Simulator() as server:
        assert (await ask_in(server, "json", "resources/list", **{name: value})).error == 400
        assert (await ask_in(server, "xml", "resources/list", **{name: value})).error == 0


async def test_resources_have_no_tags_to_be_chosen_by(ask: Ask) -> None:
    """Their page documents none, so that asking for them is a mistake."""
    async with Simulator() as server:
        assert (await ask(server, "resources/list", ui_tags=["vip"])).error == 400


async def test_the_http_status_of_a_refused_list_follows_if_it_is_told_to(ask: Ask) -> None:
    """With ``http_errors`` a 400 is one of HTTP too."""
    async with Simulator(http_errors=True) as server:
        said = await ask(server, "segments/list", limit=0)
    assert (said.status, said.error) == (400, 400)


async def test_a_page_can_be_asked_for_again(ask: Ask, form: Format) -> None:
    """A fault meets one request to a list and the next one sees the page."""
    async with Simulator() as server:
        server.misbehave("resources/list", Fault.refuse(500, f"Broken in {form}"))
        assert (await ask(server, "resources/list", limit=2)).error == 500
        assert (await ask(server, "resources/list", limit=2)).ids == [1, 2]
        assert not server.pending_faults
