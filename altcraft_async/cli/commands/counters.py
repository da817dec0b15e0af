"""``counters``: the last counters of a resource, database or segment."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.object_kinds import ObjectKind
from altcraft_async.cli.options import examples, form_option, output_option, target_options

__all__ = ["counters_command"]


def counters_command(kind: ObjectKind, path: str) -> click.Command:
    """Make the command of a kind; ``path`` is how people type it."""
    example = f"{path} {kind.example}"

    @click.command(
        "counters",
        short_help=f"Print the last counters of a {kind.name}, without a refresh.",
        help=f"Print the last counters of a {kind.name}, without a refresh.\n\n"
        "They are those of the last refresh. Its time is shown if the platform sends it.",
        epilog=examples(example, f"{example} --chart"),
    )
    @target_options(kind, many=False)
    @output_option
    @form_option("json", "csv", "chart")
    def command(**options: Any) -> None:
        from altcraft_async.cli.actions.counters import print_counters

        print_counters(kind, **options)

    return command
