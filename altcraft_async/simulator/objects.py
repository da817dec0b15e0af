"""The made-up objects of a platform: resources, databases and segments, drawn one by one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from altcraft_async.simulator.randomness import dice


class Group(NamedTuple):
    """An access group."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Resource:
    """What people subscribe to.

    Attributes:
        id: From 1.
        name: For people.
        groups: Access groups, none to two.
        database_ids: Linked databases; the platform's first is always one of them.
        tracking_domain: Where clicks are tracked.
        url: Its site.
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
        id: From 1.
        name: For people.
        groups: Access groups, none to two.
        tags: None to three.
        suppression_list_id: Linked suppression list, if any.
        description: For people, may be empty.
    """

    id: int
    name: str
    groups: tuple[Group, ...]
    tags: tuple[str, ...]
    suppression_list_id: int | None
    description: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A group of rules by which profiles get into a dynamic segment.

    Attributes:
        database_id: Which database's profiles.
        queries: Field, comparison and value; the vendor's own shape is not documented.
    """

    database_id: int
    queries: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the profiles of a database.

    Attributes:
        id: From 1; every third is dynamic.
        name: For people.
        groups: Access groups, none to two.
        tags: None to three.
        database_id: Its own database, ``None`` where the platform has none.
        rules: One or two where dynamic, else none.
    """

    id: int
    name: str
    groups: tuple[Group, ...]
    tags: tuple[str, ...]
    database_id: int | None
    rules: tuple[Rule, ...]

    @property
    def is_dynamic(self) -> bool:
        """Whether profiles come and go by rules; then requests have to name the database."""
        return bool(self.rules)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the subscriptions of one channel.

    Attributes:
        name: As the API calls it.
        title: For people.
        type: ``"int"``, ``"unicode"``, ``"version"`` or ``"bool"``.
        category: ``"system"`` or ``"custom"``.
        required: Whether a subscription has to have it.
        dictionary: Where its values are listed, if anywhere.
    """

    name: str
    title: str
    type: str
    category: str = "system"
    required: bool = False
    dictionary: str | None = None


GROUPS = tuple(
    Group(number, name)
    for number, name in enumerate(("branch", "north", "south", "partners", "agency"), 1)
)
"""Every access group of the platform."""

TAGS = ("vip", "news", "trial", "loyal", "asleep", "R&D")
"""Every tag of the platform."""

# Text that a careless writer of XML, or a reader of ASCII, would break.
_SITES = ("Shop", "News site", "Mobile app", "Toys & Games", "Café", "Магазин")
_CROWDS = ("Customers", "Readers", "Guests & friends", "Клиенты", "Leads <new>")
_PARTS = ("Buyers", "Sleepers", "Big spenders", "Opened > 3", "Новички")
_QUERIES = (("city", "=", "Riga"), ("age", ">", "30"), ("language", "=", "lv"))

# The names are the vendor's, which field has which type and dictionary is made up.
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

_PERIOD = 3
"""Every third segment is dynamic."""


def draw_resource(seed: int, number: int, databases: Sequence[int]) -> Resource:
    """Draw a resource; two in five are linked with more databases than the first."""
    rng = dice(seed, "resource", number)
    domain = f"resource-{number}.example.com"
    name, groups = _name(rng, _SITES, number), _some_groups(rng)
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
    rng = dice(seed, "database", number)
    return Database(
        id=number,
        name=_name(rng, _CROWDS, number),
        groups=_some_groups(rng),
        tags=_some_tags(rng),
        suppression_list_id=rng.choice((None, rng.randint(1, 20))),
        description=rng.choice(("", f"Number {number}, imported every night")),
    )


def draw_segment(seed: int, number: int, databases: Sequence[int]) -> Segment:
    """Draw a segment; the databases take turns."""
    rng = dice(seed, "segment object", number)
    own = own_database(number, databases)
    name, groups, tags = _name(rng, _PARTS, number), _some_groups(rng), _some_tags(rng)
    rules: tuple[Rule, ...] = ()
    if own is not None and number % _PERIOD == 0:
        rules = tuple(
            Rule(own, tuple(rng.sample(_QUERIES, rng.randint(1, 2))))
            for _ in range(rng.randint(1, 2))
        )
    return Segment(number, name, groups, tags, own, rules)


def own_database(segment_id: int, databases: Sequence[int]) -> int | None:
    """Return the database of a segment, ``None`` where there are none."""
    return databases[segment_id % len(databases)] if databases else None


def draw_fields(seed: int, resource_id: int, channel: str) -> tuple[Field, ...]:
    """Draw the fields of a resource's subscriptions: custom ones, and the device's for push."""
    rng = dice(seed, "fields", resource_id, channel)
    custom = _CUSTOM_FIELDS[: rng.randint(1, len(_CUSTOM_FIELDS))]
    return (*custom, *_SYSTEM_FIELDS) if channel == "push" else custom


def _name(rng: random.Random, names: Sequence[str], number: int) -> str:
    return f"{rng.choice(names)} {number}"


def _some_groups(rng: random.Random) -> tuple[Group, ...]:
    return tuple(sorted(rng.sample(GROUPS, rng.randint(0, 2))))


def _some_tags(rng: random.Random) -> tuple[str, ...]:
    return tuple(rng.sample(TAGS, rng.randint(0, 3)))
