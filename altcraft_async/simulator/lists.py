"""The methods that list objects: filters, pages and cursors."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from altcraft_async.simulator import payloads
from altcraft_async.simulator.installation import Cursor
from altcraft_async.simulator.method_call import MethodCall
from altcraft_async.simulator.objects import Database, Resource, Segment
from altcraft_async.simulator.parameters import Parameters

FIRST_ID = 1
"""The documented default of ``from_id``."""

PAGE_SIZE = 1_000
"""The documented default of ``limit``."""

Row = TypeVar("Row", Resource, Database, Segment)


class Page(NamedTuple):
    """Part of a list.

    Attributes:
        ids: Ids of its rows, ascending.
        next_from_id: The cursor; an empty page repeats the requested ``from_id``.
        total_count: Number of rows of all pages.
    """

    ids: Sequence[int]
    next_from_id: int
    total_count: int


def list_resources(call: MethodCall) -> Mapping[str, object]:
    """List resources."""
    world = call.world
    return _list(call, world.resources, world.resource, payloads.resource_row, "next_id")


def list_databases(call: MethodCall) -> Mapping[str, object]:
    """List databases."""
    world = call.world
    return _list(call, world.databases, world.database, payloads.tagged_row, "next_row")


def list_segments(call: MethodCall) -> Mapping[str, object]:
    """List segments."""
    world = call.world
    return _list(call, world.segments, world.segment, payloads.tagged_row, "last_row")


def cut_page(
    object_ids: Sequence[int], row_ids: Sequence[int], *, from_id: int, limit: int, cursor: Cursor
) -> Page:
    """Cut a page out of a list.

    Args:
        object_ids: Ids of all objects, ascending.
        row_ids: Ids of the objects that pass the filter, ascending.
        from_id: Lowest id of the page.
        limit: Maximum number of rows.
        cursor: Meaning of ``next_from_id``.
    """
    begin = bisect_left(row_ids, from_id)
    ids = row_ids[begin : begin + limit]
    if not ids:
        return Page(ids, from_id, len(row_ids))
    if cursor == "last_row":
        return Page(ids, ids[-1], len(row_ids))
    following = object_ids if cursor == "next_id" else row_ids
    after = bisect_right(following, ids[-1])
    next_from_id = following[after] if after < len(following) else ids[-1] + 1
    return Page(ids, next_from_id, len(row_ids))


def _list(
    call: MethodCall,
    ids: Sequence[int],
    find: Callable[[int], Row],
    write: Callable[[Row], object],
    sample_cursor: Cursor,
) -> Mapping[str, object]:
    parameters = call.parameters
    matches = _filter(parameters)
    page = cut_page(
        ids,
        ids if matches is None else [row_id for row_id in ids if matches(find(row_id))],
        from_id=parameters.number("from_id", FIRST_ID),
        limit=parameters.number("limit", PAGE_SIZE),
        cursor=call.installation.cursor or sample_cursor,
    )
    return {
        **payloads.success([write(find(row_id)) for row_id in page.ids]),
        "next_from_id": page.next_from_id,
        "total_count": page.total_count,
    }


def _filter(parameters: Parameters) -> Callable[[Resource | Database | Segment], bool] | None:
    # The vendor does not document how filters combine. Here, a row has to match every
    # filter, each by any of its values.
    names, ids = parameters.texts("groups"), parameters.numbers("groups_id")
    tags = parameters.texts("ui_tags")
    if not (names or ids or tags):
        return None

    def matches(row: Resource | Database | Segment) -> bool:
        if tags and (isinstance(row, Resource) or tags.isdisjoint(row.tags)):
            return False
        if names and not any(group.name in names for group in row.groups):
            return False
        return not ids or any(group.id in ids for group in row.groups)

    return matches
