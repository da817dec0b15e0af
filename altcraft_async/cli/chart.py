"""A bar chart of counters by channel. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.bar import Bar
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from altcraft_async import SubscriptionCounters
from altcraft_async.cli.safe_text import clean

__all__ = ["Chart", "OnTerminal"]

_STATES = {"subscribed": "green", "unsubscribed": "yellow", "hardbounced": "red"}
# Segments send these alone.
_SENDABLE = {"subscribed_sendable": "green", "unconfirmed_sendable": "yellow"}

_WIDEST, _NARROWEST = 48, 8  # columns of a bar


class Chart:
    """Bars for subscribed, unsubscribed and hardbounced by channel, all to one scale."""

    def __init__(self, channels: Mapping[str, SubscriptionCounters]) -> None:
        """Show these channels in this order."""
        said = [_said(counters, _STATES) for counters in channels.values()]
        self._colours = _STATES if any(said) else _SENDABLE
        self._figures = {
            clean(name): _said(counters, self._colours) for name, counters in channels.items()
        }
        everything = [value for figures in self._figures.values() for value in figures.values()]
        self._largest = max(everything, default=0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Make the bars as wide as there is room for."""
        around = console.measure(self._table(0, options), options=options).maximum
        width = min(max(options.max_width - around, _NARROWEST), _WIDEST)
        yield self._table(width, options)

    def _table(self, width: int, options: ConsoleOptions) -> Table:
        table = Table.grid(padding=(0, 1))
        for justify in ("left", "left", "left", "right"):
            table.add_column(justify=justify, no_wrap=True)
        for channel, figures in self._figures.items():
            titles = [channel] + [""] * len(figures)
            for title, (figure, value) in zip(titles, figures.items(), strict=False):
                name = Text(figure.replace("_", " "))
                bar = self._bar(value, self._colours[figure], width, options)
                table.add_row(Text(title), name, bar, Text(str(value)))
        return table

    def _bar(self, value: int, colour: str, width: int, options: ConsoleOptions) -> RenderableType:
        if not width:
            return ""
        largest = max(self._largest, 1)
        if options.ascii_only:  # blocks would come out as escapes
            return ProgressBar(largest, value, width, complete_style=colour, finished_style=colour)
        return Bar(largest, 0, value, width=width, color=colour)


class OnTerminal:
    """Shows something to a person, and nothing to a pipe or file."""

    def __init__(self, view: RenderableType) -> None:
        """Show this view."""
        self._view = view

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """See who polls."""
        del options  # rich's signature
        if console.is_terminal:
            yield self._view


def _said(counters: SubscriptionCounters, figures: Mapping[str, str]) -> dict[str, int]:
    values: dict[str, int | None] = {name: getattr(counters, name) for name in figures}
    return {name: value for name, value in values.items() if value is not None}
