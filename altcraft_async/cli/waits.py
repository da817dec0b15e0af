"""Many refreshes from a command: followed, shown, printed, and how to come back to them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing, contextmanager, nullcontext
from typing import cast

from altcraft_async import AltcraftClient, AltcraftError, CountersReport, TaskHandle, TaskKind
from altcraft_async.cli.csv_rows import columns, outcome_lines
from altcraft_async.cli.exit_codes import way_back
from altcraft_async.cli.object_kinds import Kind, Target
from altcraft_async.cli.options import Form
from altcraft_async.cli.output import is_stored, print_csv, print_json, print_view, say, words
from altcraft_async.cli.progress import show_many
from altcraft_async.cli.runner import run
from altcraft_async.cli.totals import Outcome, Snapshot, Tally
from altcraft_async.cli.totals_views import outcome_data, tally_chart, tally_views

__all__ = ["follow", "perform", "printer", "start_noting", "way_back_told"]


def start_noting(
    client: AltcraftClient, kind: Kind, tally: Tally
) -> Callable[[object], Awaitable[TaskHandle[CountersReport]]]:
    """Return what starts one target and notes its task."""

    async def start(target: object) -> TaskHandle[CountersReport]:
        handle = await kind.start(client, cast("Target", target))
        tally.begin(handle.ref)
        return handle

    return start


async def follow(
    outcomes: AsyncGenerator[Outcome, None],
    tally: Tally,
    form: Form,
    each: Callable[[Outcome], None],
    snapshot: Callable[[], Snapshot] | None = None,
) -> None:
    """Add up outcomes as they come, hand each on, and show how far it is."""
    began = time.perf_counter()
    # Lines and a moving bar on one screen would write over each other, and so they
    # would with `altcraft … --json | jq`.
    is_shown = form not in {"json", "csv"} or is_stored(sys.stdout)
    shown = show_many(tally, snapshot or tally.snapshot, words())
    try:
        with shown if is_shown else nullcontext():
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    tally.add(outcome)
                    each(outcome)
    finally:
        tally.seconds = time.perf_counter() - began


def printer(form: Form, kind: TaskKind) -> Callable[[Outcome], None]:
    """Return what prints an outcome as it comes, the titles of CSV being printed here."""
    if form == "json":
        return lambda outcome: print_json(outcome_data(outcome))
    if form == "csv":
        print_csv([columns(kind)])
        return lambda outcome: print_csv(outcome_lines(kind, outcome))
    return lambda _: None


@contextmanager
def way_back_told(tally: Tally) -> Generator[None, None, None]:
    """Say how to come back to what goes on at the platform, if the body is broken off."""
    try:
        yield
    except asyncio.CancelledError:
        refs = (tally.left | tally.running).values()
        say(
            f"stopped after {tally.done} refreshes; what was just being started may go on as well",
            way_back(*refs) if refs else None,
        )
        raise


def perform(work: Coroutine[object, object, None], tally: Tally, form: Form) -> None:
    """Run the work, print its totals for people, and end as the first failure does.

    Raises:
        AltcraftError: Some failed, or the work as a whole.
    """
    try:
        run(work)
    except AltcraftError:
        if tally.done:
            _print_totals(tally, form)
        raise
    _print_totals(tally, form)
    if tally.first_failure:
        say(f"{tally.failed} of {tally.done} failed, the first of them with:")
        raise tally.first_failure


def _print_totals(tally: Tally, form: Form) -> None:
    if form == "chart":
        print_view(*tally_chart(tally))
    elif form is None:
        print_view(*tally_views(tally))
    if len(tally.left) > 1:  # the way back to one is told with its error
        say(f"{len(tally.left)} were not over in time", way_back(*tally.left.values()))
