"""What an observer adds to a poll, and what a client without one pays for the possibility.

Only the poll loop runs, with an answer that is available at once. Two
processes measure it without an observer; their difference is the precision.
"""

from __future__ import annotations

from functools import partial

from benchmarks.comparison import Row, interleaved_slices, median, rounded
from benchmarks.processes import SlicedContender

ROUNDS = 60

POLL = "CPU µs per poll"
TITLES = {
    "off": "no observer",
    "off_again": "no observer, measured again",
    "base": "`Observer()`, which does nothing",
    "counting": "one that counts polls",
    "monitor": "`Monitor()`, nobody watches",
    "api": "`OpenTelemetryObserver` without an SDK",
    "sdk": "`OpenTelemetryObserver` with an SDK, spans and metrics recorded",
}


def main(rounds: int = ROUNDS) -> dict[str, list[Row]]:
    """Measure all in turns."""
    contenders = {name: partial(SlicedContender, "observers", name) for name in TITLES}
    slices = interleaved_slices(contenders, rounds=rounds)
    cpu = {name: median(measured)[POLL] for name, measured in slices.items()}
    return {
        "The poll loop's part of one poll": [
            {
                "observer": TITLES[name],
                POLL: rounded(each),
                "more than without": rounded(each - cpu["off"]),
            }
            for name, each in cpu.items()
        ]
    }


def quick() -> dict[str, list[Row]]:
    """Take one slice of each."""
    return main(rounds=1)
