"""Renders the tables of a benchmark, and writes them to the results and the README."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.comparison import Row

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

OPEN_TABLES, MAX_FOLDED_TABLES = 2, 3
"""The README shows two tables openly and folds the rest, or links to it if there is more."""

Tables = Mapping[str, Sequence[Row]]


def circumstances() -> dict[str, object]:
    """Return the date, the machine and the versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version(name) for name in PACKAGES},
    }


def render(name: str, about: Mapping[str, object], tables: Tables) -> str:
    """Return all tables as Markdown."""
    heading = f"{name}: {about['date']}, {about['machine']}, {about['python']}"
    return "\n".join([heading, *_blocks(tables)]) + "\n"


def publish(name: str, about: Mapping[str, object], tables: Tables) -> None:
    """Put the first tables between the README's markers of that name."""
    titles = list(tables)
    text = render(name, about, {title: tables[title] for title in titles[:OPEN_TABLES]})
    more = {title: tables[title] for title in titles[OPEN_TABLES:]}
    if len(more) > MAX_FOLDED_TABLES:
        text += f"\n{len(more)} more tables are in [results/{name}.json](results/{name}.json).\n"
    elif more:
        lines = ["", "<details><summary>More tables</summary>", *_blocks(more), "", "</details>"]
        text += "\n".join(lines) + "\n"
    before, begin, rest = README.read_text().partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end of {name} -->\n")
    README.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def store(name: str, about: Mapping[str, object], tables: Tables) -> None:
    """Write everything to the results file."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({**about, "tables": tables}, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n")


def _blocks(tables: Tables) -> list[str]:
    return [
        line for title, rows in tables.items() for line in ("", f"**{title}**", "", *_table(rows))
    ]


def _table(rows: Sequence[Row]) -> list[str]:
    cells = [rows[0].keys(), ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return ["| " + " | ".join(map(str, row)) + " |" for row in cells]


def _processor() -> str:
    """Return the processor's name on Linux, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
