"""``demo``: many refreshes at once, without an account or a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from altcraft_async import AltcraftClient
from altcraft_async.cli.json_data import totals_data
from altcraft_async.cli.options import Form, WholeNumber, examples, form_option, in_flight_option
from altcraft_async.cli.output import print_json
from altcraft_async.cli.totals import Totals
from altcraft_async.cli.waits import follow, run_batch

if TYPE_CHECKING:
    from altcraft_async.simulator import Simulator

__all__ = ["demo", "run_demo"]

WireFormat = Literal["json", "xml"]

_DATABASE = 1  # the simulator links every resource with it

# 200 tasks of these lengths, 50 at once, take about 7 seconds.
_DURATION = (0.5, 3.0)
_IN_FLIGHT = 50


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
@in_flight_option(_IN_FLIGHT)
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
def demo(*, refreshes: int, in_flight: int, seed: int, wire_format: WireFormat, form: Form) -> None:
    """Refresh many resources of a pretend platform at once.

    Starts the simulator, needs no account, and ends with the counters of all
    resources by channel. With --json, prints a line per refresh, then the totals.
    """
    from altcraft_async.simulator import Simulator  # noqa: PLC0415 -- slow to load

    server = Simulator(seed=seed, resources=refreshes, duration=_DURATION)
    run_demo(server, in_flight=in_flight, wire_format=wire_format, form=form)


def run_demo(
    server: Simulator,
    *,
    in_flight: int = _IN_FLIGHT,
    wire_format: WireFormat = "json",
    form: Form = None,
) -> None:
    """Refresh all resources of a simulator, and print the outcomes and totals.

    Raises:
        AltcraftError: A refresh failed.
    """
    totals = Totals(len(server.world.resources))

    async def refresh() -> None:
        targets = ((number, _DATABASE) for number in server.world.resources)
        async with (
            server,
            AltcraftClient(server.url, token=server.token, format=wire_format) as client,
        ):
            outcomes = client.resources.refresh_many(
                targets, in_flight=in_flight, on_start=totals.begin
            )
            await follow(client, outcomes, totals, form, "resource", can_resume=False)
        if form == "json":
            print_json(totals_data(totals))

    run_batch(refresh(), totals, form)
