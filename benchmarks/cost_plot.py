"""Draws the CPU time of a refresh against the number of refreshes at once."""

# matplotlib's own types leave keyword arguments open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).parent / "end_to_end.png"


def draw(costs: Mapping[str, Mapping[int, float]], file: Path = FILE) -> None:
    """Write the picture of costs in microseconds, by client and number of refreshes."""
    # Loaded only here, as the tests import this module.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 4.5), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for client, by_count in costs.items():
        axes.plot(list(by_count), list(by_count.values()), "o-", label=client)
    axes.set(xscale="log", xlabel="refreshes at once", ylabel="client CPU µs of a refresh")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend()
    figure.savefig(file, metadata={"Software": None})
