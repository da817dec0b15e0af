"""``task status`` and ``task wait``: tasks that were started before."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.options import (
    examples,
    form_option,
    many_options,
    output_option,
    task_argument,
    tasks_argument,
)

__all__ = ["status_command", "wait_command"]

_TASK_ID = "7f9c2ba4-e88f-4271-9bd6-cb3a3b5c7f1e"  # in examples


def status_command(path: str) -> click.Command:
    """Make the command that polls a task once; ``path`` is how people type it."""

    @click.command(
        "status",
        help="Poll a task once and print its status.",
        epilog=examples(f"{path} {_TASK_ID}"),
    )
    @task_argument
    @form_option("json")
    def command(**options: Any) -> None:
        from altcraft_async.cli.actions.task import print_status

        print_status(**options)

    return command


def wait_command(path: str) -> click.Command:
    """Make the command that waits for tasks; ``path`` is how people type it."""

    @click.command(
        "wait",
        short_help="Wait for tasks that were started before.",
        help="""Wait for tasks that were started before and print their counters.

        A TASK_ID may also be the JSON of a TaskRef, or an id and its target, as
        hints print them. With several tasks, the totals come at the end; JSON
        and CSV are printed as each task ends.""",
        epilog=examples(
            f"{path} {_TASK_ID}",
            f"{path} {_TASK_ID} --timeout 600 --json",
            f"{path} {_TASK_ID}@resource:24:1 --csv",
            f"{path} --raw $EXPORT_TASK_ID",
        ),
    )
    @tasks_argument
    @many_options
    @click.option(
        "--raw",
        is_flag=True,
        help="Print the result unchanged, as JSON: for tasks that give no counters.",
    )
    @output_option
    @form_option("json", "csv", "chart")
    def command(**options: Any) -> None:
        from altcraft_async.cli.actions.task import wait_for_tasks

        wait_for_tasks(**options)

    return command
