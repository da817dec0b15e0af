"""What the progress of one task says about its end, without other tasks.

Progress need not be linear. Where it shows the share ``p`` when the share ``x``
of the duration is over, ``p = x ** exponent`` fits most tasks that are slower at
their start or at their end. Two polls that moved the progress give the exponent.
Whole percents leave a range of exponents, and so a range of ends. The next poll
comes a little behind the earliest end of that range.

Progress may be wrong, so the next poll comes at three times the time waited at
most. No clock and no memory here.
"""

from __future__ import annotations

import math

from altcraft_async.policies.base import PollState

__all__ = ["linear_end", "linear_range", "poll_at"]

# Exponents beyond these come from noise more often than from the progress.
_LOWEST, _HIGHEST = 0.4, 2.5

# The range around a linear end is widened by this share of what is still to come.
_SLACK = 0.03

# Progress is taken to be linear if 1 lies in a range of exponents narrower than
# this. Then a poll may come at three times the time waited, otherwise at twice. In
# simulation, going further saves a quarter of a poll, and noisy progress is 1 % later.
_NARROW = 0.3
_FAR, _NEAR = 3.0, 2.0

# Share of the interval without progress that is random, so that tasks started together drift apart.
_SPREAD = 0.1

# Of the time waited: the shortest interval while the progress stands still near its end.
_STALLED = 0.05


def linear_end(waited: float, progress: int) -> float:
    """Return when linear progress would end; the half stands for what whole percents hide."""
    return waited * 100 / (progress + 0.5)


def linear_range(waited: float, progress: int) -> tuple[float, float]:
    """Return the earliest and latest end of linear progress; twice 0 without progress."""
    if progress <= 0:
        return 0.0, 0.0
    return waited * 100 / (progress + 1), waited * 100 / progress


def poll_at(state: PollState, poll_cost: float, blind: float) -> float:
    """Return when to poll by what this task has shown, in seconds since its start.

    If the last poll moved no progress, that is after a share ``blind`` of the
    time waited, or after what seems to be left if that is less.
    """
    waited, progress = state.waited, state.progress
    if progress <= 0:
        return waited * (1 + blind * (1 - _SPREAD * state.chance))
    if progress <= state.earlier_progress:
        return waited * (1 + min(blind, max(100 / progress - 1, _STALLED)))
    lowest, highest = _exponents(state)
    far = _NEAR
    if lowest <= 1 <= highest:
        far = _FAR if highest - lowest < _NARROW else _NEAR
        lowest = highest = 1.0
    slack = _SLACK * (1 - progress / 100)
    earliest = max(waited, _end(waited, progress + 1, highest) * (1 - slack))
    latest = max(earliest, _end(waited, progress, lowest) * (1 + slack))
    # A poll a little behind the earliest end costs least, or one behind the latest.
    behind = math.sqrt(poll_cost * (latest - earliest) * earliest)
    best = latest if behind > (latest - earliest) / 2 else earliest + behind
    return min(best, far * waited)


def _end(waited: float, progress: int, exponent: float) -> float:
    return waited * math.pow(100 / progress, 1 / exponent)


def _exponents(state: PollState) -> tuple[float, float]:
    """Return the range of exponents that the last two moves of the progress leave."""
    if state.earlier_progress <= 0 or not 0 < state.earlier_waited < state.waited:
        return _LOWEST, _HIGHEST
    apart = max(math.log(state.waited / state.earlier_waited), 1e-9)
    lowest = math.log(state.progress / (state.earlier_progress + 1)) / apart
    highest = math.log((state.progress + 1) / state.earlier_progress) / apart
    return min(max(lowest, _LOWEST), _HIGHEST), min(max(highest, _LOWEST), _HIGHEST)
