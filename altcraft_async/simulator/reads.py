"""The methods that look things up: lists, single objects, figures as last counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from altcraft_async.simulator import answers
from altcraft_async.simulator.catalogue import Group
from altcraft_async.simulator.paging import Cursor, Page, cut_page
from altcraft_async.simulator.parameters import NOT_FOUND, Parameters, RefusedError
from altcraft_async.simulator.request import Request
from altcraft_async.simulator.task import Target

FIRST_ID = 1
"""The documented default of ``from_id``."""

PAGE_SIZE = 1_000
"""The documented default of ``limit``."""


class _Grouped(Protocol):
    @property
    def groups(self) -> tuple[Group, ...]: ...


class _Tagged(_Grouped, Protocol):
    @property
    def tags(self) -> tuple[str, ...]: ...


def list_resources(request: Request) -> Mapping[str, object]:
    """List resources."""
    world = request.world
    is_in = _group_filter(request.parameters)
    chosen = _chosen(world.resources, is_in and (lambda number: is_in(world.resource(number))))
    page = _page(request, world.resources, chosen, "next_id")
    return answers.page(page, [answers.resource_row(world.resource(row)) for row in page.ids])


def list_databases(request: Request) -> Mapping[str, object]:
    """List databases."""
    world = request.world
    is_in = _tag_filter(request.parameters)
    chosen = _chosen(world.databases, is_in and (lambda number: is_in(world.database(number))))
    page = _page(request, world.databases, chosen, "next_row")
    return answers.page(page, [answers.tagged_row(world.database(row)) for row in page.ids])


def list_segments(request: Request) -> Mapping[str, object]:
    """List segments."""
    world = request.world
    is_in = _tag_filter(request.parameters)
    chosen = _chosen(world.segments, is_in and (lambda number: is_in(world.segment(number))))
    page = _page(request, world.segments, chosen, "last_row")
    return answers.page(page, [answers.tagged_row(world.segment(row)) for row in page.ids])


def get_resource(request: Request) -> Mapping[str, object]:
    """Tell of a resource."""
    resource = request.world.resource(request.parameters.number("id"))
    return answers.accepted(answers.resource(resource, request.world.channels))


def get_database(request: Request) -> Mapping[str, object]:
    """Tell of a database."""
    database = request.world.database(request.parameters.number("id"))
    return answers.accepted(answers.database(database))


def get_segment(request: Request) -> Mapping[str, object]:
    """Tell of a segment."""
    segment = request.world.segment(request.parameters.number("id"))
    return answers.accepted(answers.segment(segment, request.world.segment_size(segment.id)))


def get_fields(request: Request) -> Mapping[str, object]:
    """Tell the fields of a resource's subscriptions."""
    resource_id = request.parameters.number("id")
    channel = request.parameters.text("channel")
    request.world.resource(resource_id)
    if channel not in request.world.channels:
        msg = f"there is no channel {ascii(channel)[:40]} in resource {resource_id}"
        raise RefusedError(NOT_FOUND, msg)
    fields = request.world.fields(resource_id, channel)
    return answers.accepted([answers.field(one) for one in fields])


def get_counters(request: Request, target: Target) -> Mapping[str, object]:
    """Tell the figures that the last completed refresh left."""
    return answers.accepted(answers.bare_channels(request.world.counted(target, request.now)))


def _page(
    request: Request, everything: Sequence[int], chosen: Sequence[int], sampled: Cursor
) -> Page:
    return cut_page(
        everything,
        chosen,
        from_id=request.parameters.number("from_id", FIRST_ID),
        limit=request.parameters.number("limit", PAGE_SIZE),
        cursor=request.install.cursor or sampled,
    )


def _chosen(ids: Sequence[int], is_in: Callable[[int], bool] | None) -> Sequence[int]:
    return ids if is_in is None else [number for number in ids if is_in(number)]


# How filters combine is not documented: here each of them holds, by any one of its values.


def _group_filter(parameters: Parameters) -> Callable[[_Grouped], bool] | None:
    names, numbers = parameters.texts("groups"), parameters.numbers("groups_id")
    if not (names or numbers):
        return None

    def is_in(row: _Grouped) -> bool:
        by_name = not names or any(group.name in names for group in row.groups)
        return by_name and (not numbers or any(group.id in numbers for group in row.groups))

    return is_in


def _tag_filter(parameters: Parameters) -> Callable[[_Tagged], bool] | None:
    tags, of_groups = parameters.texts("ui_tags"), _group_filter(parameters)
    if not tags:
        return of_groups
    return lambda row: not tags.isdisjoint(row.tags) and (of_groups is None or of_groups(row))
