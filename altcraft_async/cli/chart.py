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

__all__ = ["Chart"]

_COLOURS = {"subscribed": "green", "unsubscribed": "yellow", "hardbounced": "red"}
# Segments send only these.
_SENDABLE_COLOURS = {"subscribed_sendable": "green", "unconfirmed_sendable": "yellow"}

_WIDEST = 48  # columns of a bar


class Chart:
    """Bars for subscribed, unsubscribed and hardbounced by channel, all to one scale."""

    def __init__(self, channels: Mapping[str, SubscriptionCounters]) -> None:
        """Show these channels in this order."""
        sent = [_sent(counters, _COLOURS) for counters in channels.values()]
        self._colours = _COLOURS if any(sent) else _SENDABLE_COLOURS
        self._counters = {
            clean(name): _sent(counters, self._colours) for name, counters in channels.items()
        }
        values = (value for counters in self._counters.values() for value in counters.values())
        self._largest = max(values, default=0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Fit the bars into the width that the labels leave."""
        labels = console.measure(self._table(0, options), options=options).maximum
        width = min(max(options.max_width - labels, 0), _WIDEST)
        yield self._table(width, options)

    def _table(self, width: int, options: ConsoleOptions) -> Table:
        table = Table.grid(padding=(0, 1))
        for justify in ("left", "left", "left", "right"):
            table.add_column(justify=justify, no_wrap=True)
        for channel, counters in self._counters.items():
            titles = [channel] + [""] * len(counters)
            for title, (name, value) in zip(titles, counters.items(), strict=False):
                bar = self._bar(value, self._colours[name], width, options)
                table.add_row(Text(title), Text(name.replace("_", " ")), bar, Text(f"{value:,}"))
        return table

    def _bar(self, value: int, colour: str, width: int, options: ConsoleOptions) -> RenderableType:
        if not width:
            return ""
        largest = max(self._largest, 1)
        if options.ascii_only:  # blocks would be printed as escapes
            return ProgressBar(largest, value, width, complete_style=colour, finished_style=colour)
        return Bar(largest, 0, value, width=width, color=colour)


def _sent(counters: SubscriptionCounters, names: Mapping[str, str]) -> dict[str, int]:
    values: dict[str, int | None] = {name: getattr(counters, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
