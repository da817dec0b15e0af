"""A table of many resources, databases or segments, the largest first. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

from altcraft_async.cli.safe_text import clean
from altcraft_async.cli.tables import grid_table, width_of
from altcraft_async.cli.totals import ObjectTotals

__all__ = ["ObjectsTable"]

_SHOWN = 10  # objects with a row of their own
_SHORTEST = 8  # characters of a name that are worth a column
_SENDABLE = "subscribed_sendable"  # segments send no other subscribers


class ObjectsTable:
    """Subscribers of each object by channel: the largest objects first, the others as one sum.

    A narrow screen gets narrower gaps, shorter names, then none, then one sum of all channels.
    Ids and numbers are never cut.
    """

    def __init__(self, objects: Mapping[str, ObjectTotals]) -> None:
        """Show at least one object."""
        subscribed = {label: _numbers(one, "subscribed") for label, one in objects.items()}
        self._title = "subscribed"
        if not any(subscribed.values()):
            subscribed = {label: _numbers(one, _SENDABLE) for label, one in objects.items()}
            self._title = "sendable"
        ranked = sorted(objects, key=lambda label: -sum(subscribed[label].values()))
        self._rows = [
            (label, clean(objects[label].name or ""), subscribed[label])
            for label in ranked[:_SHOWN]
        ]
        if others := ranked[_SHOWN:]:
            rest: Counter[str] = Counter()
            for label in others:
                rest.update(subscribed[label])
            self._rows.append((f"{len(others):,} others", "", rest))
        self._channels = list(dict.fromkeys(name for *_, some in self._rows for name in some))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Choose what fits."""
        bare = [grid_table(self._grid(0), tight=tight) for tight in (False, True)]
        rooms = [options.max_width - width_of(one, console, options) for one in bare]
        longest = max(cell_len(name) for _, name, _ in self._rows)
        for tight, room in enumerate(rooms):
            if longest and room > min(longest, _SHORTEST):
                yield grid_table(self._grid(room - 1), tight=bool(tight))
                return
        sums = [[label, f"{sum(numbers.values()):,}"] for label, _, numbers in self._rows]
        summed = grid_table([["", self._title], *sums], tight=True)
        yield next((one for one, room in zip(bare, rooms, strict=True) if room >= 0), summed)

    def _grid(self, name_width: int) -> list[list[str]]:
        """Return the cells, with names of at most so many columns."""
        rows = [
            [_named(label, name, name_width), *(_shown(numbers.get(one)) for one in self._channels)]
            for label, name, numbers in self._rows
        ]
        return [[self._title, *map(clean, self._channels)], *rows]


def _numbers(one: ObjectTotals, counter: str) -> dict[str, int]:
    """Return a counter by channel, where it was sent."""
    numbers: dict[str, int | None] = {
        name: getattr(counters, counter) for name, counters in one.channels.items()
    }
    return {name: value for name, value in numbers.items() if value is not None}


def _named(label: str, name: str, width: int) -> str:
    if not (name and width):
        return label
    text = Text(name)
    text.truncate(width, overflow="ellipsis")
    return f"{label} {text.plain}"


def _shown(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
