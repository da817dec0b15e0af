"""`docs/architecture.md` lists the packages and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "altcraft_async"
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_tree_lists_every_package_and_module() -> None:
    listed = re.findall(r"[├└]── ([\w.]+)", PAGE)
    there = {path.name for path in PACKAGE.iterdir()} - {"__init__.py", "__pycache__", "py.typed"}
    assert sorted(listed) == sorted(there)


def test_table_lists_every_file_of_the_packages_behind_the_client() -> None:
    listed = re.findall(r"^\| `(\w+/\w+\.py)` \|", PAGE, re.MULTILINE)
    there = {
        f"{package}/{path.name}"
        for package in ("api", "starts", "tasks", "transport", "protocol")
        for path in (PACKAGE / package).glob("*.py")
    }
    assert sorted(listed) == sorted(one for one in there if not one.endswith("__init__.py"))
