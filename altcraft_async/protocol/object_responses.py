"""Reads answers of ``…/list``, ``…/get`` and ``fields_get``.

The structs here have the vendor's field names in lower case, as one page of
the vendor has ``Groups``, ``Id`` and ``Name`` where another has ``groups``,
``id`` and ``name``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from altcraft_async.models.catalogue import (
    AccessGroup,
    Database,
    DatabaseDetails,
    Resource,
    ResourceDetails,
    Segment,
    SegmentDetails,
    SubscriptionField,
)
from altcraft_async.models.counters import Count
from altcraft_async.protocol.codecs import Document, Plain, UnreadableError
from altcraft_async.protocol.paging import Identified, Page

__all__ = [
    "database_details",
    "database_page",
    "resource_details",
    "resource_page",
    "segment_details",
    "segment_page",
    "subscription_fields",
]

T = TypeVar("T")
Row = TypeVar("Row", bound=Identified)


class _Answer(msgspec.Struct, Generic[T]):
    data: T


class _Group(msgspec.Struct):
    id: Count
    name: str = ""


class _Row(msgspec.Struct):
    id: Count
    name: str = ""
    ui_tags: list[str] = []
    groups: list[_Group] = []


class _Listing(msgspec.Struct):
    data: list[_Row] | None = None
    next_from_id: int | None = None
    total_count: int | None = None


class _Resource(msgspec.Struct):
    id: Count
    name: str = ""
    channels: list[str] = []
    dbs_ids: list[Count] = []
    trk_domain: str = ""
    url: str = ""


class _Database(msgspec.Struct):
    id: Count
    name: str = ""
    suppress_id: Count | None = None
    description: str = ""


class _Segment(msgspec.Struct):
    id: Count
    name: str = ""
    count: Count | None = None


class _Field(msgspec.Struct):
    name: str
    title: str = ""
    category: str = ""
    type: str = ""
    required: bool | None = None
    dictionary: str | None = None


def resource_page(document: Document) -> Page[Resource]:
    """Read an answer of ``resources/list``."""
    return _page(
        document, lambda row: Resource(id=row.id, name=row.name, groups=_groups(row.groups))
    )


def database_page(document: Document) -> Page[Database]:
    """Read an answer of ``databases/list``."""
    return _page(
        document,
        lambda row: Database(
            id=row.id, name=row.name, tags=tuple(row.ui_tags), groups=_groups(row.groups)
        ),
    )


def segment_page(document: Document) -> Page[Segment]:
    """Read an answer of ``segments/list``."""
    return _page(
        document,
        lambda row: Segment(
            id=row.id, name=row.name, tags=tuple(row.ui_tags), groups=_groups(row.groups)
        ),
    )


def resource_details(document: Document) -> ResourceDetails:
    """Read an answer of ``resources/get``."""
    answer = _lowered(document).to(_Answer[_Resource]).data
    return ResourceDetails(
        id=answer.id,
        name=answer.name,
        channels=tuple(answer.channels),
        database_ids=tuple(answer.dbs_ids),
        tracking_domain=answer.trk_domain,
        url=answer.url,
    )


def database_details(document: Document) -> DatabaseDetails:
    """Read an answer of ``databases/get``."""
    answer = _lowered(document).to(_Answer[_Database]).data
    return DatabaseDetails(
        id=answer.id,
        name=answer.name,
        suppression_list_id=answer.suppress_id,
        description=answer.description,
    )


def segment_details(document: Document) -> SegmentDetails:
    """Read an answer of ``segments/get``."""
    answer = _lowered(document).to(_Answer[_Segment]).data
    rules = Document(document.mapping("data").get("segment"), document.textual)
    return SegmentDetails(
        id=answer.id,
        name=answer.name,
        count=answer.count,
        rules=tuple(map(_rule, rules.to(list[dict[str, Any]]))),
    )


def subscription_fields(document: Document) -> tuple[SubscriptionField, ...]:
    """Read an answer of ``resources/fields_get``."""
    return tuple(
        SubscriptionField(
            name=field.name,
            title=field.title,
            category=field.category,
            type=field.type,
            required=bool(field.required),
            dictionary=field.dictionary or None,
        )
        for field in _lowered(document).to(_Answer[list[_Field]]).data
    )


def _page(document: Document, model: Callable[[_Row], Row]) -> Page[Row]:
    answer = _lowered(document).to(_Listing)
    if answer == _Listing():
        # An empty page may lack its rows; an answer that lacks everything of a page is refused.
        document.field("data")
    return Page(
        rows=tuple(map(model, answer.data or ())),
        next_from_id=answer.next_from_id,
        total=answer.total_count,
    )


def _groups(groups: list[_Group]) -> tuple[AccessGroup, ...]:
    return tuple(AccessGroup(id=group.id, name=group.name) for group in groups)


_RULE_NUMBERS = ("limit", "list_id", "percent_from", "percent_to")


def _rule(fields: Mapping[str, Plain]) -> Mapping[str, object]:
    """Make numbers of the documented ones, and a list of the queries, which XML has not.

    The type of other fields is not known.
    """
    queries = Document(fields.get("queries"), textual=True).to(list[object])
    numbers = {name: _number(fields[name]) for name in _RULE_NUMBERS if name in fields}
    return {**fields, **numbers, "queries": queries}


def _number(value: Plain) -> Plain:
    try:
        return Document(value, textual=True).to(int)
    except UnreadableError:
        return value


def _lowered(document: Document) -> Document:
    return Document(_lower(document.value), document.textual)


def _lower(value: Plain) -> Plain:
    """Return the value with field names in lower case; a name that was so before wins."""
    match value:
        case dict():
            # Capitals sort first, and a dict keeps the last of two equal names.
            return {name.lower(): _lower(value[name]) for name in sorted(value)}
        case list():
            return [_lower(one) for one in value]
        case _:
            return value
