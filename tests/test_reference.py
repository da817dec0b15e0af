"""The reference in `docs/reference` has every public name, and no other."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tests.support.public_api import MODULES, recorded

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

TOPICS = {
    "altcraft_async.client",
    "altcraft_async.errors",
    "altcraft_async.models",
    "altcraft_async.observer",
}
"""Modules with names of `altcraft_async`, where the reference has them."""


def documented() -> Counter[str]:
    """Count the full names in the directives of all pages."""
    names = Counter[str]()
    for page in REFERENCE.glob("*.md"):
        module = ""
        for directive, value in re.findall(
            r"^\.\. ([\w:]+):: (\w[\w.]*)", page.read_text(), re.MULTILINE
        ):
            if directive == "currentmodule":
                module = value
            else:
                names[f"{module}.{value}"] += 1
    return names


def public(module: str) -> set[str]:
    """Return the full names that `docs/public-api.txt` has of a module."""
    found = re.findall(r"^(?:class |async )?(\w+)(?=\(| =|$)", recorded()[module], re.MULTILINE)
    return {f"{module}.{name}" for name in found}


def test_every_public_name_is_on_one_page() -> None:
    namespaces = {"Resources", "Databases", "Segments", "Tasks"}
    wanted = {
        f"altcraft_async.api.{name.lower()}.{name}"
        if (name := full.removeprefix("altcraft_async.")) in namespaces
        else full
        for module in sorted({*MODULES} - TOPICS)
        for full in public(module)
    }
    names = documented()
    assert set(names) - {"altcraft_async.models.Target"} == wanted
    assert [name for name, times in names.items() if times > 1] == []
