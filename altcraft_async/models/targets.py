"""Targets: what a task refreshes, as named ids that compare equal to plain tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Self, TypeAlias

__all__ = [
    "LEAST_IDS",
    "TARGET_IDS",
    "DatabaseTarget",
    "ResourceTarget",
    "SegmentTarget",
    "Target",
    "TaskKind",
    "ids_of",
    "named_target",
    "target_words",
]

TaskKind = Literal["resource", "database", "segment", "unknown"]
"""What a task refreshes; ``"unknown"`` for a task that was attached by its bare id."""


class ResourceTarget(NamedTuple):
    """A resource in one of its profile databases."""

    resource_id: int
    database_id: int


class DatabaseTarget(NamedTuple):
    """A profile database for one of its resources."""

    database_id: int
    resource_id: int


class SegmentTarget(tuple[int, ...]):
    """A segment for a resource: two ids, or three where it names its profile database."""

    __slots__ = ()

    def __new__(cls, segment_id: int, resource_id: int, database_id: int | None = None) -> Self:
        """Take the ids; without a database, the tuple has two."""
        last = () if database_id is None else (database_id,)
        return super().__new__(cls, (segment_id, resource_id, *last))

    @property
    def segment_id(self) -> int:
        """The segment."""
        return self[0]

    @property
    def resource_id(self) -> int:
        """The resource."""
        return self[1]

    @property
    def database_id(self) -> int | None:
        """The profile database; ``None`` for a static segment, which is in one anyway."""
        return self[2] if len(self) > LEAST_IDS else None

    def __getnewargs__(self) -> tuple[int, ...]:
        """Return the arguments for a copy."""
        return tuple(self)

    def __repr__(self) -> str:
        """Show the ids by name."""
        shown = ", ".join(f"{name}={value}" for name, value in ids_of("segment", self).items())
        return f"SegmentTarget({shown})"


Target: TypeAlias = ResourceTarget | DatabaseTarget | SegmentTarget

TARGET_IDS: Mapping[TaskKind, tuple[str, ...]] = {
    "resource": ResourceTarget._fields,
    "database": DatabaseTarget._fields,
    "segment": ("segment_id", "resource_id", "database_id"),
}
"""The names in their order; a segment may come without the last."""

LEAST_IDS = 2
"""Ids that a target of any kind has at least."""


def ids_of(kind: TaskKind, target: tuple[int, ...]) -> dict[str, int]:
    """Return the ids of a target by their Python names."""
    return dict(zip(TARGET_IDS[kind], target, strict=False))


def target_words(kind: TaskKind, target: tuple[int, ...]) -> str:
    """Return a target for people: ``resource 24, database 1``."""
    if kind not in TARGET_IDS:
        return f"{kind} {', '.join(map(str, target))}"
    ids = ids_of(kind, target).items()
    return ", ".join(f"{name.removesuffix('_id')} {one}" for name, one in ids)


def named_target(kind: TaskKind, ids: tuple[int, ...]) -> Target | None:
    """Return ids with their names; ``None`` where they do not fit the kind."""
    match kind, ids:
        case "resource", (resource_id, database_id):
            return ResourceTarget(resource_id, database_id)
        case "database", (database_id, resource_id):
            return DatabaseTarget(database_id, resource_id)
        case "segment", (_, _) | (_, _, _):
            return SegmentTarget(*ids)
        case _:
            return None
