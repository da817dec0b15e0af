"""Many tasks in virtual time that share so many requests a second."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence

from altcraft_async import PollPolicy
from altcraft_async.tasks.poll_state import poll_priority
from benchmarks.simulation.engine import Outcome, outcome
from benchmarks.simulation.tasks import Pretended
from benchmarks.simulation.watched import Watched


def _by_due_time(due: float, _one: Watched, _waited: float) -> float:
    return due


def _by_expected_end(due: float, one: Watched, waited: float) -> float:
    return poll_priority(due, waited, one.left(waited))


ORDERS: Mapping[str, Callable[[float, Watched, float], float]] = {
    "due time": _by_due_time,
    "expected end, with ageing": _by_expected_end,
}
"""From the moment a poll is due, the task and the seconds waited then to what is served first."""


def shared(
    policy: PollPolicy, tasks: Sequence[Pretended], *, order: str, per_second: float
) -> Outcome:
    """Start and poll all tasks with at most so many requests a second; starts go first."""
    rank = ORDERS[order]
    coming = list(reversed(tasks))
    waiting: list[tuple[float, int, Watched]] = []
    ready: list[tuple[float, int, Watched]] = []
    watched: list[Watched] = []
    unfinished = len(tasks)
    for tick in itertools.count(1):
        now = tick / per_second
        while waiting and waiting[0][0] <= now:
            due, number, one = heapq.heappop(waiting)
            key = rank(due, one, due - one.task.arrival)
            heapq.heappush(ready, (key, number, one))
        if coming and coming[-1].arrival <= now:
            # It runs from the moment that its start is sent.
            one = Watched(coming.pop()._replace(arrival=now), policy)
            heapq.heappush(waiting, (now + one.first_poll(), len(watched), one))
            watched.append(one)
        elif ready:
            _, number, one = heapq.heappop(ready)
            again = one.poll(now - one.task.arrival)
            if again is not None:
                heapq.heappush(waiting, (one.task.arrival + again, number, one))
            else:
                unfinished -= 1
        if not unfinished:
            break
    return outcome(watched)
