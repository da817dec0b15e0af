"""The docstrings of the three namespaces say the same about the same."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from itertools import combinations

import pytest

from altcraft_async import AltcraftClient
from altcraft_async.api.databases import Databases
from altcraft_async.api.resources import Resources
from altcraft_async.api.segments import Segments
from altcraft_async.api.tasks import Tasks

AnyNamespace = type[Resources] | type[Databases] | type[Segments]

NAMESPACES: tuple[AnyNamespace, ...] = (Resources, Databases, Segments)
METHODS = ("list", "get", "get_counters", "refresh_counters", "refresh")
IDS = {"resource_id", "database_id", "segment_id"}
"""Each namespace describes these by its own wire names."""


def section(method: Callable[..., object], title: str) -> dict[str, str]:
    """Return what a section of a docstring says, by argument or error."""
    text = inspect.getdoc(method) or ""
    found = re.search(rf"^{title}:\n((?:    .*\n|\n)*)", f"{text}\n\n", re.MULTILINE)
    if found is None:
        return {}
    items = re.split(r"^    (?=\w)", found[1], flags=re.MULTILINE)[1:]
    return {name: " ".join(said.split()) for name, _, said in (one.partition(":") for one in items)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("one", "other"), tuple(combinations(NAMESPACES, 2)))
def test_two_namespaces_describe_a_method_alike(
    one: AnyNamespace, other: AnyNamespace, method: str
) -> None:
    first, second = getattr(one, method), getattr(other, method)
    assert section(first, "Raises") == section(second, "Raises")
    assert section(first, "Returns") == section(second, "Returns")
    mine, theirs = section(first, "Args"), section(second, "Args")
    shared = (mine.keys() & theirs.keys()) - IDS
    assert {name: mine[name] for name in shared} == {name: theirs[name] for name in shared}


def public_methods() -> list[Callable[..., object]]:
    """Return what can be called on a client and its namespaces."""
    return [
        method
        for owner in (AltcraftClient, *NAMESPACES, Tasks)
        for name, method in inspect.getmembers(owner, inspect.isfunction)
        if not name.startswith("_")
    ]


@pytest.mark.parametrize("method", public_methods(), ids=lambda method: method.__qualname__)
def test_docstring_describes_every_argument(method: Callable[..., object]) -> None:
    arguments = list(inspect.signature(method).parameters)[1:]
    assert list(section(method, "Args")) == arguments


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_docstring_names_the_api_method_of_the_vendor(namespace: AnyNamespace) -> None:
    name = namespace.__name__.lower()
    for method in METHODS[:-1]:
        assert f"``{name}/{method}``" in (getattr(namespace, method).__doc__ or "")
