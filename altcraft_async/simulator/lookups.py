"""The methods that look things up: lists, single objects, figures as last counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from altcraft_async.models import CountersReport
from altcraft_async.simulator import payloads
from altcraft_async.simulator.lists import Cursor, cut_page
from altcraft_async.simulator.method_call import Request
from altcraft_async.simulator.objects import Database, Resource, Segment
from altcraft_async.simulator.parameters import NOT_FOUND, Parameters, RefusedError
from altcraft_async.simulator.task import Target

FIRST_ID = 1
"""The documented default of ``from_id``."""

PAGE_SIZE = 1_000
"""The documented default of ``limit``."""


Row = TypeVar("Row", Resource, Database, Segment)


def list_resources(request: Request) -> Mapping[str, object]:
    """List resources."""
    world = request.world
    return _list(request, world.resources, world.resource, payloads.resource_row, "next_id")


def list_databases(request: Request) -> Mapping[str, object]:
    """List databases."""
    world = request.world
    return _list(request, world.databases, world.database, payloads.tagged_row, "next_row")


def list_segments(request: Request) -> Mapping[str, object]:
    """List segments."""
    world = request.world
    return _list(request, world.segments, world.segment, payloads.tagged_row, "last_row")


def get_resource(request: Request) -> Mapping[str, object]:
    """Tell of a resource."""
    resource = request.world.resource(request.parameters.number("id"))
    return payloads.accepted(payloads.resource(resource, request.world.channels))


def get_database(request: Request) -> Mapping[str, object]:
    """Tell of a database."""
    database = request.world.database(request.parameters.number("id"))
    return payloads.accepted(payloads.database(database))


def get_segment(request: Request) -> Mapping[str, object]:
    """Tell of a segment."""
    segment = request.world.segment(request.parameters.number("id"))
    return payloads.accepted(payloads.segment(segment, request.world.segment_size(segment.id)))


def get_fields(request: Request) -> Mapping[str, object]:
    """Tell the fields of a resource's subscriptions."""
    resource_id = request.parameters.number("id")
    channel = request.parameters.text("channel")
    request.world.resource(resource_id)
    if channel not in request.world.channels:
        msg = f"there is no channel {ascii(channel)[:40]} in resource {resource_id}"
        raise RefusedError(NOT_FOUND, msg)
    fields = request.world.fields(resource_id, channel)
    return payloads.accepted([payloads.field(one) for one in fields])


def get_counters(request: Request, target: Target) -> Mapping[str, object]:
    """Tell the figures that the last completed refresh left."""
    if request.install.shows_running:
        group = request.world.last_group(target, request.now)
        return payloads.accepted(payloads.counter_groups(CountersReport((group,))))
    return payloads.accepted(payloads.bare_channels(request.world.counted(target, request.now)))


def _list(
    request: Request,
    ids: Sequence[int],
    find: Callable[[int], Row],
    write: Callable[[Row], object],
    sampled: Cursor,
) -> Mapping[str, object]:
    parameters = request.parameters
    is_in = _filter(parameters)
    page = cut_page(
        ids,
        ids if is_in is None else [number for number in ids if is_in(find(number))],
        from_id=parameters.number("from_id", FIRST_ID),
        limit=parameters.number("limit", PAGE_SIZE),
        cursor=request.install.cursor or sampled,
    )
    return payloads.page(page, [write(find(number)) for number in page.ids])


def _filter(parameters: Parameters) -> Callable[[Resource | Database | Segment], bool] | None:
    # How filters combine is not documented: here each of them holds, by any one of its values.
    names, numbers = parameters.texts("groups"), parameters.numbers("groups_id")
    tags = parameters.texts("ui_tags")
    if not (names or numbers or tags):
        return None

    def is_in(row: Resource | Database | Segment) -> bool:
        if tags and (isinstance(row, Resource) or tags.isdisjoint(row.tags)):
            return False
        if names and not any(group.name in names for group in row.groups):
            return False
        return not numbers or any(group.id in numbers for group in row.groups)

    return is_in
