"""``altcraft task status`` and ``wait``: tasks that were started before, by whomever."""

from __future__ import annotations

from typing import Any, cast

import click

from altcraft_async import AltcraftClient, CountersReport, TaskHandle, TaskKind, TaskRef, TaskStatus
from altcraft_async.cli import tables
from altcraft_async.cli.commands.refresh import print_report, wait_for
from altcraft_async.cli.options import (
    Form,
    client_of,
    examples,
    form_option,
    json_option,
    many_options,
    task_argument,
    tasks_argument,
)
from altcraft_async.cli.output import print_json, print_view
from altcraft_async.cli.runner import run
from altcraft_async.cli.totals import Tally
from altcraft_async.cli.waits import follow, perform, printer, way_back_told
from altcraft_async.tasks.refresh_many import refresh_many

__all__ = ["status_command", "wait_command"]

_TASK_ID = "7f9c2ba4-e88f-4271-9bd6-cb3a3b5c7f1e"  # in examples


def status_command(path: str) -> click.Command:
    """Make the command that polls a task once; ``path`` is how people type it."""

    @click.command(
        "status",
        help="Ask once how far a task is.",
        epilog=examples(f"{path} {_TASK_ID}"),
    )
    @task_argument
    @json_option
    def command(*, task: TaskRef, form: Form) -> None:
        said = run(_status(task))
        if form == "json":
            print_json(tables.status_data(task.task_id, said))
        else:
            print_view(tables.status_view(said))

    return command


def wait_command(path: str) -> click.Command:
    """Make the command that waits for tasks; ``path`` is how people type it."""

    @click.command(
        "wait",
        help="""Wait for tasks that were started before and print their counters.

        A TASK_ID may also be the JSON of a TaskRef, or have what the task counts
        behind it, as every hint to come back says it. With several of them: the
        totals at the end; JSON and CSV come as each is completed.""",
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
        help="Print the result as it came, as JSON: for tasks that count nothing.",
    )
    @form_option("json", "csv", "chart")
    def command(
        *,
        tasks: tuple[TaskRef, ...],
        timeout: float | None,
        in_flight: int,
        raw: bool,
        form: Form,
        **others: Any,  # noqa: ANN401 -- of the client
    ) -> None:
        client = client_of(others)
        if raw:
            run(_wait_raw(client, tasks, timeout))
        elif len(tasks) == 1:
            print_report(run(_wait(client, tasks[0], timeout)), tasks[0], form)
        else:
            tally = Tally(len(tasks))
            perform(_wait_many(client, tasks, tally, form, in_flight, timeout), tally, form)

    return command


async def _status(task: TaskRef) -> TaskStatus:
    async with AltcraftClient.from_env() as client:
        return await client.tasks.status(task.task_id)


async def _wait(client: AltcraftClient, task: TaskRef, seconds: float | None) -> CountersReport:
    async with client:
        return await wait_for(client.tasks.attach(task, decode=CountersReport), seconds)


async def _wait_raw(
    client: AltcraftClient, tasks: tuple[TaskRef, ...], seconds: float | None
) -> None:
    async with client:
        for task in tasks:
            print_json(await wait_for(client.tasks.attach(task, decode=_as_it_came), seconds))


async def _wait_many(  # noqa: PLR0913, PLR0917 -- the options of one command
    client: AltcraftClient,
    tasks: tuple[TaskRef, ...],
    tally: Tally,
    form: Form,
    in_flight: int,
    seconds: float | None,
) -> None:
    kinds = {task.kind for task in tasks}
    kind: TaskKind = tasks[0].kind if len(kinds) == 1 else "unknown"
    for task in tasks:
        tally.begin(task)
    async with client:

        async def attach(task: object) -> TaskHandle[CountersReport]:
            return client.tasks.attach(cast("TaskRef", task), decode=CountersReport)

        outcomes = refresh_many(tasks, attach, in_flight=in_flight, timeout=seconds)
        with way_back_told(tally):
            await follow(outcomes, tally, form, printer(form, kind))


def _as_it_came(value: object) -> object:
    return value
