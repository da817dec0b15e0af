"""Check the links of a built site that lead to the site: ``python .ci/links.py FOLDER``.

Each has to lead to a file and, with ``#``, to an element of that page.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Collects the links and the ids of a page."""

    def __init__(self, path: Path) -> None:
        """Read the page."""
        super().__init__()
        self.ids = set[str]()
        self.links = set[str]()
        self.feed(path.read_text())

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note what an element is called and where it leads."""
        for name, value in attributes:
            if name == "id" and value:
                self.ids.add(value)
            elif name in {"href", "src", "srcset"} and value:
                self.links.add(value)


def broken(root: Path) -> list[str]:
    """Return a line for each link that leads nowhere."""
    pages = {path: Page(path) for path in sorted(root.rglob("*.html"))}
    found: list[str] = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = target in pages and parts.fragment in {"", *pages[target].ids}
            if not (there or (target.exists() and target not in pages)):
                found.append(f"{path.relative_to(root)}: {link} leads nowhere")
    return found


if __name__ == "__main__":
    lines = broken(Path(sys.argv[1]).resolve())
    print(*lines, sep="\n", end="\n" if lines else "")
    sys.exit(bool(lines))
