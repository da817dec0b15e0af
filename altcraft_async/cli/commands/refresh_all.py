"""``altcraft resources refresh-all``: every resource, in each of its databases."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import click

from altcraft_async import AltcraftClient, Resource
from altcraft_async.cli.options import (
    Form,
    client_of,
    examples,
    form_option,
    many_options,
)
from altcraft_async.cli.totals import Outcome, Reach, Tally
from altcraft_async.cli.waits import follow, perform, printer, way_back_told

__all__ = ["refresh_all_command"]


def refresh_all_command() -> click.Command:
    """Make the command that refreshes everything."""

    @click.command(
        "refresh-all",
        help="""Recount every resource in each of its databases.

        Finds out on the way what there is, and ends with the totals by channel.
        JSON and CSV come as each is completed.""",
        epilog=examples(
            "altcraft resources refresh-all",
            "altcraft resources refresh-all --json | jq -c '[.target, .seconds]'",
            "altcraft resources refresh-all --name 'News*' --csv > counters.csv",
        ),
    )
    @click.option(
        "--name",
        "names",
        multiple=True,
        metavar="PATTERN",
        help="Only resources of such a name, with * and ?; repeatable.",
    )
    @click.option(
        "--group",
        "groups",
        multiple=True,
        metavar="NAME",
        help="Only resources of this access group; repeatable.",
    )
    @many_options
    @form_option("json", "csv", "chart")
    def command(
        *,
        names: tuple[str, ...],
        groups: tuple[str, ...],
        timeout: float | None,
        in_flight: int,
        form: Form,
        **others: Any,  # noqa: ANN401 -- of the client
    ) -> None:
        tally = Tally()
        is_wanted, client = chooser(names, groups), client_of(others)
        work = _refresh_all(client, is_wanted, tally, form, in_flight, timeout)
        perform(work, tally, form)

    return command


def chooser(names: tuple[str, ...], groups: tuple[str, ...]) -> Callable[[Resource], bool]:
    """Return what tells whether a resource is wanted; without names or groups, each is."""

    def is_wanted(resource: Resource) -> bool:
        has_name = any(fnmatchcase(resource.name, pattern) for pattern in names)
        has_group = any(group.name in groups for group in resource.groups)
        return (has_name or not names) and (has_group or not groups)

    return is_wanted


async def _refresh_all(  # noqa: PLR0913, PLR0917 -- the options of one command
    client: AltcraftClient,
    is_wanted: Callable[[Resource], bool],
    tally: Tally,
    form: Form,
    in_flight: int,
    seconds: float | None,
) -> None:
    async with client:
        reach = Reach(await _count(client))
        show = printer(form, "resource")

        def choose(resource: Resource) -> bool:
            chosen = is_wanted(resource)
            reach.list(chosen=chosen)
            return chosen

        def each(outcome: Outcome) -> None:
            reach.add(outcome)
            show(outcome)

        outcomes = client.refresh_all(
            only=choose, in_flight=in_flight, timeout=seconds, on_start=tally.begin
        )
        with way_back_told(tally):
            await follow(outcomes, tally, form, each, reach.snapshot)


async def _count(client: AltcraftClient) -> int | None:
    """Ask how many resources there are: one request."""
    pages = client.resources.list(limit=1)
    async for _ in pages:
        break
    return pages.total
