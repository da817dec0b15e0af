"""``task status`` and ``task wait``: tasks that were started before."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, cast

import click

from altcraft_async import AltcraftClient, CountersReport, TaskHandle, TaskRef, TaskStatus
from altcraft_async.cli.account import account_client
from altcraft_async.cli.json_data import status_data
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.options import (
    Form,
    examples,
    form_option,
    make_client,
    many_options,
    task_argument,
    tasks_argument,
)
from altcraft_async.cli.output import print_json, print_view
from altcraft_async.cli.output_file import OutputFile, output_option
from altcraft_async.cli.results import print_report
from altcraft_async.cli.runner import run
from altcraft_async.cli.tables import status_view
from altcraft_async.cli.totals import Totals
from altcraft_async.cli.waits import follow_all, run_batch, wait_for
from altcraft_async.tasks.refresh_many import refresh_many

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
    def command(*, task: TaskRef, form: Form) -> None:
        status = run(_status(task))
        if form == "json":
            print_json(status_data(task.task_id, status))
        else:
            print_view(status_view(status))

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
    def command(  # noqa: PLR0913 -- one argument per option, all by name
        *,
        tasks: tuple[TaskRef, ...],
        timeout: float | None,
        in_flight: int,
        raw: bool,
        output: str | None,
        form: Form,
        **options: Any,  # noqa: ANN401 -- of the client
    ) -> None:
        if raw and output:
            msg = "--raw gives no counters to write; leave out one of --raw and --output."
            raise click.UsageError(msg)
        client = make_client(options)
        task, *others = tasks
        if raw:
            run(_wait_raw(client, tasks, timeout))
        elif others:
            kind = task.kind if all(one.kind == task.kind for one in others) else "unknown"
            totals = Totals(len(tasks), kind)
            for one in tasks:
                totals.begin(one)
            outcomes = _outcomes(client, tasks, in_flight, timeout)
            run_batch(follow_all(client, outcomes, totals, form, kind, output=output), totals, form)
        else:
            with OutputFile(output) as file:
                report = run(_wait(client, task, timeout))
                print_report(report, form, task.kind, task.target, task)
                file.add_report(report, task.task_id)

    return command


async def _status(task: TaskRef) -> TaskStatus:
    async with account_client() as client:
        return await client.tasks.status(task.task_id)


async def _wait(client: AltcraftClient, task: TaskRef, seconds: float | None) -> CountersReport:
    async with client:
        return await wait_for(client, client.tasks.attach(task, decode=CountersReport), seconds)


async def _wait_raw(
    client: AltcraftClient, tasks: tuple[TaskRef, ...], seconds: float | None
) -> None:
    async with client:
        for task in tasks:
            print_json(
                await wait_for(client, client.tasks.attach(task, decode=_unchanged), seconds)
            )


def _outcomes(
    client: AltcraftClient, tasks: tuple[TaskRef, ...], in_flight: int, seconds: float | None
) -> AsyncGenerator[Outcome, None]:
    async def attach(task: object) -> TaskHandle[CountersReport]:
        return client.tasks.attach(cast("TaskRef", task), decode=CountersReport)

    return refresh_many(tasks, attach, in_flight=in_flight, timeout=seconds)


def _unchanged(value: object) -> object:
    return value
