"""``monitor``: a page that shows what a ledger and a history say."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from altcraft_async import ConfigurationError, SQLiteLedger, TaskLedger
from altcraft_async.cli.options import examples
from altcraft_async.cli.output import print_message
from altcraft_async.cli.runner import run
from altcraft_async.models.extras import MissingExtraError

if TYPE_CHECKING:
    from altcraft_async.monitor.page import MonitorPage

__all__ = ["monitor"]

_SCHEMES = ("redis://", "rediss://", "unix://")


@click.command(
    epilog=examples(
        "altcraft monitor --ledger starts.sqlite",
        "altcraft monitor --ledger starts.sqlite --history counters.sqlite --port 0",
        "ALTCRAFT_LEDGER=redis://:password@localhost altcraft monitor",
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
def monitor(*, place: str | None, path: str | None, prefix: str, port: int, host: str) -> None:
    """Show on a page, live, which tasks a ledger knows: what runs, and what is unclear.

    A ledger has neither progress nor counters: for these, let a program serve
    the page of its own client, as the guide on the monitor shows. A history adds
    the counters of past refreshes; it can also be shown alone.
    """
    if place is None and path is None:
        msg = "Give '--ledger', '--history' or both."
        raise click.UsageError(msg)
    run(_serve(place, path, prefix, host, port))


async def _serve(place: str | None, path: str | None, prefix: str, host: str, port: int) -> None:
    async with AsyncExitStack() as opened:
        page = await _page_of(opened, place, path, prefix)
        await page.view()  # an unusable ledger ends the command
        address = await opened.enter_async_context(page.serve(host=host, port=port))
        click.echo(address)
        print_message(f"open {address} in a browser; Ctrl-C ends it")
        await asyncio.Event().wait()


async def _page_of(
    opened: AsyncExitStack, place: str | None, path: str | None, prefix: str
) -> MonitorPage:
    """Open what is to be shown, and return the page."""
    from altcraft_async.history import CounterHistory  # noqa: PLC0415 -- most commands need none
    from altcraft_async.monitor import HistoryMonitor, LedgerMonitor  # noqa: PLC0415 -- as above

    history = None
    if path is not None:
        _check_file("history", path)
        history = await opened.enter_async_context(CounterHistory(path))
    if place is not None:
        ledger = await opened.enter_async_context(_ledger_of(place, prefix))
        return LedgerMonitor(ledger, _name_of(place), history=history)
    assert history is not None  # noqa: S101 -- one of the two was given
    return HistoryMonitor(history, f"history {path}")


def _ledger_of(place: str, prefix: str) -> TaskLedger:
    """Return the ledger, which is not made if it is not there.

    Raises:
        ConfigurationError: There is no such file, nothing in it, or no extra for Redis.
    """
    if place.startswith(_SCHEMES):
        return _redis_ledger(place, prefix)
    _check_file("ledger", place)
    return SQLiteLedger(place)


def _check_file(what: str, path: str) -> None:
    """Refuse a file that would be made, or filled with tables.

    Raises:
        ConfigurationError: There is no such file, or nothing in it.
    """
    try:
        size = Path(path).stat().st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"{what}: {path} cannot be read ({reason})"
        raise ConfigurationError(msg) from None
    if not size:
        msg = f"{what}: {path} is empty"
        raise ConfigurationError(msg)


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
