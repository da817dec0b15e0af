"""The package's page: README.md without links that lead nowhere outside the repository.

hatchling runs this. The setting `home` of ``[tool.altcraft]`` is where the repository's files are;
links lead there, or become plain text while there is none.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"^<picture>.*?^</picture>\n\n", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)")


class PackagePage(MetadataHookInterface):
    """Sets the fields `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set them."""
        root = Path(self.root)
        home: str = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["altcraft"]["home"]
        text = page((root / "README.md").read_text(encoding="utf-8"), home)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = {
            name: f"{home}/{path}"
            for name, path in {
                "Documentation": "docs/index.md",
                "Changelog": "CHANGELOG.md",
            }.items()
            if home
        }


def page(text: str, home: str) -> str:
    """Return a README without relative links, and without the picture, which is one."""
    return _LINK.sub(rf"[\1]({home}/\2)" if home else r"\1", _PICTURE.sub("", text))
