"""The whole programs in the guides and the tutorial, for the tests that run them.

A ```` ```python ```` block whose first line is ``# name.py`` is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

GUIDES = Path(__file__).parents[2] / "docs" / "guides"

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# ([\w-]+\.py)\n")


def example(guide: str, name: str) -> str:
    """Return a program of a guide: ``example("web-apps", "app.py")``."""
    return programs(guide)[name]


def programs(guide: str) -> Mapping[str, str]:
    """Return all programs of a guide by file name."""
    page = GUIDES / f"{guide}.md"
    text = (page if page.exists() else GUIDES.parent / page.name).read_text()
    named = ((file_name(block), block) for block in _BLOCK.findall(text))
    return {name: block for name, block in named if name}


def file_name(block: str) -> str | None:
    """Return what the first line calls a block that is a whole program."""
    named = _FILE_NAME.match(block)
    return named[1] if named else None
