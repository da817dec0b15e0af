"""Runs contenders in turns, each in a process of its own, and compares their medians."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence


def ratios(
    module: str, *, ours: str, rivals: Sequence[str], rounds: int
) -> list[dict[str, object]]:
    """Return a row per figure: ours, each rival's, and ours as a share of theirs.

    Args:
        module: Below ``benchmarks.contenders``; prints its figures as JSON.
        ours: Name of this library's contender.
        rivals: Names of the others.
        rounds: How often each runs; the medians count.
    """
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in (ours, *rivals)}
    for _ in range(rounds):
        for name, runs in figures.items():
            runs.append(_run(module, name))
    return [
        _row(figure, {name: _median(runs, figure) for name, runs in figures.items()}, ours)
        for figure in figures[ours][0]
    ]


def _run(module: str, name: str) -> dict[str, float]:
    command = [sys.executable, "-m", f"benchmarks.contenders.{module}", name]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 -- our own modules
    figures: dict[str, float] = json.loads(printed.stdout)
    return figures


def _median(runs: Sequence[dict[str, float]], figure: str) -> float:
    return statistics.median(run[figure] for run in runs)


def _row(figure: str, medians: dict[str, float], ours: str) -> dict[str, object]:
    row: dict[str, object] = {"figure": figure, ours: round(medians[ours], 2)}
    for name, value in medians.items():
        if name != ours:
            row[name] = round(value, 2)
            row[f"{ours} / {name}"] = round(medians[ours] / value, 3)
    return row
