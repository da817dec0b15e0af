"""What one task's progress bar says of its end, before anything was learned from others.

A bar need not be even: where it shows the share ``p`` when the share ``x`` of
the time is gone, ``p = x ** bend`` fits most that start slower or faster than
they end, and two polls tell the bend. Bars lie, so what follows is a bracket,
and a pause that a wrong one does little harm with.
"""

from __future__ import annotations

import math

from altcraft_async.policies.base import PollState

__all__ = ["even_bracket", "even_end", "own_moment"]

# Bends beyond these come from noise more often than from the bar.
_FLATTEST, _STEEPEST = 0.4, 2.5

# The bracket around an even end is widened by this share of what is still to come.
_SLACK = 0.03

# A bar is trusted to be even if its bend is known so well; then a poll may
# come at three times the time waited, otherwise at twice. In simulation,
# trusting it further saves a quarter of a poll and is 1 % later on noisy bars.
_WELL_KNOWN = 0.3
_FAR, _NEAR = 3.0, 2.0

# Of a pause without progress, left to chance, so that tasks started together get out of step.
_SPREAD = 0.1

# Of the time waited: the least pause while a bar stands still near its end.
_STANDING = 0.05


def even_end(waited: float, progress: int) -> float:
    """Return when even progress would end; the half stands for what whole percents hide."""
    return waited * 100 / (progress + 0.5)


def even_bracket(waited: float, progress: int) -> tuple[float, float]:
    """Return between which moments even progress would end; twice 0 where it says nothing."""
    if progress <= 0:
        return 0.0, 0.0
    return waited * 100 / (progress + 1), waited * 100 / progress


def own_moment(seen: PollState, poll_cost: float, blind: float) -> float:
    """Return when to poll by what this task has shown.

    Without a move of the bar since the poll before, that is after a share
    ``blind`` of the time waited, or after what seems to be left if that is less.
    """
    waited, progress = seen.waited, seen.progress
    if progress <= 0:
        return waited * (1 + blind * (1 - _SPREAD * seen.chance))
    if progress <= seen.earlier_progress:
        return waited * (1 + min(blind, max(100 / progress - 1, _STANDING)))
    slowest, fastest = _bends(seen)
    far = _NEAR
    if slowest <= 1 <= fastest:
        far = _FAR if fastest - slowest < _WELL_KNOWN else _NEAR
        slowest = fastest = 1.0
    slack = _SLACK * (1 - progress / 100)
    soonest = max(waited, _end(waited, progress + 1, fastest) * (1 - slack))
    latest = max(soonest, _end(waited, progress, slowest) * (1 + slack))
    # Polling a little behind the soonest end costs least, or once behind the latest.
    early = math.sqrt(poll_cost * (latest - soonest) * soonest)
    moment = latest if early > (latest - soonest) / 2 else soonest + early
    return min(moment, far * waited)


def _end(waited: float, progress: int, bend: float) -> float:
    return waited * math.pow(100 / progress, 1 / bend)


def _bends(seen: PollState) -> tuple[float, float]:
    """Return between which bends whole percents put this bar, by its last two moves."""
    if seen.earlier_progress <= 0 or not 0 < seen.earlier_waited < seen.waited:
        return _FLATTEST, _STEEPEST
    apart = max(math.log(seen.waited / seen.earlier_waited), 1e-9)
    slowest = math.log(seen.progress / (seen.earlier_progress + 1)) / apart
    fastest = math.log((seen.progress + 1) / seen.earlier_progress) / apart
    return min(max(slowest, _FLATTEST), _STEEPEST), min(max(fastest, _FLATTEST), _STEEPEST)
