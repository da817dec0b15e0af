"""``resources counters-all``: the last counters of every resource, without a refresh."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.options import (
    Form,
    choice_options,
    examples,
    form_option,
    in_flight_option,
    make_client,
    rate_option,
)
from altcraft_async.cli.output_file import OutputFile, output_option
from altcraft_async.cli.reading import read_all
from altcraft_async.cli.resource_choice import ResourceChoice, count_resources
from altcraft_async.cli.totals import ReadTotals
from altcraft_async.cli.waits import follow, run_batch

__all__ = ["counters_all"]

_IN_FLIGHT = 16  # as many as refresh-all looks up at once


@click.command(
    "counters-all",
    short_help="Print the last counters of every resource.",
    epilog=examples(
        "altcraft resources counters-all",
        "altcraft resources counters-all --group Europe --output counters.parquet",
        "altcraft resources counters-all --csv > counters.csv",
    ),
)
@choice_options
@in_flight_option(_IN_FLIGHT)
@rate_option
@output_option
@form_option("json", "csv", "chart")
def counters_all(
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    in_flight: int,
    output: str | None,
    form: Form,
    **options: Any,  # noqa: ANN401 -- of the client
) -> None:
    """Print the last counters of every resource in each of its databases.

    Nothing is counted anew, so it is quick and costs the platform little. JSON
    and CSV are printed as each answer comes.
    """
    totals, client = ReadTotals(), make_client(options)
    choice = ResourceChoice(names, groups, totals)

    async def read() -> None:
        with OutputFile(output) as file:
            async with client:
                totals.total = await count_resources(client)
                outcomes = file.written(read_all(client, choice, in_flight), "resource", totals)
                await follow(client, outcomes, totals, form, "resource", can_resume=False)
            choice.check()

    run_batch(read(), totals, form)
