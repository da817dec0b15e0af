"""``monitor``: a page that shows what workers, a ledger and a history say."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import click

from altcraft_async import ConfigurationError, SQLiteLedger, TaskLedger
from altcraft_async.cli.output import print_message
from altcraft_async.cli.runner import run
from altcraft_async.history import CounterHistory
from altcraft_async.models.extras import MissingExtraError
from altcraft_async.monitor import HistoryMonitor, LedgerMonitor
from altcraft_async.monitor.page import MonitorPage

__all__ = ["serve_monitor"]


class _Sources(NamedTuple):
    """What is to be shown."""

    ledger: str | None
    fleet: str | None
    history: str | None
    prefix: str


_SCHEMES = ("redis://", "rediss://", "unix://")


def serve_monitor(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    place: str | None,
    fleet: str | None,
    path: str | None,
    prefix: str,
    port: int,
    host: str,
) -> None:
    """Show on a page, live, what workers report, or which tasks a ledger knows."""
    if place is None and fleet is None and path is None:
        msg = "Give '--ledger', '--fleet' or '--history'."
        raise click.UsageError(msg)
    run(_serve(_Sources(place, fleet, path, prefix), host, port))


async def _serve(sources: _Sources, host: str, port: int) -> None:
    async with AsyncExitStack() as opened:
        page = await _page_of(opened, sources)
        await page.view()  # an unusable ledger or Redis ends the command
        address = await opened.enter_async_context(page.serve(host=host, port=port))
        click.echo(address)
        print_message(f"open {address} in a browser; Ctrl-C ends it")
        await asyncio.Event().wait()


async def _page_of(opened: AsyncExitStack, sources: _Sources) -> MonitorPage:
    """Open what is to be shown, and return the page."""
    place, fleet, path, prefix = sources
    history = None
    if path is not None:
        _check_file("history", path)
        history = await opened.enter_async_context(CounterHistory(path))
    if fleet is not None:
        page = _extra("fleet", "altcraft_async.monitor.fleet").FleetMonitor(
            fleet, _name_of("fleet", fleet), prefix=prefix, history=history
        )
        return cast("MonitorPage", await opened.enter_async_context(page))
    if place is not None:
        ledger = await opened.enter_async_context(_ledger_of(place, prefix))
        return LedgerMonitor(ledger, _name_of("ledger", place), history=history)
    assert history is not None  # noqa: S101 -- one of the three was given
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
    ledger: TaskLedger = _extra("ledger", "altcraft_async.integrations.redis").RedisLedger(
        url, prefix=prefix
    )
    return ledger


def _extra(what: str, module: str) -> ModuleType:
    """Import what needs the extra for Redis.

    Raises:
        ConfigurationError: The extra is not installed.
    """
    try:
        return import_module(module)
    except MissingExtraError as error:
        msg = f"{what}: {error}"
    raise ConfigurationError(msg)


def _name_of(what: str, place: str) -> str:
    """Return what the page calls it: the path, or the URL without a password."""
    if not place.startswith(_SCHEMES):
        return f"{what} {place}"
    url = urlsplit(place)
    return f"{what} {url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"
