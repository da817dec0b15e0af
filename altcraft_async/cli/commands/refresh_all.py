"""``resources refresh-all``: every resource in each of its databases."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.options import (
    choice_options,
    examples,
    form_option,
    many_options,
    output_option,
    run_options,
)

__all__ = ["refresh_all"]


@click.command(
    "refresh-all",
    epilog=examples(
        "altcraft resources refresh-all",
        "altcraft resources refresh-all --json | jq -c '[.target, .seconds]'",
        "altcraft resources refresh-all --name 'News*' --csv > counters.csv",
        "altcraft resources refresh-all --history counters.sqlite",
        "altcraft resources refresh-all --run nightly",
        "altcraft resources refresh-all --output counters.parquet",
        "altcraft resources refresh-all --name 'News*' --dry-run",
    ),
)
@choice_options
@many_options
@click.option(
    "--history",
    "history_path",
    type=click.Path(resolve_path=True),
    metavar="FILE",
    help="Add each result to this file, for altcraft history.",
)
@run_options
@output_option
@click.option("--dry-run", is_flag=True, help="List what would be refreshed, and start nothing.")
@form_option("json", "csv", "chart")
def refresh_all(**options: Any) -> None:
    """Refresh every resource in each of its databases.

    Finds the resources and their databases by itself, and ends with the totals
    by channel. JSON and CSV are printed as each refresh ends.
    """
    from altcraft_async.cli.actions.refresh_all import refresh_resources

    refresh_resources(**options)
