"""A Sphinx extension: pages of the repository that are not below `docs`, and links to them.

`changelog.md` and the others in `PAGES` are only a title here; the site shows the file that they
stand for. A link to any other file of the repository leads to the project's home if it has one, and
is plain text otherwise.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]

PAGES = {
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "security",
    "benchmarks/README.md": "benchmarks",
}
"""Names of pages by file."""

HOME: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["altcraft"]["home"]

_BLOCK = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)]*)?\)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}


def _read(_app: Sphinx, page: str, source: list[str]) -> None:
    file = next((file for file, name in PAGES.items() if name == page), None)
    text = (ROOT / file).read_text() if file else source[0]
    source[0] = with_links(text, file or f"docs/{page}.md", page)


def with_links(text: str, file: str, page: str) -> str:
    """Return the text of a file as the text of a page, whose folder differs."""

    def link(match: re.Match[str]) -> str:
        bang, words, path, anchor = match.groups(default="")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        if target in PAGES:
            target = f"docs/{PAGES[target]}.md"
        elif target == "README.md":
            target, anchor = "docs/index.md", ""
        if target.startswith("docs/") or bang:
            relative = posixpath.relpath(target, posixpath.dirname(f"docs/{page}"))
            return f"{bang}[{words}]({relative}{anchor})"
        return f"[{words}]({HOME}/{target}{anchor})" if HOME else words

    parts = _BLOCK.split(text)
    parts[::2] = [_LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts)
