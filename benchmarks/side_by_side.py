"""Runs contenders in turns, each in a process of its own, and compares their medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing

from benchmarks.processes import Figures, Sliced

Row = dict[str, object]


def medians(
    run: Callable[[str], Figures], names: Sequence[str], *, rounds: int
) -> dict[str, Figures]:
    """Return the median of every figure by contender.

    All contenders run once before any runs a second time, so that a machine
    that gets slower or busier does so for all of them.

    Args:
        run: Runs the contender of this name once.
        names: The contenders.
        rounds: How often each runs.
    """
    runs: dict[str, list[Figures]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(run(name))
    return {name: median(figures) for name, figures in runs.items()}


def slices(
    contenders: Mapping[str, Callable[[], Sliced]], *, rounds: int
) -> dict[str, list[Figures]]:
    """Return the figures of every slice by contender; all have theirs in turns."""
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(closing(start())) for name, start in contenders.items()
        }
        taken: dict[str, list[Figures]] = {name: [] for name in running}
        for _ in range(rounds):
            for name, contender in running.items():
                taken[name].append(contender.next())
    return taken


def ratio(ours: Sequence[Figures], rival: Sequence[Figures], figure: str) -> float:
    """Return the median over the rounds of ours divided by the rival's of the same round."""
    pairs = zip(ours, rival, strict=True)
    return statistics.median(one[figure] / other[figure] for one, other in pairs)


def by_figure(figures: Mapping[str, Figures], *, ours: str, rivals: Sequence[str]) -> list[Row]:
    """Return a row per figure: ours, each rival's, and ours as a share of theirs."""
    return [
        _figure_row(figure, {name: figures[name][figure] for name in (ours, *rivals)}, ours)
        for figure in figures[ours]
    ]


def round_off(value: float) -> float | int:
    """Return as many digits as mean something: three, or all before the point."""
    for limit, digits in ((1, 3), (10, 2), (100, 1)):
        if abs(value) < limit:
            return round(value, digits)
    return round(value)


def median(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure."""
    return {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}


def _figure_row(figure: str, values: Mapping[str, float], ours: str) -> Row:
    row: Row = {"figure": figure, ours: round_off(values[ours])}
    for name, value in values.items():
        if name != ours:
            row[name] = round_off(value)
            row[f"{ours} / {name}"] = round(values[ours] / value, 3) if value else None
    return row
