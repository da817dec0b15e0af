"""Many tasks in virtual time, polled whenever a policy says."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from altcraft_async import PollPolicy
from benchmarks.simulation.tasks import Pretended
from benchmarks.simulation.watched import Watched


class Outcome(NamedTuple):
    """What a policy cost and what it achieved.

    Attributes:
        polls: Per task.
        mean_lag: Share of the duration.
        p95_lag: Share of the duration.
    """

    polls: float
    mean_lag: float
    p95_lag: float


def warm(policy: PollPolicy, tasks: Sequence[Pretended], *, unmeasured: int) -> Outcome:
    """Let one policy poll all tasks; the first ones are not measured."""
    watched = [Watched(task, policy) for task in tasks]
    _run(watched)
    return outcome(watched[unmeasured:])


def cold(make: Callable[[], PollPolicy], tasks: Sequence[Pretended]) -> Outcome:
    """Poll each task with a policy of its own, which has no history."""
    watched = [Watched(task, make()) for task in tasks]
    _run(watched)
    return outcome(watched)


def outcome(watched: Sequence[Watched]) -> Outcome:
    """Sum up."""
    lags = sorted(one.relative_lag for one in watched)
    return Outcome(
        polls=statistics.fmean(one.polls for one in watched),
        mean_lag=statistics.fmean(lags),
        p95_lag=lags[int(len(lags) * 0.95)],
    )


def _run(watched: Sequence[Watched]) -> None:
    """Make every poll its moment, in the order of time."""
    moments = [(one.task.arrival, number, -1.0) for number, one in enumerate(watched)]
    heapq.heapify(moments)
    while moments:
        _, number, waited = moments[0]
        one = watched[number]
        again = one.first_poll() if waited < 0 else one.poll(waited)
        if again is None:
            heapq.heappop(moments)
        else:
            heapq.heapreplace(moments, (one.task.arrival + again, number, again))
