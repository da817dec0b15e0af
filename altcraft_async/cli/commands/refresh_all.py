"""``resources refresh-all``: every resource in each of its databases."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import click
from click.exceptions import Exit

from altcraft_async import AltcraftClient, Completed, Resource
from altcraft_async.cli.exit_codes import NO_MATCH
from altcraft_async.cli.named_run import NamedRun, run_options
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.options import (
    Form,
    examples,
    form_option,
    group_option,
    make_client,
    many_options,
)
from altcraft_async.cli.output import print_message
from altcraft_async.cli.totals import ResourceTotals
from altcraft_async.cli.waits import follow, run_batch

__all__ = ["refresh_all"]

Outcomes: TypeAlias = AsyncGenerator[Outcome, None]


@click.command(
    "refresh-all",
    epilog=examples(
        "altcraft resources refresh-all",
        "altcraft resources refresh-all --json | jq -c '[.target, .seconds]'",
        "altcraft resources refresh-all --name 'News*' --csv > counters.csv",
        "altcraft resources refresh-all --history counters.sqlite",
        "altcraft resources refresh-all --run nightly",
    ),
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="PATTERN",
    help="Only resources whose name matches, with * and ?; repeatable.",
)
@group_option("resources")
@many_options
@click.option(
    "--history",
    "history_path",
    type=click.Path(resolve_path=True),
    metavar="FILE",
    help="Add each result to this file, for altcraft history.",
)
@run_options
@form_option("json", "csv", "chart")
def refresh_all(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    timeout: float | None,
    in_flight: int,
    history_path: str | None,
    form: Form,
    **options: Any,  # noqa: ANN401 -- of the client
) -> None:
    """Refresh every resource in each of its databases.

    Finds the resources and their databases by itself, and ends with the totals
    by channel. JSON and CSV are printed as each refresh ends.
    """
    is_wanted, totals = resource_filter(names, groups), ResourceTotals()
    named = NamedRun("resources refresh-all", totals)
    client = make_client(options, named.ledger)

    def choose(resource: Resource) -> bool:
        chosen = is_wanted(resource)
        totals.list(resource, chosen=chosen)
        return chosen

    async def refresh() -> None:
        async with _kept(history_path, totals) as keep, named.using(client):
            totals.total = await _count(client)
            outcomes = client.refresh_all(
                only=choose,
                in_flight=in_flight,
                timeout=timeout,
                idempotency_key=named.key,
                on_start=totals.begin,
            )
            await follow(client, named.followed(keep(outcomes)), totals, form, "resource")

    run_batch(refresh(), totals, form)
    if (names or groups) and not totals.chosen:
        print_message("no resource matches; to see them: altcraft resources list")
        raise Exit(NO_MATCH)


def resource_filter(names: tuple[str, ...], groups: tuple[str, ...]) -> Callable[[Resource], bool]:
    """Return whether a resource matches one of the names and one of the groups; none match all."""

    def is_wanted(resource: Resource) -> bool:
        has_name = any(fnmatchcase(resource.name, pattern) for pattern in names)
        has_group = any(group.name in groups for group in resource.groups)
        return (has_name or not names) and (has_group or not groups)

    return is_wanted


@asynccontextmanager
async def _kept(
    path: str | None, totals: ResourceTotals
) -> AsyncGenerator[Callable[[Outcomes], Outcomes], None]:
    """Open a history before anything is sent; return what adds each outcome to it."""
    if path is None:
        yield lambda outcomes: outcomes
        return
    from altcraft_async.history import CounterHistory  # noqa: PLC0415 -- most runs keep none

    async with CounterHistory(path) as history:

        async def keep(outcomes: Outcomes) -> Outcomes:
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    if isinstance(outcome, Completed):
                        await history.append(outcome.rows(name=totals.name_of(outcome)))
                    yield outcome

        yield keep


async def _count(client: AltcraftClient) -> int | None:
    """Return how many resources there are; costs one request."""
    pages = client.resources.list(limit=1)
    async for _ in pages:
        break
    return pages.total
