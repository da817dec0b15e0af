"""``altcraft refresh``, ``status`` and ``wait``: tasks of a real account."""

from __future__ import annotations

import asyncio

import click

from altcraft_async import AltcraftClient, CountersReport, TaskHandle, TaskRef, TaskStatus
from altcraft_async.cli import show
from altcraft_async.cli.exits import way_back
from altcraft_async.cli.options import help_lines, json_option, task_argument, timeout_option
from altcraft_async.cli.progress import show_task
from altcraft_async.cli.running import run
from altcraft_async.cli.terminal import print_json, print_view, say, words

__all__ = ["refresh", "status", "wait"]

_TASK_ID = "7f9c2ba4-e88f-4271-9bd6-cb3a3b5c7f1e"  # in examples


@click.command(
    epilog=help_lines(
        "Examples",
        "altcraft refresh 24 --database-id 1",
        "altcraft refresh 24 --database-id 1 --timeout 600 --json",
        'altcraft wait "$(altcraft refresh 24 --database-id 1 --no-wait)"',
    )
)
@click.argument("resource_id", type=click.IntRange(min=1))
@click.option(
    "--database-id",
    type=click.IntRange(min=1),
    required=True,
    metavar="N",
    help="Profile database to count in.",
)
@timeout_option
@click.option("--no-wait", is_flag=True, help="Start only, and print the task id.")
@json_option
def refresh(
    *, resource_id: int, database_id: int, timeout: float | None, no_wait: bool, as_json: bool
) -> None:
    """Recount the subscribers of a resource and print the counters."""
    if no_wait:
        _print_task(run(_start(resource_id, database_id)), as_json=as_json)
        return
    report, ref = run(_refresh(resource_id, database_id, timeout))
    _print_report(report, ref, as_json=as_json)


@click.command(epilog=help_lines("Example", f"altcraft status {_TASK_ID}"))
@task_argument
@json_option
def status(*, task: TaskRef, as_json: bool) -> None:
    """Ask once how far a task is."""
    said = run(_status(task))
    if as_json:
        print_json(show.status_data(task.task_id, said))
    else:
        print_view(show.status_view(said))


@click.command(
    epilog=help_lines(
        "Examples",
        f"altcraft wait {_TASK_ID}",
        f"altcraft wait {_TASK_ID} --timeout 600 --json",
    )
)
@task_argument
@timeout_option
@json_option
def wait(*, task: TaskRef, timeout: float | None, as_json: bool) -> None:
    """Wait for a task that was started before and print its counters.

    TASK_ID may also be the JSON of a TaskRef.
    """
    _print_report(run(_attach(task, timeout)), task, as_json=as_json)


async def _start(resource_id: int, database_id: int) -> TaskRef:
    async with AltcraftClient.from_env() as client:
        return (await _started(client, resource_id, database_id)).ref


async def _refresh(
    resource_id: int, database_id: int, seconds: float | None
) -> tuple[CountersReport, TaskRef]:
    async with AltcraftClient.from_env() as client:
        handle = await _started(client, resource_id, database_id)
        return await _wait(handle, seconds), handle.ref


async def _status(task: TaskRef) -> TaskStatus:
    async with AltcraftClient.from_env() as client:
        return await client.tasks.status(task.task_id)


async def _attach(task: TaskRef, seconds: float | None) -> CountersReport:
    async with AltcraftClient.from_env() as client:
        return await _wait(client.tasks.attach(task, decode=CountersReport), seconds)


async def _started(
    client: AltcraftClient, resource_id: int, database_id: int
) -> TaskHandle[CountersReport]:
    try:
        return await client.resources.refresh_counters(resource_id, database_id=database_id)
    except asyncio.CancelledError:
        say("stopped while starting; it may have started all the same")
        raise


async def _wait(handle: TaskHandle[CountersReport], seconds: float | None) -> CountersReport:
    try:
        with show_task(handle, words()):
            return await handle.wait(timeout=seconds)
    except asyncio.CancelledError:
        say("stopped waiting", way_back(handle.ref))
        raise


def _print_task(ref: TaskRef, *, as_json: bool) -> None:
    if as_json:
        print_json(show.task_data(ref))
    else:
        print_view(show.clean(ref.task_id))
    say("started", way_back(ref))


def _print_report(report: CountersReport, ref: TaskRef, *, as_json: bool) -> None:
    if as_json:
        print_json(show.report_data(report, ref))
    else:
        print_view(*show.report_views(report, ref))
