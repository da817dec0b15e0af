"""What the commands for resources, databases and segments differ in: a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from altcraft_async import (
    AltcraftClient,
    CountersReport,
    Database,
    DatabaseDetails,
    Pages,
    Resource,
    ResourceDetails,
    Segment,
    SegmentDetails,
    TaskHandle,
    TaskKind,
)
from altcraft_async.models.targets import TARGET_IDS

__all__ = ["DATABASES", "IDS", "RESOURCES", "SEGMENTS", "Kind", "Target", "named_ids"]

Target = tuple[int, ...]

IDS: Mapping[TaskKind, tuple[str, ...]] = {
    **TARGET_IDS,
    "unknown": TARGET_IDS["resource"],
}
"""What the ids of a target are, by what is counted; a segment may come without the last."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One of the three kinds of objects.

    Attributes:
        name: As a task's ref says it.
        plural: The group of its commands.
        row: What a list has.
        details: What a lookup gives.
        has_tags: Whether a list can be narrowed down by tags.
        list: The method that iterates over the objects; it takes filters by name.
        get: Look one up.
        get_counters: Read the last counted figures of a target.
        start: Start counting a target.
    """

    name: TaskKind
    plural: str
    row: type[msgspec.Struct]
    details: type[msgspec.Struct]
    has_tags: bool
    # The namespaces name their arguments differently; what comes out is the same.
    list: Callable[[AltcraftClient], Callable[..., Pages[Any]]]
    get: Callable[[AltcraftClient, int], Awaitable[msgspec.Struct]]
    get_counters: Callable[[AltcraftClient, Target], Awaitable[CountersReport]]
    start: Callable[[AltcraftClient, Target], Awaitable[TaskHandle[CountersReport]]]

    @property
    def ids(self) -> tuple[str, ...]:
        """What the ids of a target are."""
        return IDS[self.name]


def named_ids(kind: TaskKind, target: object) -> dict[str, int]:
    """Return the ids of a target by name; none where it is unknown."""
    if not isinstance(target, tuple):
        return {}
    # A segment's target may lack the last, and one that was not looked up the second.
    return dict(zip(IDS[kind], cast("Target", target), strict=False))


def _segment(target: Target) -> dict[str, Any]:
    return {"resource_id": target[1], "database_id": target[2] if len(target) > 2 else None}  # noqa: PLR2004 -- the third is the database


RESOURCES = Kind(
    name="resource",
    plural="resources",
    row=Resource,
    details=ResourceDetails,
    has_tags=False,
    list=lambda client: client.resources.list,
    get=lambda client, number: client.resources.get(number),
    get_counters=lambda client, ids: client.resources.get_counters(ids[0], database_id=ids[1]),
    start=lambda client, ids: client.resources.refresh_counters(ids[0], database_id=ids[1]),
)

DATABASES = Kind(
    name="database",
    plural="databases",
    row=Database,
    details=DatabaseDetails,
    has_tags=True,
    list=lambda client: client.databases.list,
    get=lambda client, number: client.databases.get(number),
    get_counters=lambda client, ids: client.databases.get_counters(ids[0], resource_id=ids[1]),
    start=lambda client, ids: client.databases.refresh_counters(ids[0], resource_id=ids[1]),
)

SEGMENTS = Kind(
    name="segment",
    plural="segments",
    row=Segment,
    details=SegmentDetails,
    has_tags=True,
    list=lambda client: client.segments.list,
    get=lambda client, number: client.segments.get(number),
    get_counters=lambda client, ids: client.segments.get_counters(ids[0], **_segment(ids)),
    start=lambda client, ids: client.segments.refresh_counters(ids[0], **_segment(ids)),
)
