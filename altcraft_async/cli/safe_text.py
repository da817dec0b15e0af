"""Values as text that is safe to print: one line each, no control characters. No I/O."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import cast

from altcraft_async import AccessGroup

__all__ = ["cell", "clean", "csv_line"]


def clean(text: str) -> str:
    r"""Return the text as one line that no terminal takes for a command.

    Control characters, line breaks and invisible marks that turn the writing
    direction come out as escapes such as ``\x1b``.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def cell(value: object) -> str:
    """Return a value as it stands in a table or a CSV file; what is unsaid is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case AccessGroup():
            return clean(value.name)
        case Mapping():
            return clean(json.dumps(value, ensure_ascii=False))
        case tuple():
            return ", ".join(cell(item) for item in cast("tuple[object, ...]", value))
        case _:
            return clean(str(value))


def csv_line(cells: Iterable[str]) -> str:
    """Return one line of CSV, quoted where it has to be, without its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
