"""``list``, ``get`` and ``fields``: what there is at the platform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import click
import msgspec

from altcraft_async import AltcraftClient, SubscriptionField
from altcraft_async.cli.object_kinds import Kind
from altcraft_async.cli.options import Form, examples, form_option
from altcraft_async.cli.output import print_csv, print_json, print_view
from altcraft_async.cli.records import cells, details_table, record_data, records_table
from altcraft_async.cli.runner import run

__all__ = ["fields_command", "get_command", "list_command"]

_PAGE = 1000  # the platform's own default

_tags_option = click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only those with this tag; repeatable."
)


def list_command(kind: Kind) -> click.Command:
    """Make the command that lists what there is of a kind."""

    @click.command(
        "list",
        help=f"List the {kind.plural}, page by page. JSON and CSV come as the pages do.",
        epilog=examples(
            f"altcraft {kind.plural} list",
            f"altcraft {kind.plural} list --group Europe --limit 10",
            f"altcraft {kind.plural} list --json | jq .id",
        ),
    )
    @click.option(
        "--from-id",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Begin at this id.",
    )
    @click.option(
        "--limit", type=click.IntRange(min=1), metavar="N", help="So many at most; all by default."
    )
    @click.option(
        "--group",
        "groups",
        multiple=True,
        metavar="NAME",
        help="Only those of this access group; repeatable.",
    )
    @click.option(
        "--group-id",
        "groups_id",
        type=click.IntRange(min=1),
        multiple=True,
        metavar="N",
        help="The same by its id.",
    )
    @form_option("json", "csv")
    def command(*, limit: int | None, form: Form, **filters: Any) -> None:  # noqa: ANN401 -- each kind has its own
        wanted = {name: value for name, value in filters.items() if value != ()}
        run(_list(kind, limit, form, wanted))

    return _tags_option(command) if kind.has_tags else command


def get_command(kind: Kind) -> click.Command:
    """Make the command that polls one object of a kind up."""

    @click.command(
        "get",
        help=f"Show what the platform knows of a {kind.name}.",
        epilog=examples(
            f"altcraft {kind.plural} get 24",
            f"altcraft {kind.plural} get 24 --json",
        ),
    )
    @click.argument("number", metavar=kind.ids[0].upper(), type=click.IntRange(min=1))
    @form_option("json", "csv")
    def command(*, number: int, form: Form) -> None:
        _print_details(run(_get(kind, number)), form)

    return command


def fields_command() -> click.Command:
    """Make the command that lists the fields of a resource's subscriptions."""

    @click.command(
        "fields",
        help="List the fields that subscriptions of a resource have in a channel.",
        epilog=examples(
            "altcraft resources fields 24 --channel push",
            "altcraft resources fields 24 --channel email --csv",
        ),
    )
    @click.argument("number", metavar="RESOURCE_ID", type=click.IntRange(min=1))
    @click.option(
        "--channel", required=True, metavar="NAME", help="Such as email, sms, push or whatsapp."
    )
    @form_option("json", "csv")
    def command(*, number: int, channel: str, form: Form) -> None:
        fields = run(_fields(number, channel))
        printer = _Printer(SubscriptionField, form)
        for field in fields:
            printer.add(field)
        printer.end(None, "fields")

    return command


async def _list(kind: Kind, limit: int | None, form: Form, filters: dict[str, Any]) -> None:
    printer = _Printer(kind.row, form)
    page = _PAGE if limit is None else min(limit, _PAGE)
    async with AltcraftClient.from_env() as client:
        rows = kind.list(client)(limit=page, **filters)
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
        if left == 0:  # before the next page is asked for
            return


async def _get(kind: Kind, number: int) -> msgspec.Struct:
    async with AltcraftClient.from_env() as client:
        return await kind.get(client, number)


async def _fields(number: int, channel: str) -> tuple[SubscriptionField, ...]:
    async with AltcraftClient.from_env() as client:
        return await client.resources.fields_get(number, channel=channel)


def _print_details(record: msgspec.Struct, form: Form) -> None:
    if form == "json":
        print_json(record_data(record))
    elif form == "csv":
        print_csv([record.__struct_fields__, cells(record)])
    else:
        print_view(details_table(record))


class _Printer:
    """Prints records as they come; a table at the end, as its columns need all of them."""

    def __init__(self, kind: type[msgspec.Struct], form: Form) -> None:
        self._kind = kind
        self._form = form
        self._rows: list[tuple[str, ...]] = []
        if form == "csv":
            print_csv([kind.__struct_fields__])

    def add(self, record: msgspec.Struct) -> None:
        if self._form == "json":
            print_json(record_data(record))
        elif self._form == "csv":
            print_csv([cells(record)])
        else:
            self._rows.append(cells(record))

    def end(self, total: int | None, what: str) -> None:
        if self._form is not None:
            return
        shown = len(self._rows)
        of_all = f" of {total}" if total is not None and total > shown else ""
        print_view(records_table(self._kind, self._rows), f"{shown}{of_all} {what}")
