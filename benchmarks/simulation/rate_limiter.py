"""Polls many simulated tasks in virtual time with a limited number of requests a second."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence

from altcraft_async import PollPolicy
from altcraft_async.tasks.poll_state import poll_priority
from benchmarks.simulation.engine import Outcome, outcome
from benchmarks.simulation.polled_task import PolledTask
from benchmarks.simulation.tasks import SimulatedTask


def _by_due_time(due: float, _one: PolledTask, _waited: float) -> float:
    return due


def _by_expected_end(due: float, one: PolledTask, waited: float) -> float:
    return poll_priority(due, waited, one.seconds_left(waited))


EXPECTED_END = "expected end, with ageing"

ORDERS: Mapping[str, Callable[[float, PolledTask, float], float]] = {
    "due time": _by_due_time,
    EXPECTED_END: _by_expected_end,
}
"""Sort keys of due polls, from due time, task and seconds waited at that time."""


def rate_limited(
    policy: PollPolicy, tasks: Sequence[SimulatedTask], *, order: str, per_second: float
) -> Outcome:
    """Start and poll all tasks with at most so many requests a second; starts go first."""
    sort_key = ORDERS[order]
    coming = list(reversed(tasks))
    waiting: list[tuple[float, int, PolledTask]] = []
    ready: list[tuple[float, int, PolledTask]] = []
    polled: list[PolledTask] = []
    unfinished = len(tasks)
    for tick in itertools.count(1):
        now = tick / per_second
        while waiting and waiting[0][0] <= now:
            due, number, one = heapq.heappop(waiting)
            key = sort_key(due, one, due - one.task.arrival)
            heapq.heappush(ready, (key, number, one))
        if coming and coming[-1].arrival <= now:
            # The task runs from the moment its start is sent.
            one = PolledTask(coming.pop()._replace(arrival=now), policy)
            heapq.heappush(waiting, (now + one.first_poll(), len(polled), one))
            polled.append(one)
        elif ready:
            _, number, one = heapq.heappop(ready)
            next_poll = one.poll(now - one.task.arrival, unfinished - len(coming) - 1)
            if next_poll is not None:
                heapq.heappush(waiting, (one.task.arrival + next_poll, number, one))
            else:
                unfinished -= 1
        if not unfinished:
            break
    return outcome(polled)
