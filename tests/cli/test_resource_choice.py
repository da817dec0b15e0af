"""Which resources the filters of a command choose."""

from __future__ import annotations

import pytest

from altcraft_async import AccessGroup, Resource
from altcraft_async.cli.resource_choice import resource_filter


@pytest.mark.parametrize(
    ("names", "groups", "is_wanted"),
    [
        ((), (), True),
        (("News*",), (), True),
        (("news*",), (), False),
        ((), ("north", "south"), True),
        ((), ("south",), False),
        (("News*",), ("south",), False),
        (("Shop*", "*24"), ("north",), True),
    ],
)
def test_resource_matches_one_name_and_one_group(
    names: tuple[str, ...],
    groups: tuple[str, ...],
    is_wanted: bool,  # noqa: FBT001 -- pytest passes it by name
) -> None:
    resource = Resource(id=24, name="News site 24", groups=(AccessGroup(id=2, name="north"),))
    assert resource_filter(names, groups)(resource) is is_wanted
