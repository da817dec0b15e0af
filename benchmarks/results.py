"""What becomes of a benchmark's tables: shown to people, and kept with where they come from."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.side_by_side import Row

FOLDER = Path(__file__).parent / "results"
README = Path(__file__).parent / "README.md"

PACKAGES = (
    "altcraft-async",
    "aiohttp",
    "azure-core",
    "google-api-core",
    "httpx",
    "msgspec",
    "numpy",
    "tenacity",
    "uvloop",
    "xmltodict",
)

TABLES_SHOWN = 2

Tables = Mapping[str, Sequence[Row]]


def circumstances() -> dict[str, object]:
    """Return the date, the machine and the versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version(name) for name in PACKAGES},
    }


def show(name: str, about: Mapping[str, object], tables: Tables) -> str:
    """Return everything as Markdown; what comes after the first two tables is folded away."""
    lines = [f"{name}: {about['date']}, {about['machine']}, {about['python']}"]
    for place, (title, rows) in enumerate(tables.items()):
        if place == TABLES_SHOWN:
            lines += ["", "<details><summary>More tables</summary>"]
        lines += ["", f"**{title}**", "", *_table(rows)]
    if len(tables) > TABLES_SHOWN:
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Row]) -> list[str]:
    cells = [rows[0].keys(), ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return ["| " + " | ".join(map(str, row)) + " |" for row in cells]


def publish(name: str, text: str) -> None:
    """Put the text between the README's marks of that name."""
    before, begin, rest = README.read_text().partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end of {name} -->\n")
    README.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def store(name: str, about: Mapping[str, object], tables: Tables) -> None:
    """Write everything to the results."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({**about, "tables": tables}, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n")


def _processor() -> str:
    """Return its name as Linux tells it; elsewhere, the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
