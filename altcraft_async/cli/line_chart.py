"""A line chart of a counter over time. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Console, ConsoleOptions
from rich.text import Text

__all__ = ["LineChart"]

_WIDEST, _NARROWEST, _HEIGHT = 64, 8, 8  # in characters

# The dots of a Braille character, column by column, from the lowest up.
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))


class LineChart:
    """A line from the first to the last of some values, which are in the order of time."""

    def __init__(self, points: Sequence[tuple[datetime, int]]) -> None:
        """Show at least one value; the axis goes from the lowest to the highest of them."""
        self._times = [moment.timestamp() for moment, _ in points]
        self._values = [value for _, value in points]
        first, last = (points[at][0].astimezone().date().isoformat() for at in (0, -1))
        self._days = (first, last if last != first else "")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Draw Braille dots, or stars where the screen has only ASCII."""
        low, high = min(self._values), max(self._values)
        labels = [f"{high:,}", *[""] * (_HEIGHT - 2), f"{low:,}"]
        margin = max(map(len, labels))
        width = min(max(options.max_width - margin - 1, _NARROWEST), _WIDEST)
        lines = self._stars(width) if options.ascii_only else self._braille(width)
        for label, line in zip(labels, lines, strict=True):
            yield Text(f"{label:>{margin}} {line}".rstrip(), no_wrap=True)
        first, last = self._days
        room = width - len(first)
        days = f"{first}{last:>{room}}" if len(last) < room else first
        yield Text(f"{'':{margin}} {days}".rstrip(), no_wrap=True)

    def _stars(self, width: int) -> list[str]:
        heights = self._heights(width, _HEIGHT)
        rows = reversed(range(_HEIGHT))
        return ["".join(" *"[low <= row <= high] for low, high in heights) for row in rows]

    def _braille(self, width: int) -> list[str]:
        cells = [[0x2800] * width for _ in range(_HEIGHT)]
        for x, (low, high) in enumerate(self._heights(2 * width, 4 * _HEIGHT)):
            for y in range(low, high + 1):
                cells[_HEIGHT - 1 - y // 4][x // 2] |= _DOTS[x % 2][y % 4]
        return ["".join(map(chr, row)) for row in cells]

    def _heights(self, columns: int, rows: int) -> list[tuple[int, int]]:
        """Return from where to where the line is in each column, so that it has no gaps."""
        low, high = min(self._values), max(self._values)
        scale = (rows - 1) / (high - low) if high > low else 0.0
        levels = [round((value - low) * scale) for value in self._at(columns)]
        before = [levels[0], *levels]
        return [
            (min(level, old + (level > old)), max(level, old - (level < old)))
            for old, level in zip(before, levels, strict=False)
        ]

    def _at(self, columns: int) -> Iterator[float]:
        """Yield the value at each of so many moments, between two values in proportion."""
        begin, end, at = self._times[0], self._times[-1], 0
        for column in range(columns):
            moment = begin + (end - begin) * column / (columns - 1)
            while at < len(self._times) - 2 and self._times[at + 1] < moment:
                at += 1
            later = min(at + 1, len(self._times) - 1)
            span = self._times[later] - self._times[at]
            share = (moment - self._times[at]) / span if span else 0.0
            yield self._values[at] + (self._values[later] - self._values[at]) * share
