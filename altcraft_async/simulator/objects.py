"""The made-up objects of a platform: resources, databases and segments."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from altcraft_async.simulator.randomness import seeded_random


class Group(NamedTuple):
    """An access group."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A website, app or brand that takes subscriptions.

    Attributes:
        id: At least 1.
        name: Display name.
        groups: Up to two access groups.
        database_ids: Linked databases, the platform's first one always included.
        tracking_domain: Domain that tracks clicks.
        url: Its website.
    """

    id: int
    name: str
    groups: tuple[Group, ...]
    database_ids: tuple[int, ...]
    tracking_domain: str
    url: str


@dataclass(frozen=True, slots=True)
class Database:
    """A profile database.

    Attributes:
        id: At least 1.
        name: Display name.
        groups: Up to two access groups.
        tags: Up to three.
        suppression_list_id: Linked suppression list, if any.
        description: Free text, may be empty.
    """

    id: int
    name: str
    groups: tuple[Group, ...]
    tags: tuple[str, ...]
    suppression_list_id: int | None
    description: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule group that selects the profiles of a dynamic segment.

    Attributes:
        database_id: Database of the profiles.
        queries: Field, comparison and value; the real shape is not documented.
    """

    database_id: int
    queries: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the profiles of a database.

    Attributes:
        id: At least 1; a multiple of 3 is dynamic.
        name: Display name.
        groups: Up to two access groups.
        tags: Up to three.
        database_id: Its database, ``None`` if the platform has none.
        rules: One or two in a dynamic segment, none in a static one.
    """

    id: int
    name: str
    groups: tuple[Group, ...]
    tags: tuple[str, ...]
    database_id: int | None
    rules: tuple[Rule, ...]

    @property
    def is_dynamic(self) -> bool:
        """Whether rules select its profiles; requests must then name the database."""
        return bool(self.rules)


@dataclass(frozen=True, slots=True)
class Field:
    """A subscription field of one channel.

    Attributes:
        name: Name in the API.
        title: Display name.
        type: ``"int"``, ``"unicode"``, ``"version"`` or ``"bool"``.
        category: ``"system"`` or ``"custom"``.
        required: Whether every subscription needs it.
        dictionary: Name of the list of its values, if there is one.
    """

    name: str
    title: str
    type: str
    category: str = "system"
    required: bool = False
    dictionary: str | None = None


_GROUPS = tuple(
    Group(number, name)
    for number, name in enumerate(("branch", "north", "south", "partners", "agency"), 1)
)
_TAGS = ("vip", "news", "trial", "loyal", "asleep", "R&D")

# Names with characters that have to be escaped in XML, and names that are not ASCII.
_RESOURCE_NAMES = ("Shop", "News site", "Mobile app", "Toys & Games", "Café", "Магазин")
_DATABASE_NAMES = ("Customers", "Readers", "Guests & friends", "Клиенты", "Leads <new>")
_SEGMENT_NAMES = ("Buyers", "Sleepers", "Big spenders", "Opened > 3", "Новички")
_QUERIES = (("city", "=", "Riga"), ("age", ">", "30"), ("language", "=", "lv"))

# The vendor documents these names; which type and dictionary belongs to which is made up.
_SYSTEM_FIELDS = (
    Field("_device_type", "Device type", "int", dictionary="devices"),
    Field("_device_model", "Device model", "unicode"),
    Field("_device_name", "Device name", "unicode"),
    Field("_os", "Operating system", "int", dictionary="oses"),
    Field("_os_ver", "Version of the operating system", "version"),
    Field("_os_tz", "Time zone", "int", dictionary="tz"),
    Field("_os_language", "Language", "int", dictionary="languages"),
    Field("_ad_track", "Advertising allowed", "bool"),
    Field("_ad_id", "Advertising id", "unicode"),
    Field("_app_id", "App id", "unicode", required=True),
    Field("_app_iid", "App instance id", "unicode"),
)
_CUSTOM_FIELDS = (
    Field("source", "Where from", "unicode", "custom", required=True),
    Field("digest", "Wants the digest", "bool", "custom"),
    Field("visits", "Visits", "int", "custom"),
)

_DYNAMIC_EVERY = 3


def draw_resource(seed: int, number: int, databases: Sequence[int]) -> Resource:
    """Draw a resource; two in five are linked to more databases than the first."""
    rng = seeded_random(seed, "resource", number)
    domain = f"resource-{number}.example.com"
    name, groups = _draw_name(rng, _RESOURCE_NAMES, number), _draw_groups(rng)
    more = rng.choice((0, 0, 0, 1, 2))
    others = rng.sample(databases[1:], min(more, len(databases[1:])))
    return Resource(
        id=number,
        name=name,
        groups=groups,
        database_ids=(*databases[:1], *sorted(others)),
        tracking_domain=f"click.{domain}",
        url=f"https://{domain}",
    )


def draw_database(seed: int, number: int) -> Database:
    """Draw a database."""
    rng = seeded_random(seed, "database", number)
    return Database(
        id=number,
        name=_draw_name(rng, _DATABASE_NAMES, number),
        groups=_draw_groups(rng),
        tags=_draw_tags(rng),
        suppression_list_id=rng.choice((None, rng.randint(1, 20))),
        description=rng.choice(("", f"Number {number}, imported every night")),
    )


def draw_segment(seed: int, number: int, databases: Sequence[int]) -> Segment:
    """Draw a segment; its id decides its database."""
    rng = seeded_random(seed, "segment object", number)
    database_id = segment_database(number, databases)
    name, groups, tags = _draw_name(rng, _SEGMENT_NAMES, number), _draw_groups(rng), _draw_tags(rng)
    rules: tuple[Rule, ...] = ()
    if database_id is not None and number % _DYNAMIC_EVERY == 0:
        rules = tuple(
            Rule(database_id, tuple(rng.sample(_QUERIES, rng.randint(1, 2))))
            for _ in range(rng.randint(1, 2))
        )
    return Segment(number, name, groups, tags, database_id, rules)


def segment_database(segment_id: int, databases: Sequence[int]) -> int | None:
    """Return the database of a segment, ``None`` if the platform has none."""
    return databases[segment_id % len(databases)] if databases else None


def draw_fields(seed: int, resource_id: int, channel: str) -> tuple[Field, ...]:
    """Draw the subscription fields of a channel: custom ones, and for push the system's too."""
    rng = seeded_random(seed, "fields", resource_id, channel)
    custom = _CUSTOM_FIELDS[: rng.randint(1, len(_CUSTOM_FIELDS))]
    return (*custom, *_SYSTEM_FIELDS) if channel == "push" else custom


def _draw_name(rng: random.Random, names: Sequence[str], number: int) -> str:
    return f"{rng.choice(names)} {number}"


def _draw_groups(rng: random.Random) -> tuple[Group, ...]:
    return tuple(sorted(rng.sample(_GROUPS, rng.randint(0, 2))))


def _draw_tags(rng: random.Random) -> tuple[str, ...]:
    return tuple(rng.sample(_TAGS, rng.randint(0, 3)))
