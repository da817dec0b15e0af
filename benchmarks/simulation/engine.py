"""Polls many simulated tasks in virtual time, whenever a policy says."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from altcraft_async import PollPolicy
from benchmarks.simulation.polled_task import PolledTask
from benchmarks.simulation.tasks import SimulatedTask


class Outcome(NamedTuple):
    """What a policy cost and what it achieved.

    Attributes:
        polls: Per task.
        mean_lateness: Share of the duration.
        p75_lateness: Share of the duration.
        p95_lateness: Share of the duration.
    """

    polls: float
    mean_lateness: float
    p75_lateness: float
    p95_lateness: float


def warm(policy: PollPolicy, tasks: Sequence[SimulatedTask], *, warm_up: int) -> Outcome:
    """Poll all tasks with one policy; the first ones are not measured."""
    polled = [PolledTask(task, policy) for task in tasks]
    _run(polled)
    return outcome(polled[warm_up:])


def cold(make: Callable[[], PollPolicy], tasks: Sequence[SimulatedTask]) -> Outcome:
    """Poll each task with a new policy, which has no history."""
    polled = [PolledTask(task, make()) for task in tasks]
    _run(polled)
    return outcome(polled)


def outcome(polled: Sequence[PolledTask]) -> Outcome:
    """Summarize finished tasks."""
    lateness = sorted(one.relative_lateness for one in polled)
    return Outcome(
        polls=statistics.fmean(one.polls for one in polled),
        mean_lateness=statistics.fmean(lateness),
        p75_lateness=lateness[int(len(lateness) * 0.75)],
        p95_lateness=lateness[int(len(lateness) * 0.95)],
    )


def _run(polled: Sequence[PolledTask]) -> None:
    """Make every poll in order of time."""
    due = [(one.task.arrival, number, -1.0) for number, one in enumerate(polled)]
    heapq.heapify(due)
    in_flight = 0
    while due:
        _, number, waited = due[0]
        one = polled[number]
        if waited < 0:
            in_flight += 1
            next_poll: float | None = one.first_poll()
        else:
            next_poll = one.poll(waited, in_flight - 1)
        if next_poll is None:
            in_flight -= 1
            heapq.heappop(due)
        else:
            heapq.heapreplace(due, (one.task.arrival + next_poll, number, next_poll))
