"""Lists and lookups as tables, CSV and plain data. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from altcraft_async.cli.safe_text import cell

__all__ = ["cells", "details_table", "record_data", "records_table"]


def cells(record: msgspec.Struct) -> tuple[str, ...]:
    """Return what a record holds as text, in the order of its fields."""
    return tuple(cell(value) for value in msgspec.structs.astuple(record))


def records_table(kind: type[msgspec.Struct], rows: Iterable[tuple[str, ...]]) -> Table:
    """Return a table with a line per record, from its cells."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in kind.__struct_fields__:
        table.add_column(_title(name), justify="right" if name == "id" else "left")
    for row in rows:
        table.add_row(*(Text(text or "-") for text in row))
    return table


def details_table(record: msgspec.Struct) -> Table:
    """Return a table with a line per field of one record."""
    table = Table.grid(padding=(0, 2))
    for name, text in zip(record.__struct_fields__, cells(record), strict=True):
        table.add_row(_title(name), Text(text or "-"))
    return table


def record_data(record: msgspec.Struct) -> object:
    """Return a record as plain data."""
    return msgspec.to_builtins(record)


def _title(field: str) -> Text:
    return Text(field.replace("_", " "))
