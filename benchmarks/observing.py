"""What an observer costs a poll, and what it costs not to have one.

The poll loop alone, with an answer that is there at once. "Off" is measured
by two processes, whose difference says how exact the others are.
"""

from __future__ import annotations

from functools import partial

from benchmarks.processes import Sliced
from benchmarks.side_by_side import Row, median, round_off, slices

ROUNDS = 60

POLL = "CPU µs per poll"
TITLES = {
    "off": "no observer",
    "off_again": "no observer, a second time",
    "base": "`Observer()`, which does nothing",
    "counting": "one that counts polls",
    "api": "`OpenTelemetryObserver` without an SDK",
    "sdk": "`OpenTelemetryObserver` with an SDK, spans and metrics recorded",
}


def main() -> dict[str, list[Row]]:
    """Measure all in turns."""
    starts = {name: partial(Sliced, "observing", name) for name in TITLES}
    taken = {name: median(runs)[POLL] for name, runs in slices(starts, rounds=ROUNDS).items()}
    return {
        "The poll loop's part of one poll": [
            {
                "observer": TITLES[name],
                POLL: round_off(each),
                "more than without": round_off(each - taken["off"]),
            }
            for name, each in taken.items()
        ]
    }
