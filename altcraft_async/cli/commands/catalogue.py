"""``list``, ``get`` and ``fields``: what the platform has."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.object_kinds import ID_NAMES, ObjectKind
from altcraft_async.cli.options import (
    WholeNumber,
    examples,
    form_option,
    group_option,
    id_argument,
)

__all__ = ["fields_command", "get_command", "list_command"]

_tags_option = click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only objects with this tag; repeatable."
)


def list_command(kind: ObjectKind) -> click.Command:
    """Make the command that lists all objects of a kind."""

    @click.command(
        "list",
        help=f"List the {kind.plural}. JSON and CSV are printed page by page.",
        epilog=examples(
            f"altcraft {kind.plural} list",
            f"altcraft {kind.plural} list --group Europe --limit 10",
            f"altcraft {kind.plural} list --json | jq .id",
        ),
    )
    @click.option(
        "--from-id",
        type=WholeNumber(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Begin at this id.",
    )
    @click.option(
        "--limit", type=WholeNumber(min=1), metavar="N", help="List at most N; all by default."
    )
    @group_option(kind.plural)
    @click.option(
        "--group-id",
        "groups_id",
        type=WholeNumber(min=1),
        multiple=True,
        metavar="N",
        help=f"Only {kind.plural} of the access group with this id; repeatable.",
    )
    @form_option("json", "csv")
    def command(**options: Any) -> None:
        from altcraft_async.cli.actions.catalogue import list_objects

        list_objects(kind, **options)

    return _tags_option(command) if kind.has_tags else command


def get_command(kind: ObjectKind) -> click.Command:
    """Make the command that looks up one object of a kind."""

    @click.command(
        "get",
        help=f"Look up a {kind.name}.",
        epilog=examples(f"altcraft {kind.plural} get 24", f"altcraft {kind.plural} get 24 --json"),
    )
    @id_argument(ID_NAMES[kind.name][0])
    @form_option("json", "csv")
    def command(**options: Any) -> None:
        from altcraft_async.cli.actions.catalogue import show_object

        show_object(kind, **options)

    return command


def fields_command() -> click.Command:
    """Make the command that lists the fields of a resource's subscriptions."""

    @click.command(
        "fields",
        short_help="List the fields of a resource's subscriptions.",
        help="List the fields that subscriptions of a resource have in a channel.",
        epilog=examples(
            "altcraft resources fields 24 --channel push",
            "altcraft resources fields 24 --channel email --csv",
        ),
    )
    @id_argument("resource_id")
    @click.option(
        "--channel", required=True, metavar="NAME", help="Such as email, sms, push or whatsapp."
    )
    @form_option("json", "csv")
    def command(**options: Any) -> None:
        from altcraft_async.cli.actions.catalogue import list_fields

        list_fields(**options)

    return command
