"""Lists and lookups as tables and plain data."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

from altcraft_async import AccessGroup, DatabaseDetails, Resource, SegmentDetails
from altcraft_async.cli.records import cells, details_table, record_data, records_table

EUROPE = AccessGroup(id=1, name="Europe")


def printed(view: RenderableType) -> list[str]:
    """Print into a string; gives its lines."""
    console = Console(file=io.StringIO(), width=100, markup=False, highlight=False)
    console.print(view)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]  # it is the StringIO


def test_list_has_a_line_per_record() -> None:
    """Titles are the fields; what is unsaid is a dash."""
    rows = [cells(Resource(id=3, name="News", groups=(EUROPE,))), cells(Resource(id=10))]
    assert printed(records_table(Resource, rows)) == [
        "id   name   groups",
        "──────────────────",
        " 3   News   Europe",
        "10   -      -",
    ]


def test_empty_list_still_has_its_titles() -> None:
    """Nothing found looks like a list, not like a failure."""
    assert printed(records_table(Resource, []))[0].split() == ["id", "name", "groups"]


def test_details_have_a_line_per_field() -> None:
    """Field names read as words."""
    assert printed(details_table(DatabaseDetails(id=1, name="[b]\x1b"))) == [
        "id                   1",
        "name                 [b]\\x1b",
        "suppression list id  -",
        "description          -",
    ]


def test_rules_of_a_segment_are_shown_as_json() -> None:
    """What has no documented shape is passed on as it came."""
    details = SegmentDetails(id=7, rules=({"list_id": 1},))
    assert printed(details_table(details))[-1] == 'rules  {"list_id": 1}'
    assert record_data(details) == {"id": 7, "name": "", "count": None, "rules": ({"list_id": 1},)}
