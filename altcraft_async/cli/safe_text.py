"""Values as text that is safe to print: one line, no control characters. No I/O."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import cast

import msgspec

from altcraft_async.models.catalogue import AccessGroup

__all__ = ["cell", "cells", "clean", "csv_line", "inert", "json_line"]


# Also behind the semicolon that separates cells in some locales, and full-width, as OWASP lists.
_FORMULA = re.compile("(^|;)(\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20])")


def inert(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: a quote before what begins as one."""
    return _FORMULA.sub(r"\1'\2", text)


def clean(text: str) -> str:
    r"""Return the text on one line, with what could control a terminal escaped.

    Control characters, line breaks and invisible marks that turn the writing
    direction become escapes such as ``\x1b``.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def cell(value: object) -> str:
    """Return a value as text for a table or a CSV file; ``None`` becomes empty."""
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


def cells(record: msgspec.Struct) -> tuple[str, ...]:
    """Return the fields of a record as text, in their order."""
    return tuple(cell(value) for value in msgspec.structs.astuple(record))


def csv_line(values: Iterable[str]) -> str:
    """Return one line of CSV, without a line ending."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def json_line(value: object) -> str:
    """Return one line of JSON; what could control a terminal is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
