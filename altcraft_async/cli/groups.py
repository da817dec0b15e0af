"""The groups ``resources``, ``databases``, ``segments`` and ``task``, and short names."""

from __future__ import annotations

from collections.abc import Sequence

import click

from altcraft_async.cli.commands.catalogue import fields_command, get_command, list_command
from altcraft_async.cli.commands.refresh import counters_command, refresh_command
from altcraft_async.cli.commands.refresh_all import refresh_all_command
from altcraft_async.cli.commands.task import status_command, wait_command
from altcraft_async.cli.exit_codes import USAGE
from altcraft_async.cli.object_kinds import DATABASES, RESOURCES, SEGMENTS, Kind

__all__ = ["all_groups", "group", "short_commands"]


def group(
    name: str, commands: Sequence[click.Command], text: str, epilog: str | None = None
) -> click.Group:
    """Make a group of commands; alone, it is wrong usage, and the answer is its help."""

    @click.pass_context
    def show_help(context: click.Context) -> None:
        if context.invoked_subcommand is None:
            click.echo(context.get_help(), err=True)
            context.exit(USAGE)

    return click.Group(
        name,
        commands=commands,
        help=text,
        epilog=epilog,
        callback=show_help,
        invoke_without_command=True,
    )


def all_groups() -> list[click.Group]:
    """Return the groups."""
    resources = _group(RESOURCES, "what people subscribe to")
    resources.add_command(fields_command())
    resources.add_command(refresh_all_command())
    tasks = [status_command("altcraft task status"), wait_command("altcraft task wait")]
    task = group("task", tasks, "Tasks that were started before.")
    databases = _group(DATABASES, "where profiles are kept")
    return [resources, databases, _group(SEGMENTS, "parts of a database"), task]


def short_commands() -> list[click.Command]:
    """Return what is typed most, without its group."""
    return [
        refresh_command(RESOURCES, "altcraft refresh"),
        counters_command(RESOURCES, "altcraft counters"),
        status_command("altcraft status"),
        wait_command("altcraft wait"),
    ]


def _group(kind: Kind, what: str) -> click.Group:
    path = f"altcraft {kind.plural}"
    commands = [
        list_command(kind),
        get_command(kind),
        counters_command(kind, f"{path} counters"),
        refresh_command(kind, f"{path} refresh"),
    ]
    return group(kind.plural, commands, f"{kind.plural.capitalize()}: {what}.")
