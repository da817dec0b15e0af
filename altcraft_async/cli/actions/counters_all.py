"""``resources counters-all``: the last counters of every resource, without a refresh."""

from __future__ import annotations

from typing import Any

from altcraft_async.cli.account import make_client
from altcraft_async.cli.options import Form
from altcraft_async.cli.output_file import OutputFile
from altcraft_async.cli.reading import read_all
from altcraft_async.cli.resource_choice import ResourceChoice, count_resources
from altcraft_async.cli.totals import ReadTotals
from altcraft_async.cli.waits import follow, run_batch

__all__ = ["print_all_counters"]


def print_all_counters(
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    in_flight: int,
    output: str | None,
    form: Form,
    **options: Any,  # noqa: ANN401 -- of the client
) -> None:
    """Print the last counters of every resource in each of its databases."""
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
