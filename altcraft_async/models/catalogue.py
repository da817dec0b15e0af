"""Resources, databases and segments."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = [
    "AccessGroup",
    "Database",
    "DatabaseDetails",
    "Resource",
    "ResourceDetails",
    "Segment",
    "SegmentDetails",
    "SubscriptionField",
]


class AccessGroup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A group that an object belongs to; a token sees the objects of its own groups.

    Attributes:
        id: As in ``groups_id`` of every ``list``.
        name: As in ``groups`` of every ``list``.
    """

    id: int
    name: str = ""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A resource, as ``client.resources.list`` returns it.

    Attributes:
        id: What every other method calls ``resource_id``.
        name: As shown in the control panel.
        groups: The access groups it belongs to.
    """

    id: int
    name: str = ""
    groups: tuple[AccessGroup, ...] = ()


class ResourceDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A resource, as ``client.resources.get`` returns it.

    Attributes:
        id: What every other method calls ``resource_id``.
        name: As shown in the control panel.
        channels: Names of its channels, an open set.
        database_ids: The profile databases it is linked to; ``dbs_ids`` on the wire.
        tracking_domain: Where clicks are tracked; ``trk_domain`` on the wire.
        url: Of the resource.
    """

    id: int
    name: str = ""
    channels: tuple[str, ...] = ()
    database_ids: tuple[int, ...] = ()
    tracking_domain: str = ""
    url: str = ""


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """A profile database, as ``client.databases.list`` returns it.

    Attributes:
        id: What every other method calls ``database_id``.
        name: As shown in the control panel.
        tags: As shown in the control panel; ``ui_tags`` on the wire.
        groups: The access groups it belongs to.
    """

    id: int
    name: str = ""
    tags: tuple[str, ...] = ()
    groups: tuple[AccessGroup, ...] = ()


class DatabaseDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A profile database, as ``client.databases.get`` returns it.

    Attributes:
        id: What every other method calls ``database_id``.
        name: As shown in the control panel.
        suppression_list_id: The suppression list it is linked to, as sent
            (``suppress_id``); ``None`` where missing.
        description: As shown in the control panel.
    """

    id: int
    name: str = ""
    suppression_list_id: int | None = None
    description: str = ""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, as ``client.segments.list`` returns it.

    Attributes:
        id: What every other method calls ``segment_id``.
        name: As shown in the control panel.
        tags: As shown in the control panel; ``ui_tags`` on the wire.
        groups: The access groups it belongs to.
    """

    id: int
    name: str = ""
    tags: tuple[str, ...] = ()
    groups: tuple[AccessGroup, ...] = ()


class SegmentDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, as ``client.segments.get`` returns it.

    Attributes:
        id: What every other method calls ``segment_id``.
        name: As shown in the control panel.
        count: Profiles in it; ``None`` where missing.
        rules: The groups of conditions that define it, with the vendor's field
            names (``segment`` on the wire). ``queries`` are as sent; in XML
            every number in them is a text.
    """

    id: int
    name: str = ""
    count: int | None = None
    rules: tuple[Mapping[str, object], ...] = ()


class SubscriptionField(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A field of the subscriptions of one channel, from ``client.resources.fields_get``.

    Attributes:
        name: Of the field in the API; names of the platform begin with ``_``.
        title: As shown in the control panel.
        category: ``"custom"`` or ``"system"``.
        type: As sent; an open set (``int``, ``unicode``, ``version``, ``bool``, …).
        required: Whether a subscription has to have it.
        dictionary: Name of the list of its values; ``None`` where there is none.
    """

    name: str
    title: str = ""
    category: str = ""
    type: str = ""
    required: bool = False
    dictionary: str | None = None
