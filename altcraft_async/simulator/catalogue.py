"""The objects that a platform has."""

from __future__ import annotations

from collections.abc import Sequence

from altcraft_async.simulator.counters import draw_profiles, draw_segment_share
from altcraft_async.simulator.objects import (
    Database,
    Field,
    Resource,
    Segment,
    draw_database,
    draw_fields,
    draw_resource,
    draw_segment,
)


class UnknownObjectError(LookupError):
    """The platform has no such object."""


class Catalogue:
    """The objects of a platform, each drawn when it is read.

    Attributes:
        resources: Ids of the resources, ascending.
        databases: Ids of the profile databases, ascending.
        segments: Ids of the segments, ascending.
    """

    def __init__(
        self,
        *,
        seed: int,
        resources: int | Sequence[int],
        databases: int | Sequence[int],
        segments: int | Sequence[int],
    ) -> None:
        """Take the number of objects of each kind, or their ids."""
        self.resources = _ids(resources)
        self.databases = _ids(databases)
        self.segments = _ids(segments)
        self._seed = seed

    def resource(self, resource_id: int) -> Resource:
        """Return a resource.

        Raises:
            UnknownObjectError: No resource has this id.
        """
        check_known("resource", resource_id, self.resources)
        return draw_resource(self._seed, resource_id, self.databases)

    def database(self, database_id: int) -> Database:
        """Return a database.

        Raises:
            UnknownObjectError: No database has this id.
        """
        check_known("database", database_id, self.databases)
        return draw_database(self._seed, database_id)

    def segment(self, segment_id: int) -> Segment:
        """Return a segment.

        Raises:
            UnknownObjectError: No segment has this id.
        """
        check_known("segment", segment_id, self.segments)
        return draw_segment(self._seed, segment_id, self.databases)

    def fields(self, resource_id: int, channel: str) -> tuple[Field, ...]:
        """Return the subscription fields of a resource's channel."""
        return draw_fields(self._seed, resource_id, channel)

    def database_size(self, database_id: int) -> int:
        """Return the number of profiles in a database."""
        return draw_profiles(self._seed, self.database(database_id).id)

    def segment_size(self, segment_id: int) -> int:
        """Return the number of profiles in a segment."""
        database_id = self.segment(segment_id).database_id
        profiles = 0 if database_id is None else self.database_size(database_id)
        return int(profiles * draw_segment_share(self._seed, segment_id))


def check_known(kind: str, object_id: int, ids: Sequence[int]) -> None:
    """Refuse an unknown id.

    Raises:
        UnknownObjectError: It names the object.
    """
    if object_id not in ids:
        msg = f"there is no {kind} {object_id}"
        raise UnknownObjectError(msg)


def _ids(objects: int | Sequence[int]) -> Sequence[int]:
    ids = range(1, objects + 1) if isinstance(objects, int) else sorted(set(objects))
    if ids and ids[0] < 1:
        msg = f"ids have to be positive, not {ids[0]}"
        raise ValueError(msg)
    return ids
