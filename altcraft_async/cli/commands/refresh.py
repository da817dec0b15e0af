"""``counters`` and ``refresh``: the figures of resources, databases and segments."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import click

from altcraft_async import AltcraftClient, CountersReport, TaskHandle, TaskRef
from altcraft_async.cli import tables
from altcraft_async.cli.csv_rows import columns, report_lines
from altcraft_async.cli.exit_codes import way_back
from altcraft_async.cli.object_kinds import Kind, Target, named_ids
from altcraft_async.cli.options import (
    Form,
    client_of,
    examples,
    form_option,
    many_options,
    target_of,
    target_options,
)
from altcraft_async.cli.output import print_csv, print_json, print_view, say, words
from altcraft_async.cli.progress import show_task
from altcraft_async.cli.runner import run
from altcraft_async.cli.totals import Tally
from altcraft_async.cli.waits import follow, perform, printer, start_noting, way_back_told
from altcraft_async.tasks.refresh_many import refresh_many

__all__ = ["counters_command", "print_report", "refresh_command", "wait_for"]


T = TypeVar("T")

_EXAMPLES = {
    "resource": "24 --database-id 1",
    "database": "1 --resource-id 24",
    "segment": "7 --resource-id 24",
}


def counters_command(kind: Kind, path: str) -> click.Command:
    """Make the command that reads the last counted figures.

    Args:
        kind: Of what.
        path: How people type it.
    """
    example = f"{path} {_EXAMPLES[kind.name]}"

    @click.command(
        "counters",
        help=f"Print the counters of a {kind.name} as they were last counted.",
        epilog=examples(example, f"{example} --chart"),
    )
    @target_options(kind, many=False)
    @form_option("json", "csv", "chart")
    def command(
        *,
        number: int,
        form: Form,
        **others: Any,  # noqa: ANN401 -- ids, and for segments a name
    ) -> None:
        target = target_of(kind, number, others)
        report = run(_counters(client_of(others), kind, target))
        if form == "json":
            print_json(tables.groups_data(report))
        elif form == "csv":
            print_csv([columns(kind.name), *report_lines(kind.name, target, report)])
        else:
            print_view(
                *tables.report_views(
                    report, named_ids(kind.name, target), bars_only=form == "chart"
                )
            )

    return command


def refresh_command(kind: Kind, path: str) -> click.Command:
    """Make the command that recounts one or several objects.

    Args:
        kind: Of what.
        path: How people type it.
    """
    example = f"{path} {_EXAMPLES[kind.name]}"

    @click.command(
        "refresh",
        help=f"""Recount the subscribers of a {kind.name} and print the counters.

        With several ids: all at once, with the totals at the end. JSON and CSV
        come as each is completed.""",
        epilog=examples(
            example,
            f"{example} --timeout 600 --json",
            f"{path} 24 25 26 {_EXAMPLES[kind.name].partition(' ')[2]} --csv",
            f'altcraft task wait "$({example} --no-wait)"',
        ),
    )
    @target_options(kind, many=True)
    @many_options
    @click.option("--no-wait", is_flag=True, help="Start only, and print the task ids.")
    @form_option("json", "csv", "chart")
    def command(
        *,
        numbers: tuple[int, ...],
        timeout: float | None,
        in_flight: int,
        no_wait: bool,
        form: Form,
        **others: Any,  # noqa: ANN401 -- ids, and for segments a name
    ) -> None:
        targets = [target_of(kind, number, others) for number in numbers]
        client = client_of(others)
        if no_wait:
            run(_start(client, kind, targets, form))
        elif len(targets) > 1:
            tally = Tally(len(targets))
            work = _refresh_many(client, kind, targets, tally, form, in_flight, timeout)
            perform(work, tally, form)
        else:
            report, ref = run(_refresh(client, kind, targets[0], timeout))
            print_report(report, ref, form)

    return command


async def wait_for(handle: TaskHandle[T], seconds: float | None) -> T:
    """Wait for one task, showing how far it is, and saying how to come back to it."""
    try:
        with show_task(handle, words()):
            return await handle.wait(timeout=seconds)
    except asyncio.CancelledError:
        say("stopped waiting", way_back(handle.ref))
        raise


def print_report(report: CountersReport, ref: TaskRef, form: Form) -> None:
    """Print what one task counted."""
    if form == "json":
        print_json(tables.report_data(report, ref))
    elif form == "csv":
        lines = report_lines(ref.kind, ref.target, report, ref.task_id)
        print_csv([columns(ref.kind), *lines])
    else:
        print_view(
            *tables.report_views(report, named_ids(ref.kind, ref.target), bars_only=form == "chart")
        )


async def _counters(client: AltcraftClient, kind: Kind, target: Target) -> CountersReport:
    async with client:
        return await kind.get_counters(client, target)


async def _start(client: AltcraftClient, kind: Kind, targets: list[Target], form: Form) -> None:
    """Start all, one after the other, and print each task at once, as it may be all there is."""
    refs: list[TaskRef] = []
    try:
        async with client:
            for target in targets:
                ref = (await _started(kind, client, target)).ref
                refs.append(ref)
                _print_task(ref, form)
    finally:
        if refs:
            say("started", way_back(*refs))


async def _refresh(
    client: AltcraftClient, kind: Kind, target: Target, seconds: float | None
) -> tuple[CountersReport, TaskRef]:
    async with client:
        handle = await _started(kind, client, target)
        return await wait_for(handle, seconds), handle.ref


async def _refresh_many(  # noqa: PLR0913, PLR0917 -- the options of one command
    client: AltcraftClient,
    kind: Kind,
    targets: list[Target],
    tally: Tally,
    form: Form,
    in_flight: int,
    seconds: float | None,
) -> None:
    async with client:
        start = start_noting(client, kind, tally)
        outcomes = refresh_many(targets, start, in_flight=in_flight, timeout=seconds)
        with way_back_told(tally):
            await follow(outcomes, tally, form, printer(form, kind.name))


async def _started(
    kind: Kind, client: AltcraftClient, target: Target
) -> TaskHandle[CountersReport]:
    try:
        return await kind.start(client, target)
    except asyncio.CancelledError:
        say("stopped while starting; it may have started all the same")
        raise


def _print_task(ref: TaskRef, form: Form) -> None:
    if form == "json":
        print_json(tables.task_data(ref))
    else:
        print_view(tables.task_view(ref))
