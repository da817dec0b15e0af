"""Simulated tasks: how long they take, and what progress they report."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

SHORTEST, LONGEST = 0.05, 86_400.0  # seconds

Progress = Callable[[float], float]
"""Maps the elapsed share of a task's duration to the share that it reports as done."""


class SimulatedTask(NamedTuple):
    """One task.

    Attributes:
        number: Of the resource that it refreshes; each task has another.
        arrival: Second at which it starts.
        duration: Seconds that it takes.
        progress: Its progress curve.
        rng: Its own random numbers, so that tasks do not affect each other.
    """

    number: int
    arrival: float
    duration: float
    progress: Progress
    rng: random.Random

    def percent(self, waited: float) -> int:
        """Return the progress after so many seconds; a running task reports at most 99."""
        return min(99, max(0, int(100 * self.progress(waited / self.duration))))


def _lognormal(rng: random.Random) -> float:
    return rng.lognormvariate(math.log(20), 1.2)


_SHORT_SHARE = 0.7


def _bimodal(rng: random.Random) -> float:
    if rng.random() < _SHORT_SHARE:
        return rng.lognormvariate(math.log(0.4), 0.3)
    return rng.lognormvariate(math.log(120), 0.5)


def _heavy_tailed(rng: random.Random) -> float:
    return rng.paretovariate(1.1)


DURATIONS: Mapping[str, Callable[[random.Random], float]] = {
    "lognormal": _lognormal,
    "bimodal": _bimodal,
    "heavy-tailed": _heavy_tailed,
}
"""Seconds: median 20, sigma 1.2; 0.4 for seven of ten, else 120; Pareto 1.1 from 1 on."""


def _linear(_rng: random.Random) -> Progress:
    return lambda elapsed: elapsed


def _noisy(rng: random.Random) -> Progress:
    """Bend the curve at both ends, with an error of up to three points in each report."""
    begins, ends = (math.exp(rng.gauss(0, 0.3)) for _ in range(2))
    return lambda elapsed: 1 - (1 - elapsed**begins) ** ends + rng.uniform(-0.03, 0.03)


def _front_loaded(_rng: random.Random) -> Progress:
    return lambda elapsed: 1 - (1 - elapsed) ** 2


def _back_loaded(_rng: random.Random) -> Progress:
    return lambda elapsed: elapsed**2


def _stalling(rng: random.Random) -> Progress:
    """Progress only during the first tenth of the time."""
    most = rng.uniform(0.6, 0.95)
    return lambda elapsed: most * min(1.0, 10 * elapsed)


def _stuck(_rng: random.Random) -> Progress:
    return lambda _elapsed: 0.0


def _mixed(rng: random.Random) -> Progress:
    return rng.choice((_linear, _noisy, _front_loaded, _back_loaded, _stuck))(rng)


PROGRESSES: Mapping[str, Callable[[random.Random], Progress]] = {
    "linear": _linear,
    "noisy": _noisy,
    "front-loaded": _front_loaded,
    "back-loaded": _back_loaded,
    "stalling": _stalling,
    "stuck": _stuck,
    "mixed": _mixed,
}


def simulated_tasks(
    durations: str, progress: str, *, tasks: int, rate: float
) -> list[SimulatedTask]:
    """Draw tasks that arrive at this rate a second, the same in every run and for all progress."""
    common = random.Random(durations)  # noqa: S311 -- the same for all policies
    arrival, drawn = 0.0, list[SimulatedTask]()
    for number in range(tasks):
        arrival += common.expovariate(rate)
        duration = min(LONGEST, max(SHORTEST, DURATIONS[durations](common)))
        own = random.Random(number)  # noqa: S311 -- likewise
        drawn.append(SimulatedTask(number, arrival, duration, PROGRESSES[progress](own), own))
    return drawn
