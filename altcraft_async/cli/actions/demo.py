"""``demo``: many refreshes at once, without an account or a network."""

from __future__ import annotations

from typing import Literal

from altcraft_async import AltcraftClient
from altcraft_async.cli.json_data import totals_data
from altcraft_async.cli.options import Form
from altcraft_async.cli.output import print_json
from altcraft_async.cli.totals import Totals
from altcraft_async.cli.waits import follow, run_batch
from altcraft_async.simulator import Simulator

__all__ = ["run_demo", "start_demo"]

WireFormat = Literal["json", "xml"]

_DATABASE = 1  # the simulator links every resource with it

# 200 tasks of these lengths, 50 at once, take about 7 seconds.
_DURATION = (0.5, 3.0)


def start_demo(
    *, refreshes: int, in_flight: int, seed: int, wire_format: WireFormat, form: Form
) -> None:
    """Refresh many resources of a pretend platform at once."""
    server = Simulator(seed=seed, resources=refreshes, duration=_DURATION)
    run_demo(server, in_flight=in_flight, wire_format=wire_format, form=form)


def run_demo(
    server: Simulator,
    *,
    in_flight: int = 50,
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
