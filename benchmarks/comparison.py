"""Runs contenders in turns, each in a process of its own, and compares their medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing

from benchmarks.processes import Measurements, SlicedContender

Row = dict[str, object]


def medians(
    run: Callable[[str], Measurements], names: Sequence[str], *, rounds: int
) -> dict[str, Measurements]:
    """Return the median of every measurement by contender.

    Each round runs every contender once, so that a machine that becomes
    busier slows all of them down.

    Args:
        run: Runs the contender of this name once.
        names: The contenders.
        rounds: How often each runs.
    """
    runs: dict[str, list[Measurements]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(run(name))
    return {name: median(measured) for name, measured in runs.items()}


def interleaved_slices(
    contenders: Mapping[str, Callable[[], SlicedContender]], *, rounds: int
) -> dict[str, list[Measurements]]:
    """Return the measurements of every slice by contender; the contenders alternate."""
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(closing(start())) for name, start in contenders.items()
        }
        slices: dict[str, list[Measurements]] = {name: [] for name in running}
        for _ in range(rounds):
            for name, contender in running.items():
                slices[name].append(contender.next())
    return slices


def median(runs: Sequence[Measurements]) -> Measurements:
    """Return the median of each measurement."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def median_ratio(ours: Sequence[Measurements], rival: Sequence[Measurements], name: str) -> float:
    """Return the median over the rounds of ours divided by the rival's of the same round."""
    pairs = zip(ours, rival, strict=True)
    return statistics.median(one[name] / other[name] for one, other in pairs)


def at_most(criterion: str, limit: float, measured: float) -> Row:
    """Return a criterion's row; a run with a row that is not met ends with status 1."""
    met = "yes" if measured <= limit else "no"
    return {
        "criterion": criterion,
        "required": f"≤ {limit:g}",
        "measured": rounded(measured),
        "met": met,
    }


def rounded(value: float) -> float | int:
    """Return the value with three significant digits, or all digits before the point."""
    for limit, digits in ((1, 3), (10, 2), (100, 1)):
        if abs(value) < limit:
            return round(value, digits)
    return round(value)
