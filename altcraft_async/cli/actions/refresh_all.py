"""``resources refresh-all``: every resource in each of its databases."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import click

from altcraft_async import Completed
from altcraft_async.cli.account import make_client
from altcraft_async.cli.actions.dry_run import print_plan
from altcraft_async.cli.named_run import NamedRun
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.options import Form
from altcraft_async.cli.output_file import OutputFile
from altcraft_async.cli.resource_choice import ResourceChoice, count_resources
from altcraft_async.cli.runner import run
from altcraft_async.cli.totals import ResourceTotals
from altcraft_async.cli.waits import follow, run_batch

__all__ = ["refresh_resources"]

Outcomes: TypeAlias = AsyncGenerator[Outcome, None]


def refresh_resources(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    timeout: float | None,
    in_flight: int,
    history_path: str | None,
    output: str | None,
    dry_run: bool,
    form: Form,
    **options: Any,  # noqa: ANN401 -- of the client
) -> None:
    """Refresh every resource in each of its databases."""
    choice = ResourceChoice(names, groups, ResourceTotals())
    totals = choice.totals
    named = NamedRun("resources refresh-all", totals)
    client = make_client(options, named.ledger)
    if dry_run:
        others = {"--history": history_path, "--output": output, "--run": named.ledger}
        _check_dry(others | {"--chart": form == "chart"})
        run(print_plan(client, choice, form))
        return

    async def refresh() -> None:
        with OutputFile(output) as file:
            async with _kept(history_path, totals) as keep, named.using(client):
                totals.total = await count_resources(client)
                outcomes = client.refresh_all(
                    only=choice,
                    in_flight=in_flight,
                    timeout=timeout,
                    idempotency_key=named.key,
                    on_start=totals.begin,
                )
                written = file.written(keep(outcomes), "resource", totals)
                await follow(client, named.followed(written), totals, form, "resource")
            choice.check()

    run_batch(refresh(), totals, form)


def _check_dry(others: Mapping[str, object]) -> None:
    """Refuse options that a dry run has nothing for."""
    for name, value in others.items():
        if value:
            msg = f"--dry-run counts nothing, and {name} needs counters; leave out one of them."
            raise click.UsageError(msg)


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
