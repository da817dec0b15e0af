"""``list``, ``get`` and ``fields``: what the platform has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from altcraft_async import SubscriptionField
from altcraft_async.cli.account import account_client
from altcraft_async.cli.object_kinds import ObjectKind
from altcraft_async.cli.options import CSV, Form
from altcraft_async.cli.output import print_csv, print_json, print_view
from altcraft_async.cli.runner import run
from altcraft_async.cli.safe_text import cells
from altcraft_async.cli.tables import details_table, records_table

__all__ = ["RecordPrinter", "list_fields", "list_objects", "show_object"]

_PAGE = 1000  # the platform's default


def list_objects(
    kind: ObjectKind,
    *,
    limit: int | None,
    form: Form,
    **filters: Any,  # noqa: ANN401 -- each kind has its own
) -> None:
    """List the objects of a kind."""
    run(_list(kind, limit, form, {name: one for name, one in filters.items() if one != ()}))


def show_object(kind: ObjectKind, *, number: int, form: Form) -> None:
    """Look up an object."""
    _print_details(run(_get(kind, number)), form)


def list_fields(*, number: int, channel: str, form: Form) -> None:
    """List the fields of subscriptions in a channel."""
    fields = run(_fields(number, channel))
    printer = RecordPrinter(SubscriptionField, form)
    for field in fields:
        printer.add(field)
    printer.end(None, "fields")


async def _list(kind: ObjectKind, limit: int | None, form: Form, filters: dict[str, Any]) -> None:
    printer = RecordPrinter(kind.row, form)
    page = _PAGE if limit is None else min(limit, _PAGE)
    async with account_client() as client:
        rows = kind.namespace(client).list(limit=page, **filters)
        async for row in _first(rows, limit):
            printer.add(row)
        printer.end(rows.total, kind.plural)


async def _first(
    rows: AsyncIterator[msgspec.Struct], limit: int | None
) -> AsyncIterator[msgspec.Struct]:
    left = limit
    async for row in rows:
        yield row
        left = None if left is None else left - 1
        if left == 0:  # before the next page is requested
            return


async def _get(kind: ObjectKind, number: int) -> msgspec.Struct:
    async with account_client() as client:
        return await kind.namespace(client).get(number)


async def _fields(number: int, channel: str) -> tuple[SubscriptionField, ...]:
    async with account_client() as client:
        return await client.resources.fields_get(number, channel=channel)


def _print_details(record: msgspec.Struct, form: Form) -> None:
    if form == "json":
        print_json(msgspec.to_builtins(record))
    elif form in CSV:
        print_csv([record.__struct_fields__, cells(record)], raw=form == "csv-raw")
    else:
        print_view(details_table(record))


class RecordPrinter:
    """Prints records as they arrive; a table at the end, since it needs all of them."""

    def __init__(self, record_type: type[msgspec.Struct], form: Form) -> None:
        """Print the header of CSV, if that is the form."""
        self._type = record_type
        self._form = form
        self._rows: list[tuple[str, ...]] = []
        if form in CSV:
            print_csv([record_type.__struct_fields__], raw=True)

    def add(self, record: msgspec.Struct) -> None:
        """Print a record, or keep it for the table."""
        if self._form == "json":
            print_json(msgspec.to_builtins(record))
        elif self._form in CSV:
            print_csv([cells(record)], raw=self._form == "csv-raw")
        else:
            self._rows.append(cells(record))

    def end(self, total: int | None, what: str) -> None:
        """Print the table and how many rows it has, of how many in all."""
        if self._form is not None:
            return
        shown = len(self._rows)
        of_all = f" of {total:,}" if total is not None and total > shown else ""
        print_view(records_table(self._type, self._rows), f"{shown:,}{of_all} {what}")
