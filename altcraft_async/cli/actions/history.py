"""``history``: the counters of past refreshes, and what changed between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from click.exceptions import Exit

from altcraft_async import ConfigurationError, CounterRow
from altcraft_async.cli.exit_codes import MOVED
from altcraft_async.cli.history_views import (
    change_data,
    channel_views,
    movers_view,
    series_name,
)
from altcraft_async.cli.json_data import plain
from altcraft_async.cli.moments import Moment
from altcraft_async.cli.options import CSV, Form
from altcraft_async.cli.output import print_csv, print_json, print_message, print_notice, print_view
from altcraft_async.cli.png import draw
from altcraft_async.cli.runner import run
from altcraft_async.cli.safe_text import cell
from altcraft_async.history import Change, CounterHistory, Limit, changes
from altcraft_async.history.changes import time_of

__all__ = ["show_history", "show_movers"]

_CHANGE_COLUMNS = (
    *("kind", "resource_id", "database_id", "segment_id", "name", "channel", "counter"),
    *("before", "now", "difference", "percent", "before_at", "now_at"),
)

_SHOWN = 10
"""Passed limits that are named; the others are only counted."""


def show_history(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    number: int,
    path: str,
    database_id: int | None,
    channel: str | None,
    counter: str,
    since: tuple[Moment, ...],
    png: str | None,
    form: Form,
) -> None:
    """Show the counters of a resource over time, and what changed."""
    rows = run(_rows_of(path, number, database_id))
    found = _chosen(path, rows, number, channel)
    series = [
        list(group) for _, group in groupby(found, lambda row: (row.database_id, row.channel))
    ]
    if png is not None:
        draw(png, series, counter, f"Resource {number} {found[-1].name or ''}".rstrip())
    if form is not None:
        _print_records([row._asdict() for row in found], CounterRow._fields, form)
        return
    compared = False
    for one in series:
        earlier = {moment.word: _last(one, moment) for moment in since}
        compared |= any(earlier.values())
        print_view(*channel_views(one, counter, earlier))
    if not compared:
        _print_nothing_to_compare(since, several=any(len(one) > 1 for one in series))


async def _rows_of(path: str, resource_id: int, database_id: int | None) -> list[CounterRow]:
    async with CounterHistory(path) as history:
        rows = history.rows(kind="resource", resource_id=resource_id, database_id=database_id)
        return [row async for row in rows]


def _chosen(
    path: str, rows: list[CounterRow], number: int, channel: str | None
) -> list[CounterRow]:
    """Return the rows of a channel, or of all.

    Raises:
        ConfigurationError: There are none.
    """
    chosen = [row for row in rows if channel in (None, row.channel)]
    if chosen:
        return chosen
    channels = ", ".join(dict.fromkeys(row.channel for row in rows))
    msg = (
        f"channel: no {channel!r} of resource {number} in the history, only {channels}"
        if rows
        else f"history: {path} has no counts of resource {number}"
    )
    raise ConfigurationError(msg, wrong_value=True)


def _last(rows: Sequence[CounterRow], moment: Moment) -> CounterRow | None:
    """Return the last row up to a moment, which is before the newest row."""
    newest = time_of(rows[-1])
    if newest is None:
        return None
    until = moment.before(newest)
    return next((row for row in reversed(rows) if (at := time_of(row)) and at <= until), None)


def show_movers(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    path: str,
    since: Moment,
    until: Moment | None,
    top: int,
    limits: tuple[tuple[str, Limit], ...],
    form: Form,
) -> None:
    """Show the largest changes: hard bounces that rose, and subscribers that fell."""
    before, now = run(_two_nights(path, since, until))
    bounces = sorted(changes(before, now, "hardbounced"), key=lambda one: -one.difference)
    losses = sorted(changes(before, now, "subscribed"), key=lambda one: one.difference)
    found = {
        "hard bounces up": [one for one in bounces if one.difference > 0][:top],
        "subscribers down": [one for one in losses if one.difference < 0][:top],
    }
    if form is not None:
        records = [change_data(one) for some in found.values() for one in some]
        _print_records(records, _CHANGE_COLUMNS, form)
    else:
        for title, some in found.items():
            print_view(*movers_view(title, some))
    if not bounces and not losses:
        _print_nothing_to_compare([since], several=True)
    passed = [_is_passed(text, one, changes(before, now, one.counter)) for text, one in limits]
    if any(passed):
        raise Exit(MOVED)


async def _two_nights(
    path: str, since: Moment, until: Moment | None
) -> tuple[list[CounterRow], list[CounterRow]]:
    """Return the last row of each series at two moments."""
    async with CounterHistory(path) as history:
        now = await history.latest()
        end = None if until is None or not now else until.before(_newest(now))
        if end is not None:
            now = await history.latest(until=end)
        if since.is_previous:
            return await history.latest(until=end, previous=True), now
        before = await history.latest(until=since.before(_newest(now))) if now else []
        return before, now


def _print_nothing_to_compare(since: Sequence[Moment], *, several: bool) -> None:
    """Say that no series has a count at one of the moments, and what else there may be."""
    words = [moment.word for moment in since]
    if not several or any(one.is_previous for one in since):
        print_notice("nothing to compare: nothing was counted twice")
        return
    hint = "to compare with the count before the newest: --since previous"
    print_notice(f"nothing to compare: no count up to {' or '.join(words)} has a later one", hint)


def _newest(rows: Iterable[CounterRow]) -> datetime:
    return max(moment for row in rows if (moment := time_of(row)))


def _is_passed(text: str, limit: Limit, found: Iterable[Change]) -> bool:
    """Say whether a limit is passed, and print where."""
    passed = [one for one in found if limit.is_passed_by(one)]
    for one in passed[:_SHOWN]:
        before, now = (getattr(row, limit.counter) for row in (one.before, one.now))
        print_message(f"{text}: {series_name(one.now)}: from {before:,} to {now:,}")
    if len(passed) > _SHOWN:
        print_message(f"{text}: and {len(passed) - _SHOWN} more")
    return bool(passed)


def _print_records(
    records: Sequence[dict[str, object]], columns: Sequence[str], form: Form
) -> None:
    """Print a line per record, with the same columns in JSON and CSV."""
    lines = list(map(plain, records))
    if form in CSV:
        cells = [[cell(line[name]) for name in columns] for line in lines]
        print_csv([columns, *cells], raw=form == "csv-raw")
        return
    for line in lines:
        print_json(line)
