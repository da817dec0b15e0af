"""``refresh``: new counters of one or several resources, databases or segments."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.object_kinds import ObjectKind
from altcraft_async.cli.options import (
    examples,
    form_option,
    many_options,
    output_option,
    run_options,
    target_options,
)

__all__ = ["refresh_command"]

_HELP = """Refresh the counters of a {kind} and print them.

Several ids are refreshed at once, and their totals come at the end.
JSON and CSV are printed as each refresh ends."""


def refresh_command(kind: ObjectKind, path: str) -> click.Command:
    """Make the command of a kind; ``path`` is how people type it."""
    example = f"{path} {kind.example}"
    first, _, others = kind.example.partition(" ")
    several = f"{path} {first} {int(first) + 1} {int(first) + 2} {others}"

    @click.command(
        "refresh",
        help=_HELP.format(kind=kind.name),
        epilog=examples(
            example,
            f"{example} --timeout 600 --json",
            f"{several} --csv",
            f"{several} --run evening",
            f"altcraft task wait $({example} --no-wait)",
        ),
    )
    @target_options(kind, many=True)
    @many_options
    @click.option(
        "--no-wait",
        is_flag=True,
        help="Only start the tasks, and print a reference to each, for task wait.",
    )
    @run_options
    @output_option
    @form_option("json", "csv", "chart")
    def command(**options: Any) -> None:
        from altcraft_async.cli.actions.refresh import refresh_objects

        refresh_objects(kind, **options)

    return command
