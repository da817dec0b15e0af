"""Draws counters over time into a PNG file; needs the extra ``plot``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from altcraft_async import ConfigurationError, CounterRow
from altcraft_async.history.changes import time_of
from altcraft_async.models.extras import MissingExtraError, extra

__all__ = ["draw"]


def draw(path: str, channels: Sequence[Sequence[CounterRow]], counter: str, title: str) -> None:
    """Draw a line for each channel.

    Raises:
        ConfigurationError: matplotlib is missing, or the file cannot be written.
    """
    figure = _figure()
    axes = figure.subplots()
    databases = {rows[0].database_id for rows in channels}
    for rows in channels:
        one = rows[0]
        axes.plot(
            [time_of(row) for row in rows],
            [getattr(row, counter) for row in rows],
            marker=".",
            label=one.channel
            if len(databases) == 1
            else f"database {one.database_id}, {one.channel}",
        )
    # Names may have dollar signs, which are no formulas here.
    axes.set_title(title, parse_math=False)
    for label in axes.legend().get_texts():
        label.set_parse_math(False)
    axes.set_ylabel(counter.replace("_", " "))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.3)
    figure.autofmt_xdate()
    try:
        figure.savefig(path, format="png")
    except OSError as failed:
        reason = failed.strerror or str(failed)
    else:
        return
    msg = f"png: {path} cannot be written ({reason})"
    raise ConfigurationError(msg)


def _figure() -> Any:  # noqa: ANN401 -- matplotlib leaves half of its types open
    try:
        with extra("plot", "matplotlib"):
            from matplotlib.figure import Figure  # noqa: PLC0415 -- an extra, and slow to load
    except MissingExtraError as error:
        msg = f"png: {error}"
    else:
        return Figure(figsize=(9, 5), dpi=100, layout="constrained")
    raise ConfigurationError(msg)
