"""`altcraft … list`, `get` and `fields`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from altcraft_async.simulator import Fault, Simulator

Altcraft = Callable[..., tuple[int, str, str]]

KINDS = {"resources": 500, "databases": 200, "segments": 300}


@pytest.mark.parametrize(("kind", "size"), KINDS.items())
def test_list_has_a_row_per_object_and_the_total(
    account: Simulator, altcraft: Altcraft, kind: str, size: int
) -> None:
    code, out, err = altcraft(kind, "list")
    titles, _, *rows, total = out.splitlines()
    assert (code, err, len(rows), total) == (0, "", size, f"{size} {kind}")
    assert titles.split()[:2] == ["id", "name"]
    assert [int(row.split()[0]) for row in rows] == list(range(1, size + 1))
    assert account.count(f"{kind}/list") >= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wire_format", ["json", "xml"])
def test_list_with_json_has_a_document_per_line(
    account: Simulator,
    altcraft: Altcraft,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    wire_format: str,
) -> None:
    monkeypatch.setenv("ALTCRAFT_FORMAT", wire_format)
    _, out, _ = altcraft(kind, "list", "--json", "--from-id", "7", "--limit", "3")
    found = [json.loads(line) for line in out.splitlines()]
    known = [getattr(account.world, kind.removesuffix("s"))(number) for number in (7, 8, 9)]
    assert [one["id"] for one in found] == [7, 8, 9]
    assert [one["name"] for one in found] == [one.name for one in known]
    assert [[group["name"] for group in one["groups"]] for one in found] == [
        [group.name for group in one.groups] for one in known
    ]


def test_list_with_csv_has_a_header_and_rows(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft("databases", "list", "--csv", "--limit", "2")
    first, second = csv.DictReader(io.StringIO(out))
    assert list(first) == ["id", "name", "tags", "groups"]
    assert (first["id"], second["id"]) == ("1", "2")
    assert second["tags"] == ", ".join(account.world.database(2).tags)


@pytest.mark.parametrize(
    "command",
    [
        ("databases", "list", "--limit", "2"),
        ("resources", "get", "24"),
        ("resources", "fields", "24", "--channel", "push"),
        ("resources", "counters", "24", "--database-id", "1"),
    ],
    ids=" ".join,
)
def test_raw_csv_of_harmless_text_is_the_same(
    account: Simulator, altcraft: Altcraft, command: tuple[str, ...]
) -> None:
    assert altcraft(*command, "--csv-raw") == altcraft(*command, "--csv")
    assert account.requests


def test_limit_costs_one_small_page(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft("resources", "list", "--limit", "2")
    assert out.splitlines()[-1] == "2 of 500 resources"
    assert account.count("resources/list") == 1


def test_list_is_filtered_by_group_and_tag(account: Simulator, altcraft: Altcraft) -> None:
    world = account.world
    _, out, _ = altcraft("segments", "list", "--group", "north", "--tag", "vip", "--json")
    found = [json.loads(line)["id"] for line in out.splitlines()]
    assert found == [
        number
        for number in world.segments
        if "vip" in world.segment(number).tags
        and "north" in {group.name for group in world.segment(number).groups}
    ]
    assert found


@pytest.mark.parametrize("kind", KINDS)
def test_get_has_a_row_per_field(account: Simulator, altcraft: Altcraft, kind: str) -> None:
    code, out, err = altcraft(kind, "get", "3")
    lines = out.splitlines()
    name = getattr(account.world, kind.removesuffix("s"))(3).name
    assert (code, err) == (0, "")
    assert [lines[0].split(), lines[1].split()] == [["id", "3"], ["name", *name.split()]]


def test_get_with_json_or_csv_prints_one_record(account: Simulator, altcraft: Altcraft) -> None:
    linked = list(account.world.resource(24).database_ids)
    _, out, _ = altcraft("resources", "get", "24", "--json")
    assert json.loads(out)["database_ids"] == linked
    _, out, _ = altcraft("resources", "get", "24", "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["database_ids"] == ", ".join(map(str, linked))


def test_fields_of_a_channel_are_listed(account: Simulator, altcraft: Altcraft) -> None:
    fields = account.world.fields(24, "push")
    code, out, _ = altcraft("resources", "fields", "24", "--channel", "push")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[2:-1]] == [one.name for one in fields]
    assert out.splitlines()[-1] == f"{len(fields)} fields"
    assert altcraft("resources", "fields", "24")[0] == 2


def test_get_of_an_unknown_object_is_an_error(account: Simulator, altcraft: Altcraft) -> None:
    code, out, err = altcraft("databases", "get", "99999")
    assert (code, out) == (3, "")
    assert "check the ids" in err
    assert account.count("databases/get") == 1


def test_list_that_fails_half_way_has_printed_the_first_page(
    account: Simulator, altcraft: Altcraft
) -> None:
    account.misbehave("resources/list", Fault.refuse(403), after=1)
    code, out, _ = altcraft("resources", "list", "--json")
    assert code == 4
    assert len(out.splitlines()) >= 1
