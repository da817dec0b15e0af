"""``counters``: the last counters of a resource, database or segment."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async import AltcraftClient, CountersReport
from altcraft_async.cli.object_kinds import ObjectKind, Target
from altcraft_async.cli.options import (
    Form,
    examples,
    form_option,
    make_client,
    make_target,
    target_options,
)
from altcraft_async.cli.output_file import OutputFile, output_option
from altcraft_async.cli.results import print_report
from altcraft_async.cli.runner import run

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
    def command(
        *,
        number: int,
        output: str | None,
        form: Form,
        **options: Any,  # noqa: ANN401 -- ids, and for segments a name
    ) -> None:
        target = make_target(kind, number, options)
        with OutputFile(output) as file:
            report = run(_counters(make_client(options), kind, target))
            print_report(report, form, kind.name, target)
            file.add_report(report)

    return command


async def _counters(client: AltcraftClient, kind: ObjectKind, target: Target) -> CountersReport:
    async with client:
        return await kind.get_counters(client, target)
