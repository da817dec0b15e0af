"""Made-up tasks: how long they take, and what their progress bars say meanwhile."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

SHORTEST, LONGEST = 0.05, 86_400.0  # seconds

Progress = Callable[[float], float]
"""From the share of a task's time that is gone to the share that its bar shows."""


class Pretended(NamedTuple):
    """One task.

    Attributes:
        number: Of what it counts; no two tasks count the same.
        arrival: Seconds at which it starts.
        duration: Seconds it takes.
        progress: Its bar.
        dice: Its own chance, so that tasks do not disturb each other.
    """

    number: int
    arrival: float
    duration: float
    progress: Progress
    dice: random.Random

    def percent(self, waited: float) -> int:
        """Return what the bar shows after so many seconds; 100 is only for the end."""
        return min(99, max(0, int(100 * self.progress(waited / self.duration))))


def _lognormal(dice: random.Random) -> float:
    return dice.lognormvariate(math.log(20), 1.2)


_SHORT = 0.7  # share of the short ones


def _bimodal(dice: random.Random) -> float:
    if dice.random() < _SHORT:
        return dice.lognormvariate(math.log(0.4), 0.3)
    return dice.lognormvariate(math.log(120), 0.5)


def _heavy(dice: random.Random) -> float:
    return dice.paretovariate(1.1)


DURATIONS: Mapping[str, Callable[[random.Random], float]] = {
    "lognormal": _lognormal,
    "bimodal": _bimodal,
    "heavy-tailed": _heavy,
}
"""Seconds: median 20, sigma 1.2; seven of ten 0.4, the others 120; Pareto of 1.1 from 1 on."""


def _linear(_dice: random.Random) -> Progress:
    return lambda gone: gone


def _noisy(dice: random.Random) -> Progress:
    """Bend the bar at both ends, and let each report be up to three points off."""
    begins, ends = (math.exp(dice.gauss(0, 0.3)) for _ in range(2))
    return lambda gone: 1 - (1 - gone**begins) ** ends + dice.uniform(-0.03, 0.03)


def _front(_dice: random.Random) -> Progress:
    return lambda gone: 1 - (1 - gone) ** 2


def _back(_dice: random.Random) -> Progress:
    return lambda gone: gone**2


def _stall(dice: random.Random) -> Progress:
    """Go far in the first tenth of the time, and stay there."""
    most = dice.uniform(0.6, 0.95)
    return lambda gone: most * min(1.0, 10 * gone)


def _stuck(_dice: random.Random) -> Progress:
    return lambda _gone: 0.0


def _mix(dice: random.Random) -> Progress:
    return dice.choice((_linear, _noisy, _front, _back, _stuck))(dice)


PROGRESSES: Mapping[str, Callable[[random.Random], Progress]] = {
    "linear": _linear,
    "noisy": _noisy,
    "front": _front,
    "back": _back,
    "stall": _stall,
    "stuck": _stuck,
    "mix": _mix,
}


def pretend(durations: str, progress: str, *, tasks: int, rate: float) -> list[Pretended]:
    """Draw tasks that arrive at this rate a second: the same in every run, whatever their bars."""
    chance = random.Random(durations)  # noqa: S311 -- the same for all policies
    arrival, drawn = 0.0, list[Pretended]()
    for number in range(tasks):
        arrival += chance.expovariate(rate)
        duration = min(LONGEST, max(SHORTEST, DURATIONS[durations](chance)))
        dice = random.Random(number)  # noqa: S311 -- likewise
        drawn.append(Pretended(number, arrival, duration, PROGRESSES[progress](dice), dice))
    return drawn
