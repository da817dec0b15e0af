"""What a monitor takes of a core with 10,000 running tasks: unwatched, and with an open page.

What it adds to a poll is in `observers`.
"""

from __future__ import annotations

from functools import partial

from benchmarks.comparison import Row, at_most, medians, rounded
from benchmarks.contenders.monitors import NAMES
from benchmarks.processes import Measurements, run_contender

ROUNDS, SECONDS = 3, 10.0

CPU = "CPU, % of a core"
TITLES = {"unwatched": "nobody watches", "watched": "one page is open"}

BAR_WATCHED = 3.0
"""Percent."""


def main(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, list[Row]]:
    """Measure both in turns."""
    run: partial[Measurements] = partial(_run, seconds=seconds)
    cpu = {name: found[CPU] for name, found in medians(run, NAMES, rounds=rounds).items()}
    return {
        "A monitor of 10,000 running tasks": [
            {"page": TITLES[name], CPU: rounded(share)} for name, share in cpu.items()
        ],
        "Criteria": [
            at_most("% of a core for a page", BAR_WATCHED, cpu["watched"] - cpu["unwatched"])
        ],
    }


def quick() -> dict[str, list[Row]]:
    """Measure each once, for two seconds."""
    tables = main(rounds=1, seconds=2.0)
    del tables["Criteria"]
    return tables


def _run(name: str, *, seconds: float) -> Measurements:
    return run_contender("monitors", name, str(seconds))
