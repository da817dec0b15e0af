"""Resources, databases and segments: a table of how their commands differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from altcraft_async.models import Completed, CounterGroup, CountersReport, Failed, TaskKind
from altcraft_async.models.catalogue import Database, Resource, Segment
from altcraft_async.models.targets import TARGET_IDS

if TYPE_CHECKING:
    from altcraft_async import AltcraftClient, TaskHandle
    from altcraft_async.api.databases import Databases
    from altcraft_async.api.resources import Resources
    from altcraft_async.api.segments import Segments

__all__ = [
    "DATABASES",
    "ID_NAMES",
    "RESOURCES",
    "SEGMENTS",
    "ObjectKind",
    "Outcome",
    "Read",
    "Target",
    "group_ids",
    "make_target",
    "named_ids",
]

Target = tuple[int, ...]


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """The last counters of a target, read without a refresh; the rest is as in `Completed`.

    Attributes:
        target: Its ids.
        value: The counters.
    """

    target: tuple[int, ...]
    value: CountersReport
    ref: None = None
    polls: int = 0


Outcome = Completed[CountersReport] | Read | Failed

ID_NAMES: Mapping[TaskKind, tuple[str, ...]] = {**TARGET_IDS, "unknown": TARGET_IDS["resource"]}
"""Names of the ids of a target, by kind of task."""


@dataclass(frozen=True, kw_only=True)
class ObjectKind:
    """One of the three kinds of objects.

    Attributes:
        name: Kind of its tasks.
        row: Type of the rows of a list.
        has_tags: Whether a list can be filtered by tags.
        example: Arguments that name a target, for help texts.
        namespace: Returns the client's methods for this kind.
    """

    name: TaskKind
    row: type[msgspec.Struct]
    has_tags: bool
    example: str
    namespace: Callable[[AltcraftClient], Resources | Databases | Segments]

    @property
    def plural(self) -> str:
        """The name of its group of commands."""
        return f"{self.name}s"

    async def get_counters(self, client: AltcraftClient, target: Target) -> CountersReport:
        """Read the last counters of a target."""
        return await self.namespace(client).get_counters(target[0], **self._other_ids(target))

    async def start(
        self, client: AltcraftClient, target: Target, outage_patience: float
    ) -> TaskHandle[CountersReport]:
        """Start a refresh of a target."""
        start = self.namespace(client).refresh_counters
        return await start(target[0], **self._other_ids(target), outage_patience=outage_patience)

    def _other_ids(self, target: Target) -> dict[str, Any]:
        return dict(zip(ID_NAMES[self.name][1:], target[1:], strict=False))


RESOURCES = ObjectKind(
    name="resource",
    row=Resource,
    has_tags=False,
    example="24 --database-id 1",
    namespace=lambda client: client.resources,
)

DATABASES = ObjectKind(
    name="database",
    row=Database,
    has_tags=True,
    example="1 --resource-id 24",
    namespace=lambda client: client.databases,
)

SEGMENTS = ObjectKind(
    name="segment",
    row=Segment,
    has_tags=True,
    example="7 --resource-id 24",
    namespace=lambda client: client.segments,
)


def make_target(kind: ObjectKind, number: int, options: Mapping[str, Any]) -> Target:
    """Return the target that the options of a command name."""
    rest: Iterator[int | None] = (options[name] for name in ID_NAMES[kind.name][1:])
    return (number, *(value for value in rest if value is not None))


def named_ids(kind: TaskKind, target: object) -> dict[str, int]:
    """Return the ids of a target by name; empty if it is unknown."""
    if not isinstance(target, tuple):
        return {}
    # A static segment lacks the last id; a resource that could not be looked up, the second.
    return dict(zip(ID_NAMES[kind], cast("Target", target), strict=False))


def group_ids(group: CounterGroup, requested: Mapping[str, int]) -> dict[str, int]:
    """Return the ids of a group by name; the request's where the answer has none."""
    answered = {"database_id": group.database_id, "resource_id": group.resource_id}
    return {
        **requested,
        **{name: value for name, value in answered.items() if value is not None},
    }
