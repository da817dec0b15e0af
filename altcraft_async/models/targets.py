"""The names of the ids of a target, by its kind."""

from __future__ import annotations

from collections.abc import Mapping

from altcraft_async.models import TaskKind

__all__ = ["LEAST_IDS", "TARGET_IDS", "ids_of"]

TARGET_IDS: Mapping[TaskKind, tuple[str, ...]] = {
    "resource": ("resource_id", "database_id"),
    "database": ("database_id", "resource_id"),
    "segment": ("segment_id", "resource_id", "database_id"),
}
"""The names in their order; a segment may come without the last."""

LEAST_IDS = 2
"""Ids that a target of any kind has at least."""


def ids_of(kind: TaskKind, target: tuple[int, ...]) -> dict[str, int]:
    """Return the ids of a target by their Python names."""
    return dict(zip(TARGET_IDS[kind], target, strict=False))
