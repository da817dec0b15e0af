"""``monitor``: a page that shows what workers, a ledger and a history say."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.options import examples, port_option

__all__ = ["monitor"]


@click.command(
    epilog=examples(
        "altcraft monitor --ledger starts.sqlite",
        "altcraft monitor --ledger starts.sqlite --history counters.sqlite --port 0",
        "ALTCRAFT_LEDGER=redis://:password@localhost altcraft monitor",
        "ALTCRAFT_FLEET=redis://:password@localhost altcraft monitor",
    )
)
@click.option(
    "--ledger",
    "place",
    envvar="ALTCRAFT_LEDGER",
    metavar="FILE|URL",
    help="SQLite file or redis:// URL of a ledger; by default ALTCRAFT_LEDGER, which other"
    " users of the machine cannot see.",
)
@click.option(
    "--fleet",
    envvar="ALTCRAFT_FLEET",
    metavar="URL",
    help="redis:// URL to which workers report; by default ALTCRAFT_FLEET. It comes before a"
    " ledger, as workers report more.",
)
@click.option(
    "--history",
    "path",
    metavar="FILE",
    help="File of refresh-all --history: shows how the largest channels went on.",
)
@click.option(
    "--prefix",
    default="altcraft:",
    show_default=True,
    metavar="TEXT",
    help="Start of the keys in Redis.",
)
@port_option(8090, "Port of the page")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address of the page. There is no login: whoever reaches it sees it.",
)
def monitor(**options: Any) -> None:
    """Show on a page, live, what workers report, or which tasks a ledger knows.

    A ledger has neither progress nor counters: for these, let workers report, or
    a program serve the page of its own client, as the guide on the monitor shows.
    A history adds the counters of past refreshes; it can also be shown alone.
    """
    from altcraft_async.cli.actions.monitor import serve_monitor

    serve_monitor(**options)
