"""The optimal schedule without progress, for a known distribution of durations."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from altcraft_async import PollState

POLL_COST = 0.01
"""Cost of a poll as a share of a task's duration, about the default of `Adaptive`."""

_POINTS = 600
_MEDIAN, _SIGMA = 20.0, 1.2  # the simulated lognormal durations


class OptimalSchedule:
    """Polls at the optimal times for the lognormal durations."""

    def __init__(self, poll_cost: float = POLL_COST) -> None:
        """Weigh lateness against this cost of a poll."""
        self._poll_cost = poll_cost

    def next_poll(self, state: PollState) -> float:
        """Return the seconds to the next time of the schedule."""
        times = schedule(self._poll_cost)
        time = times[state.polls] if state.polls < len(times) else 1.1 * state.waited
        return time - state.waited


@cache
def schedule(poll_cost: float) -> list[float]:
    """Return the optimal poll times by dynamic programming over a grid, from its end.

    For each point, the next poll minimizes the sum of the lateness expected
    until then, the cost of the poll, and the optimal cost from there on.
    """
    steps = np.linspace(-3.5, 4.0, _POINTS)
    grid = _MEDIAN * np.exp(_SIGMA * steps)
    reached = np.array([0.5 * (1 + math.erf(step / math.sqrt(2))) for step in steps])
    share = np.diff(reached, prepend=0.0, append=1.0)[:_POINTS]
    weight = share / np.maximum(grid, 1.0)
    # Cumulative sums, so that the lateness of any poll is a difference of two.
    weights = np.concatenate([[0.0], np.cumsum(weight)])
    ends = np.concatenate([[0.0], np.cumsum(weight * grid)])
    unfinished = 1 - np.concatenate([[0.0], np.cumsum(share)])
    cost = np.zeros(_POINTS + 1)
    best = np.zeros(_POINTS, dtype=int)
    for at in range(_POINTS - 1, -1, -1):
        then = np.arange(at, _POINTS)
        lateness = grid[then] * (weights[then + 1] - weights[at]) - (ends[then + 1] - ends[at])
        total = lateness + poll_cost * unfinished[at] + cost[then + 1]
        chosen = int(np.argmin(total))
        best[at], cost[at] = then[chosen], total[chosen]
    times: list[float] = []
    at = 0
    while at < _POINTS:
        times.append(float(grid[best[at]]))
        at = int(best[at]) + 1
    return times
