"""``history``: the counters of past refreshes, and what changed between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

import click
from click.exceptions import Exit

from altcraft_async import ConfigurationError, CounterRow, SubscriptionCounters
from altcraft_async.cli.exit_codes import MOVED
from altcraft_async.cli.history_views import (
    change_data,
    channel_views,
    movers_view,
    series_name,
)
from altcraft_async.cli.json_data import plain
from altcraft_async.cli.moments import Moment
from altcraft_async.cli.options import (
    CSV,
    Command,
    Form,
    WholeNumber,
    examples,
    form_option,
    id_argument,
)
from altcraft_async.cli.output import print_csv, print_json, print_message, print_notice, print_view
from altcraft_async.cli.png import draw
from altcraft_async.cli.runner import run
from altcraft_async.cli.safe_text import cell
from altcraft_async.history import Change, CounterHistory, Limit, changes
from altcraft_async.history.changes import time_of

__all__ = ["HistoryGroup", "movers", "show"]

_CHANGE_COLUMNS = (
    *("kind", "resource_id", "database_id", "segment_id", "name", "channel", "counter"),
    *("before", "now", "difference", "percent", "before_at", "now_at"),
)

_TIME = "2030-01-31T02:00"  # in messages

_SHOWN = 10
"""Passed limits that are named; the others are only counted."""


def _read_moment(
    _context: click.Context, parameter: click.Parameter, word: str | None
) -> Moment | None:
    moment = None if word is None else _moment(word)
    if moment is not None and moment.is_previous and parameter.name == "until":
        msg = "previous is a word for --since; give --until a date or a time."
        raise click.BadParameter(msg)
    return moment


def _read_moments(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[Moment, ...]:
    return tuple(map(_moment, words))


def _moment(word: str) -> Moment:
    try:
        return Moment.parse(word)
    except ValueError:
        msg = f"{word!r} is not previous, yesterday, last-week, or a date or time like {_TIME}."
    raise click.BadParameter(msg)


def _read_limits(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[tuple[str, Limit], ...]:
    try:
        return tuple((text, Limit.parse(text)) for text in texts)
    except ConfigurationError as error:
        msg = str(error).removeprefix("limit: ")
    raise click.BadParameter(msg)


def _file_option(command: Command) -> Command:
    return click.option(
        "--history",
        "path",
        type=click.Path(exists=True, dir_okay=False),
        required=True,
        metavar="FILE",
        help="The file that refresh-all --history writes.",
    )(command)


class HistoryGroup(click.Group):
    """A group whose command ``show`` need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``show`` before what names no other command."""
        if args and args[0] not in {*self.commands, *self.get_help_option_names(ctx)}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.command(
    epilog=examples(
        "altcraft history show 24 --database-id 1 --channel email --history counters.sqlite",
        "altcraft history 24 --counter hardbounced --since 2030-01-31 --history counters.sqlite",
        "altcraft history 24 --since previous --history counters.sqlite",
        "altcraft history 24 --png subscribers.png --history counters.sqlite",
    )
)
@id_argument("resource_id")
@_file_option
@click.option(
    "--database-id", type=WholeNumber(min=1), metavar="N", help="Only in this profile database."
)
@click.option("--channel", metavar="NAME", help="Only this channel, such as email.")
@click.option(
    "--counter",
    type=click.Choice(SubscriptionCounters.__struct_fields__),
    default="subscribed",
    show_default=True,
    metavar="NAME",
    help="The counter of the chart.",
)
@click.option(
    "--since",
    multiple=True,
    default=("yesterday", "last-week"),
    callback=_read_moments,
    show_default=True,
    metavar="WHEN",
    help="Compare with the last count up to WHEN: yesterday, last-week, a date or a time;"
    " previous is the count before the newest. Repeatable.",
)
@click.option("--png", metavar="FILE", help="Draw the chart into this file as well.")
@form_option("json", "csv")
def show(  # noqa: PLR0913 -- one argument per option, all by name
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
    """Show the counters of a resource over time, and what changed.

    Yesterday and last week are counted from the day of the newest count, and a
    day is compared by its last count. Times are those of this machine. JSON and
    CSV have a line per count.
    """
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


@click.command(
    short_help="Show where hard bounces rose and subscribers fell.",
    epilog=examples(
        "altcraft history movers --history counters.sqlite",
        "altcraft history movers --since last-week --top 20 --history counters.sqlite",
        "altcraft history movers --since previous --fail-if 'hardbounced>+5%'"
        " --history counters.sqlite",
    ),
)
@_file_option
@click.option(
    "--since",
    default="yesterday",
    callback=_read_moment,
    show_default=True,
    metavar="WHEN",
    help="Compare with the last count up to WHEN: yesterday, last-week, a date or a time;"
    " previous is the count before the newest.",
)
@click.option(
    "--until",
    callback=_read_moment,
    metavar="WHEN",
    help="Compare the last counts up to WHEN, not the newest ones.",
)
@click.option(
    "--top",
    type=WholeNumber(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="How many of each.",
)
@click.option(
    "--fail-if",
    "limits",
    multiple=True,
    callback=_read_limits,
    metavar="LIMIT",
    help="End with exit code 10 if a counter of any resource and channel moved further, as in"
    " 'hardbounced>+5%' or 'subscribed<-100'. Repeatable.",
)
@form_option("json", "csv")
def movers(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    path: str,
    since: Moment,
    until: Moment | None,
    top: int,
    limits: tuple[tuple[str, Limit], ...],
    form: Form,
) -> None:
    """Show the largest changes: hard bounces that rose, and subscribers that fell.

    Compares the newest count of each resource and channel with an earlier one,
    which --since chooses. Yesterday and last week are counted from the day of the
    newest count of all. Times are those of this machine.
    """
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
