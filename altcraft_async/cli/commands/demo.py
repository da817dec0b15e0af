"""``demo``: many refreshes at once, without an account or a network."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.options import WholeNumber, examples, form_option, in_flight_option

__all__ = ["demo"]


@click.command(
    epilog=examples(
        "altcraft demo",
        "altcraft demo --refreshes 1000 --in-flight 300 --format xml",
        "altcraft demo --json | jq -c '[.target, .seconds]'",
    )
)
@click.option(
    "--refreshes",
    type=WholeNumber(min=1),
    default=200,
    show_default=True,
    metavar="N",
    help="How many resources.",
)
@in_flight_option(50)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Another seed gives other counters.",
)
@click.option(
    "--format",
    "wire_format",
    type=click.Choice(["json", "xml"]),
    default="json",
    show_default=True,
    help="What the simulator and the client speak.",
)
@form_option("json")
def demo(**options: Any) -> None:
    """Refresh many resources of a pretend platform at once.

    Starts the simulator, needs no account, and ends with the counters of all
    resources by channel. With --json, prints a line per refresh, then the totals.
    """
    from altcraft_async.cli.actions.demo import start_demo

    start_demo(**options)
