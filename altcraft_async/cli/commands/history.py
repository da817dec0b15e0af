"""``history``: the counters of past refreshes, and what changed between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from altcraft_async.cli.moments import Moment
from altcraft_async.cli.options import Command, WholeNumber, examples, form_option, id_argument
from altcraft_async.errors import ConfigurationError
from altcraft_async.models import SubscriptionCounters

if TYPE_CHECKING:
    from altcraft_async.history import Limit

__all__ = ["HistoryGroup", "movers", "show"]

_TIME = "2030-01-31T02:00"  # in messages


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
    from altcraft_async.history import Limit

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
def show(**options: Any) -> None:
    """Show the counters of a resource over time, and what changed.

    Yesterday and last week are counted from the day of the newest count, and a
    day is compared by its last count. Times are those of this machine. JSON and
    CSV have a line per count.
    """
    from altcraft_async.cli.actions.history import show_history

    show_history(**options)


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
def movers(**options: Any) -> None:
    """Show the largest changes: hard bounces that rose, and subscribers that fell.

    Compares the newest count of each resource and channel with an earlier one,
    which --since chooses. Yesterday and last week are counted from the day of the
    newest count of all. Times are those of this machine.
    """
    from altcraft_async.cli.actions.history import show_movers

    show_movers(**options)
