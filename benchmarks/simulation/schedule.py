"""The best that can be done without progress: a schedule made for a known spread of durations."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from altcraft_async import PollState

POLL_COST = 0.01
"""What a poll is worth, as a share of a task's duration: the default of `Adaptive`."""

_POINTS = 600
_MEDIAN, _SIGMA = 20.0, 1.2


class KnownDurations:
    """Polls at the best moments for who knows the spread of durations and nothing else.

    Only for tasks of the lognormal family.
    """

    def next_poll(self, seen: PollState) -> float:
        """Return the seconds to the next moment of the schedule."""
        moments = schedule()
        moment = moments[seen.polls] if seen.polls < len(moments) else 1.1 * seen.waited
        return moment - seen.waited


@cache
def schedule() -> list[float]:
    """Return the best moments by dynamic programming over a grid, the last one first.

    From each moment, the next is the one for which the lag expected until
    then, the cost of the poll, and the best cost from there on are least.
    """
    steps = np.linspace(-3.5, 4.0, _POINTS)
    grid = _MEDIAN * np.exp(_SIGMA * steps)
    reached = np.array([0.5 * (1 + math.erf(step / math.sqrt(2))) for step in steps])
    share = np.diff(reached, prepend=0.0, append=1.0)[:_POINTS]
    weight = share / np.maximum(grid, 1.0)
    # Sums up to each point, so that the lag of any poll is a difference of two.
    weights = np.concatenate([[0.0], np.cumsum(weight)])
    ends = np.concatenate([[0.0], np.cumsum(weight * grid)])
    alive = 1 - np.concatenate([[0.0], np.cumsum(share)])
    cost = np.zeros(_POINTS + 1)
    best = np.zeros(_POINTS, dtype=int)
    for at in range(_POINTS - 1, -1, -1):
        then = np.arange(at, _POINTS)
        lag = grid[then] * (weights[then + 1] - weights[at]) - (ends[then + 1] - ends[at])
        total = lag + POLL_COST * alive[at] + cost[then + 1]
        chosen = int(np.argmin(total))
        best[at], cost[at] = then[chosen], total[chosen]
    moments: list[float] = []
    at = 0
    while at < _POINTS:
        moments.append(float(grid[best[at]]))
        at = int(best[at]) + 1
    return moments
