"""``monitor``: a page that shows what a ledger says."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import click

from altcraft_async import ConfigurationError, SQLiteLedger, TaskLedger
from altcraft_async.cli.options import examples
from altcraft_async.cli.output import print_message
from altcraft_async.cli.runner import run
from altcraft_async.models.extras import MissingExtraError

__all__ = ["monitor"]

_SCHEMES = ("redis://", "rediss://", "unix://")


@click.command(
    epilog=examples(
        "altcraft monitor --ledger starts.sqlite",
        "altcraft monitor --ledger starts.sqlite --port 0",
        "ALTCRAFT_LEDGER=redis://:password@localhost altcraft monitor",
    )
)
@click.option(
    "--ledger",
    "place",
    envvar="ALTCRAFT_LEDGER",
    required=True,
    metavar="FILE|URL",
    help="SQLite file or redis:// URL of a ledger; by default ALTCRAFT_LEDGER, which other"
    " users of the machine cannot see.",
)
@click.option(
    "--prefix",
    default="altcraft:",
    show_default=True,
    metavar="TEXT",
    help="Start of the keys of a ledger in Redis.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8090,
    show_default=True,
    help="Port of the page; 0 takes a free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address of the page. There is no login: whoever reaches it sees it.",
)
def monitor(*, place: str, prefix: str, port: int, host: str) -> None:
    """Show on a page, live, which tasks a ledger knows: what runs, and what is unclear.

    A ledger has neither progress nor counters: for these, let a program serve
    the page of its own client, as the guide on the monitor shows.
    """
    run(_serve(_ledger_of(place, prefix), _name_of(place), host, port))


async def _serve(ledger: TaskLedger, source: str, host: str, port: int) -> None:
    from altcraft_async.monitor import LedgerMonitor  # noqa: PLC0415 -- most commands need no page

    page = LedgerMonitor(ledger, source)
    async with ledger:
        await page.view()  # an unusable ledger ends the command
        async with page.serve(host=host, port=port) as address:
            click.echo(address)
            print_message(f"open {address} in a browser; Ctrl-C ends it")
            await asyncio.Event().wait()


def _ledger_of(place: str, prefix: str) -> TaskLedger:
    """Return the ledger, which is not made if it is not there.

    Raises:
        ConfigurationError: There is no such file, nothing in it, or no extra for Redis.
    """
    if place.startswith(_SCHEMES):
        return _redis_ledger(place, prefix)
    try:
        size = Path(place).stat().st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"ledger: {place} cannot be read ({reason})"
        raise ConfigurationError(msg) from None
    if not size:
        msg = f"ledger: {place} is empty"
        raise ConfigurationError(msg)
    return SQLiteLedger(place)


def _redis_ledger(url: str, prefix: str) -> TaskLedger:
    try:
        redis = import_module("altcraft_async.integrations.redis")
    except MissingExtraError as error:
        msg = f"ledger: {error}"
        raise ConfigurationError(msg) from None
    ledger: TaskLedger = redis.RedisLedger(url, prefix=prefix)
    return ledger


def _name_of(place: str) -> str:
    """Return what the page calls the ledger: the path, or the URL without a password."""
    if not place.startswith(_SCHEMES):
        return f"ledger {place}"
    url = urlsplit(place)
    return f"ledger {url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"
