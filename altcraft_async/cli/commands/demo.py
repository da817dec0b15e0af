"""``altcraft demo``: many refreshes at once, with neither an account nor a network."""

from __future__ import annotations

from typing import Literal

import click

from altcraft_async import AltcraftClient
from altcraft_async.cli.object_kinds import RESOURCES
from altcraft_async.cli.options import Form, examples, json_option
from altcraft_async.cli.output import print_json
from altcraft_async.cli.totals import Tally
from altcraft_async.cli.totals_views import tally_data
from altcraft_async.cli.waits import follow, perform, printer, start_noting
from altcraft_async.simulator import Fault, Simulator
from altcraft_async.tasks.refresh_many import refresh_many

__all__ = ["demo"]

WireFormat = Literal["json", "xml"]

_DATABASE = 1

# 200 tasks of these lengths, 50 at a time, are over in about 7 seconds.
_SHORTEST, _LONGEST = 0.5, 3.0
_IN_FLIGHT = 50

_START = "resources/refresh_counters"
_REFUSAL = Fault.refuse(402, "Tariff limit")


@click.command(
    epilog=examples(
        "altcraft demo",
        "altcraft demo --refreshes 1000 --in-flight 300 --format xml",
        "altcraft demo --json | jq -c '[.target, .seconds]'",
    )
)
@click.option(
    "--refreshes",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    metavar="N",
    help="How many resources.",
)
@click.option(
    "--in-flight",
    type=click.IntRange(min=1),
    default=_IN_FLIGHT,
    show_default=True,
    metavar="N",
    help="How many at once.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another one, other figures.")
@click.option(
    "--format", "wire_format", type=click.Choice(["json", "xml"]), default="json", show_default=True
)
# For tests: how many times as fast tasks run, and which share of the starts is refused.
@click.option("--speed", type=click.FloatRange(0, min_open=True), default=1.0, hidden=True)
@click.option("--trouble", type=click.FloatRange(0, 1), default=0.0, hidden=True)
@json_option
def demo(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    refreshes: int,
    in_flight: int,
    seed: int,
    wire_format: WireFormat,
    speed: float,
    trouble: float,
    form: Form,
) -> None:
    """Refresh many resources of a pretend platform at once.

    Starts the simulator, needs no account, and ends with the counters of all
    resources by channel. With --json: one line per refresh, then the totals.
    """
    server = Simulator(
        seed=seed, resources=refreshes, duration=(_SHORTEST / speed, _LONGEST / speed)
    )
    server.misbehave_randomly(rate=trouble, faults=[_REFUSAL], methods=[_START])
    tally = Tally(refreshes)
    work = _refresh_all(server, tally, in_flight=in_flight, wire_format=wire_format, form=form)
    perform(work, tally, form)


async def _refresh_all(
    server: Simulator, tally: Tally, *, in_flight: int, wire_format: WireFormat, form: Form
) -> None:
    targets = ((number, _DATABASE) for number in server.world.resources)
    async with (
        server,
        AltcraftClient(server.url, token=server.token, format=wire_format) as client,
    ):
        start = start_noting(client, RESOURCES, tally)
        outcomes = refresh_many(targets, start, in_flight=in_flight, timeout=None)
        await follow(outcomes, tally, form, printer(form, "resource"))
    if form == "json":
        print_json(tally_data(tally))
