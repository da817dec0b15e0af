"""``resources counters-all``: the last counters of every resource, without a refresh."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.options import (
    choice_options,
    examples,
    form_option,
    in_flight_option,
    output_option,
    rate_option,
)

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
def counters_all(**options: Any) -> None:
    """Print the last counters of every resource in each of its databases.

    Nothing is counted anew, so it is quick and costs the platform little. JSON
    and CSV are printed as each answer comes.
    """
    from altcraft_async.cli.actions.counters_all import print_all_counters

    print_all_counters(**options)
