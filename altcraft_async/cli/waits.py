"""Waits for one task or many, with a live display and a hint on how to come back."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import TypeVar

from click.exceptions import Exit

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    HistoryError,
    StartUnknownError,
    TaskHandle,
    TaskKind,
)
from altcraft_async.cli.exit_codes import code_of, wait_hint
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.options import FOR_PROGRAMS, Form
from altcraft_async.cli.output import is_off_screen, print_message
from altcraft_async.cli.output_file import OutputFile
from altcraft_async.cli.progress import print_outages, show_many, show_task
from altcraft_async.cli.results import outcome_printer, print_totals
from altcraft_async.cli.runner import run
from altcraft_async.cli.totals import Totals

__all__ = ["follow", "follow_all", "run_batch", "wait_for"]

T = TypeVar("T")


async def wait_for(client: AltcraftClient, handle: TaskHandle[T], seconds: float | None) -> T:
    """Wait for one task."""
    try:
        with show_task(client, handle):
            return await handle.wait(timeout=seconds)
    except AltcraftError:
        raise
    except (asyncio.CancelledError, OSError):  # the display cannot be written
        print_message("stopped waiting", wait_hint(handle.ref))
        raise


async def follow(  # noqa: PLR0913 -- all but one by position, as commands have them
    client: AltcraftClient,
    outcomes: AsyncGenerator[Outcome, None],
    totals: Totals,
    form: Form,
    kind: TaskKind,
    *,
    can_resume: bool = True,
) -> None:
    """Print outcomes as they arrive and add them up.

    Args:
        client: Makes the outcomes.
        outcomes: Outcomes of many refreshes.
        totals: Where to add them.
        form: How to print them.
        kind: Kind of their targets.
        can_resume: Whether tasks go on at the platform after the command.
    """
    began = time.perf_counter()
    print_outcome = outcome_printer(form, kind, totals)
    # On one screen, lines and a live display would overwrite each other. Output of
    # `altcraft … --json | jq` ends on that screen as well.
    is_shown = form not in FOR_PROGRAMS or is_off_screen(sys.stdout)
    try:
        with show_many(client, totals) if is_shown else print_outages(client):
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    # First, so that a task whose result cannot be printed counts as running.
                    print_outcome(outcome)
                    totals.add(outcome)
    except AltcraftError as error:
        if totals.way_back or isinstance(error, HistoryError):
            _print_stopped(totals)
        raise
    except (asyncio.CancelledError, OSError):  # stdout cannot be written
        if can_resume:
            _print_stopped(totals)
        raise
    finally:
        totals.seconds = time.perf_counter() - began


async def follow_all(  # noqa: PLR0913 -- as `follow`, and the file
    client: AltcraftClient,
    outcomes: AsyncGenerator[Outcome, None],
    totals: Totals,
    form: Form,
    kind: TaskKind,
    *,
    output: str | None,
) -> None:
    """Follow outcomes of a client, write them into a file if one is given, and close the client."""
    with OutputFile(output) as file:
        async with client:
            await follow(client, file.written(outcomes, kind, totals), totals, form, kind)


def run_batch(work: Coroutine[object, object, None], totals: Totals, form: Form) -> None:
    """Run many refreshes, print their totals, and raise the first failure.

    Raises:
        AltcraftError: A refresh failed, or the batch as a whole.
        Exit: The first failure is a start that may have happened.
    """
    try:
        run(work)
    except AltcraftError:
        if totals.done:
            print_totals(totals, form)
        raise
    print_totals(totals, form)
    if totals.first_failure:
        failed = f"{totals.failed:,} of {totals.done:,} failed"
        if isinstance(totals.first_failure, StartUnknownError):  # the totals say what to do
            print_message(failed)
            raise Exit(code_of(totals.first_failure))
        print_message(f"{failed}; the first error:")
        raise totals.first_failure


def _print_stopped(totals: Totals) -> None:
    if totals.way_back:
        going_on = "; the tasks that run go on" if totals.running else ""
        stopped = f"stopped after {totals.done} refreshes{going_on}"
        print_message(stopped, f"to go on: {totals.way_back}")
        return
    refs = (totals.unfinished | totals.running).values()
    print_message(
        f"stopped after {totals.done} refreshes; what was just being started may go on as well",
        wait_hint(*refs) if refs else None,
    )
