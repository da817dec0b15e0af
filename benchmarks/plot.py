"""Draws mean lateness against polls per task, a panel per kind of progress."""

# matplotlib's own types leave keyword arguments open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.simulation.engine import Outcome
from benchmarks.simulation.policies import ComparedPolicy

FILE = Path(__file__).parent / "policies.png"

_COLUMNS = 4
_OURS, _OTHER, _INK = "#c2410c", "#64748b", "#1e293b"

_LABEL_OFFSETS = {
    "right": ((6, 0), "left", "center"),
    "left": ((-6, 0), "right", "center"),
    "above": ((0, 6), "center", "bottom"),
    "below": ((0, -7), "center", "top"),
}


class Point(NamedTuple):
    """The outcome of one policy with one kind of progress."""

    progress: str
    policy: ComparedPolicy
    outcome: Outcome


def draw(points: Iterable[Point]) -> None:
    """Write the picture."""
    panels: dict[str, list[Point]] = {}
    for point in points:
        panels.setdefault(point.progress, []).append(point)
    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 3.6 * rows), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    for number, (progress, inside) in enumerate(panels.items(), start=1):
        _panel(figure.add_subplot(rows, _COLUMNS, number), progress, inside)
    figure.suptitle(
        "Polls per task against mean lateness, warm, lognormal durations (logarithmic axes)",
        color=_INK,
    )
    figure.savefig(FILE, metadata={"Software": None})


def _panel(axes: Axes, progress: str, points: Iterable[Point]) -> None:
    axes.set_title(f"progress: {progress}", loc="left", fontsize=11, color=_INK)
    axes.set(xscale="log", yscale="log", xlim=(1.5, 100), ylim=(0.5, 2000))
    for _, policy, outcome in points:
        colour = _OURS if policy.ours else _OTHER
        polls, lateness = outcome.polls, max(0.5, 100 * outcome.mean_lateness)
        axes.plot(polls, lateness, "o", color=colour, markersize=8 if policy.ours else 5)
        offset, across, down = _LABEL_OFFSETS[policy.label_side]
        axes.annotate(
            policy.label,
            (polls, lateness),
            xytext=offset,
            textcoords="offset points",
            ha=across,
            va=down,
            fontsize=8,
            color=colour,
        )
    axes.xaxis.set_major_formatter(FuncFormatter(_number))
    axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    axes.set_xticks([2, 5, 10, 20, 50])
    axes.minorticks_off()
    axes.set_xlabel("polls per task", fontsize=8, color=_INK)
    axes.set_ylabel("mean lateness", fontsize=8, color=_INK)
    axes.tick_params(labelsize=8, colors=_INK)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _number(value: float, _position: int) -> str:
    return f"{value:g}"


def _percent(value: float, _position: int) -> str:
    return f"{value:g} %"
