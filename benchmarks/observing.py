"""What an observer costs a look, and what it costs not to have one.

The poll loop alone, with an answer that is there at once. "Off" is measured
by two processes, whose difference says how exact the others are.
"""

from __future__ import annotations

from functools import partial

from benchmarks.processes import Sliced
from benchmarks.side_by_side import Row, median, round_off, slices

ROUNDS = 60

LOOK = "CPU µs per look"
TITLES = {
    "off": "no observer",
    "off_again": "no observer, a second time",
    "base": "`Observer()`, which does nothing",
    "counting": "one that counts looks",
    "api": "`OpenTelemetryObserver` without an SDK",
    "sdk": "`OpenTelemetryObserver` with an SDK, spans and metrics recorded",
}


def main() -> dict[str, list[Row]]:
    """Measure all in turns."""
    starts = {name: partial(Sliced, "observing", name) for name in TITLES}
    taken = {name: median(runs)[LOOK] for name, runs in slices(starts, rounds=ROUNDS).items()}
    return {
        "The poll loop's part of one look": [
            {
                "observer": TITLES[name],
                LOOK: round_off(each),
                "more than without": round_off(each - taken["off"]),
            }
            for name, each in taken.items()
        ]
    }
