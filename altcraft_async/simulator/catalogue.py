"""Which objects a platform has, and what each of them is like."""

from __future__ import annotations

from collections.abc import Sequence

from altcraft_async.simulator.counters import draw_profiles, segment_share
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
    """Somebody names an object that this platform does not have."""


class Catalogue:
    """The objects of a platform, each drawn when it is polled.

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
        """Take how many there are of each kind, or their ids."""
        self.resources = _ids(resources)
        self.databases = _ids(databases)
        self.segments = _ids(segments)
        self._seed = seed

    def resource(self, resource_id: int) -> Resource:
        """Return a resource.

        Raises:
            UnknownObjectError: There is none with this id.
        """
        check_known("resource", resource_id, self.resources)
        return draw_resource(self._seed, resource_id, self.databases)

    def database(self, database_id: int) -> Database:
        """Return a database.

        Raises:
            UnknownObjectError: There is none with this id.
        """
        check_known("database", database_id, self.databases)
        return draw_database(self._seed, database_id)

    def segment(self, segment_id: int) -> Segment:
        """Return a segment.

        Raises:
            UnknownObjectError: There is none with this id.
        """
        check_known("segment", segment_id, self.segments)
        return draw_segment(self._seed, segment_id, self.databases)

    def fields(self, resource_id: int, channel: str) -> tuple[Field, ...]:
        """Return the fields of a resource's subscriptions."""
        return draw_fields(self._seed, resource_id, channel)

    def database_size(self, database_id: int) -> int:
        """Return how many profiles are in a database."""
        return draw_profiles(self._seed, self.database(database_id).id)

    def segment_size(self, segment_id: int) -> int:
        """Return how many profiles are in a segment."""
        own = self.segment(segment_id).database_id
        profiles = 0 if own is None else self.database_size(own)
        return int(profiles * segment_share(self._seed, segment_id))


def check_known(kind: str, number: int, ids: Sequence[int]) -> None:
    """Refuse the id of what is not there.

    Raises:
        UnknownObjectError: It names the object.
    """
    if number not in ids:
        msg = f"there is no {kind} {number}"
        raise UnknownObjectError(msg)


def _ids(objects: int | Sequence[int]) -> Sequence[int]:
    ids = range(1, objects + 1) if isinstance(objects, int) else sorted(set(objects))
    if ids and ids[0] < 1:
        msg = f"ids have to be positive, not {ids[0]}"
        raise ValueError(msg)
    return ids
