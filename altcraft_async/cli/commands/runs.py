"""``runs`` and ``resume``: named runs, and how to go on with one."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.options import examples, form_option, ledger_option

__all__ = ["resume", "runs"]


@click.command(
    "runs",
    epilog=examples("altcraft runs", "altcraft runs --json | jq -r 'select(.over|not).name'"),
)
@ledger_option
@form_option("json")
def runs(**options: Any) -> None:
    """List the named runs, the newest first.

    A total with a + counts the targets that are known so far.
    """
    from altcraft_async.cli.actions.runs import list_runs

    list_runs(**options)


@click.command(
    "resume",
    epilog=examples("altcraft resume", "altcraft resume nightly", "altcraft resume nightly --json"),
)
@click.argument("name", required=False)
@ledger_option
@click.option(
    "--restart-unknown",
    is_flag=True,
    help="Start again what was just being started when the run was killed. Such a start may have"
    " happened: check the counters first.",
)
@form_option("json", "csv", "chart")
def resume(**options: Any) -> None:
    """Go on with a run that was broken off, with its own options.

    Without a NAME, the only run that is not over goes on. Its output begins
    anew and has all of its results: nothing that was started is started again.
    """
    from altcraft_async.cli.actions.runs import resume_run

    resume_run(**options)
