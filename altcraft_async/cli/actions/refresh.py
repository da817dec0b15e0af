"""``refresh``: new counters of one or several resources, databases or segments."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from altcraft_async import AltcraftClient, CountersReport, TaskHandle, TaskRef
from altcraft_async.cli.account import make_client
from altcraft_async.cli.exit_codes import wait_hint
from altcraft_async.cli.json_data import task_data
from altcraft_async.cli.named_run import NamedRun
from altcraft_async.cli.object_kinds import ObjectKind, Target, make_target
from altcraft_async.cli.options import Form
from altcraft_async.cli.output import print_json, print_message, print_notice, print_view
from altcraft_async.cli.output_file import OutputFile
from altcraft_async.cli.progress import print_outages
from altcraft_async.cli.results import print_report
from altcraft_async.cli.runner import run
from altcraft_async.cli.tables import task_view
from altcraft_async.cli.totals import Totals
from altcraft_async.cli.waits import follow, run_batch, wait_for

__all__ = ["refresh_objects"]


def refresh_objects(  # noqa: PLR0913 -- one argument per option, all by name
    kind: ObjectKind,
    *,
    numbers: tuple[int, ...],
    timeout: float | None,
    in_flight: int,
    no_wait: bool,
    output: str | None,
    form: Form,
    **options: Any,  # noqa: ANN401 -- ids, the ledger, and for segments a name
) -> None:
    """Refresh one or several objects, or only start that."""
    if no_wait and form not in {None, "json"}:
        msg = f"--no-wait prints tasks, which --{form} does not show; use --json or neither."
        raise click.UsageError(msg)
    if no_wait and options["run_name"] is not None:
        msg = "--no-wait starts tasks and leaves, so there is no run to name; drop --run."
        raise click.UsageError(msg)
    if no_wait and output:
        msg = "--no-wait has no counters to write; leave out one of --no-wait and --output."
        raise click.UsageError(msg)
    numbers = tuple(dict.fromkeys(numbers))  # totals would count an id twice
    totals = Totals(len(numbers), kind.name)
    named = NamedRun(f"{kind.plural} refresh", totals)
    targets: list[Any] = [make_target(kind, number, options) for number in numbers]
    client, patience = make_client(options, named.ledger), options["outage_patience"] or 0.0
    if no_wait:
        run(_start(client, kind, targets, form, patience))
    elif len(targets) > 1 or named.ledger:

        async def refresh() -> None:
            with OutputFile(output) as file:
                async with named.using(client):
                    outcomes = kind.namespace(client).refresh_many(
                        targets,
                        in_flight=in_flight,
                        timeout=timeout,
                        idempotency_key=named.key,
                        on_start=totals.begin,
                    )
                    written = file.written(outcomes, kind.name, totals)
                    await follow(client, named.followed(written), totals, form, kind.name)

        run_batch(refresh(), totals, form)
    else:
        with OutputFile(output) as file:
            report, ref = run(_refresh(client, kind, targets[0], timeout, patience))
            print_report(report, form, ref.kind, ref.target, ref)
            file.add_report(report, ref.task_id)


async def _start(
    client: AltcraftClient, kind: ObjectKind, targets: list[Target], form: Form, patience: float
) -> None:
    """Start one task after the other, and print each before the next may fail."""
    refs: list[TaskRef] = []
    try:
        async with client:
            for target in targets:
                ref = (await _started(client, kind, target, patience)).ref
                refs.append(ref)
                if form == "json":
                    print_json(task_data(ref))
                else:
                    print_view(task_view(ref))
    finally:
        if refs:
            started = "1 task is started" if len(refs) == 1 else f"{len(refs)} tasks are started"
            print_notice(started, wait_hint(*refs))


async def _refresh(
    client: AltcraftClient,
    kind: ObjectKind,
    target: Target,
    seconds: float | None,
    patience: float,
) -> tuple[CountersReport, TaskRef]:
    async with client:
        handle = await _started(client, kind, target, patience)
        return await wait_for(client, handle, seconds), handle.ref


async def _started(
    client: AltcraftClient, kind: ObjectKind, target: Target, patience: float
) -> TaskHandle[CountersReport]:
    try:
        with print_outages(client):
            return await kind.start(client, target, patience)
    except asyncio.CancelledError:
        print_message("stopped while starting; the task may have started anyway")
        raise
