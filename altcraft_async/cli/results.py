"""Prints results in the form that the options ask for."""

from __future__ import annotations

from collections.abc import Callable

from altcraft_async import CountersReport, TaskKind, TaskRef
from altcraft_async.cli.csv_rows import HEADER, outcome_rows, report_rows
from altcraft_async.cli.exit_codes import result_hint, wait_hint
from altcraft_async.cli.json_data import outcome_data, report_data
from altcraft_async.cli.object_kinds import Outcome, named_ids
from altcraft_async.cli.options import CSV, FOR_PROGRAMS, Form
from altcraft_async.cli.output import print_csv, print_json, print_message, print_view
from altcraft_async.cli.tables import report_views
from altcraft_async.cli.totals import Totals
from altcraft_async.cli.totals_view import totals_views

__all__ = ["outcome_printer", "print_report", "print_totals"]


def print_report(
    report: CountersReport,
    form: Form,
    kind: TaskKind,
    target: object,
    ref: TaskRef | None = None,
) -> None:
    """Print the report of a target, and its task if it came from one.

    Raises:
        OSError: It cannot be written; how to print it again went to stderr.
    """
    try:
        _print_report(report, form, kind, target, ref)
    except OSError:
        if ref is not None:
            print_message("the result cannot be printed", result_hint(ref))
        raise


def _print_report(
    report: CountersReport, form: Form, kind: TaskKind, target: object, ref: TaskRef | None
) -> None:
    if form == "json":
        print_json(report_data(report, ref))
    elif form in CSV:
        task_id = "" if ref is None else ref.task_id
        print_csv([HEADER, *report_rows(report, task_id)], raw=form == "csv-raw")
    else:
        print_view(*report_views(report, named_ids(kind, target), bars_only=form == "chart"))


def outcome_printer(form: Form, kind: TaskKind, totals: Totals) -> Callable[[Outcome], None]:
    """Return a function that prints each outcome; the header of CSV is printed at once."""
    if form == "json":
        return lambda outcome: print_json(outcome_data(outcome, totals.name_of(outcome)))
    if form in CSV:
        print_csv([HEADER], raw=True)
        return lambda outcome: print_csv(
            outcome_rows(kind, outcome, totals.name_of(outcome)), raw=form == "csv-raw"
        )
    return lambda _: None


def print_totals(totals: Totals, form: Form) -> None:
    """Print totals for people, and how to come back to unfinished tasks."""
    if form not in FOR_PROGRAMS:
        print_view(*totals_views(totals, bars_only=form == "chart"))
    if totals.way_back:
        if totals.left:
            print_message(f"{totals.left} are left to do", f"to go on: {totals.way_back}")
        if totals.unknown:
            print_message(
                f"{totals.unknown} may have been started just before the run was killed; check "
                f"their counters",
                f"to start them again: {totals.way_back} --restart-unknown",
            )
    elif len(totals.unfinished) > 1:  # for a single one, its error has the hint
        hint = wait_hint(*totals.unfinished.values())
        running = f"{len(totals.unfinished):,} tasks were still running"
        print_message(f"{running} when the wait ended", hint)
