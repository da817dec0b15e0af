"""``task status`` and ``task wait``: tasks that were started before."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, cast

import click

from altcraft_async import AltcraftClient, CountersReport, TaskHandle, TaskRef, TaskStatus
from altcraft_async.cli.account import account_client, make_client
from altcraft_async.cli.json_data import status_data
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.options import Form
from altcraft_async.cli.output import print_json, print_view
from altcraft_async.cli.output_file import OutputFile
from altcraft_async.cli.results import print_report
from altcraft_async.cli.runner import run
from altcraft_async.cli.tables import status_view
from altcraft_async.cli.totals import Totals
from altcraft_async.cli.waits import follow_all, run_batch, wait_for
from altcraft_async.tasks.refresh_many import refresh_many

__all__ = ["print_status", "wait_for_tasks"]


def print_status(*, task: TaskRef, form: Form) -> None:
    """Poll a task once and print its status."""
    status = run(_status(task))
    if form == "json":
        print_json(status_data(task.task_id, status))
    else:
        print_view(status_view(status))


def wait_for_tasks(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    tasks: tuple[TaskRef, ...],
    timeout: float | None,
    in_flight: int,
    raw: bool,
    output: str | None,
    form: Form,
    **options: Any,  # noqa: ANN401 -- of the client
) -> None:
    """Wait for tasks that were started before and print their counters."""
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
