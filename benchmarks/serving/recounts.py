"""A pretend platform whose figures tell which task they are of, and which counts starts."""

from __future__ import annotations

import math
import random
import re
import time
from collections import Counter
from typing import NamedTuple

from benchmarks.serving.bodies import BODIES, FIGURES, completed
from benchmarks.serving.requests import Request

MEDIAN, SIGMA, SHORTEST, LONGEST = 0.6, 0.8, 0.05, 3.0
"""Lognormal durations: seconds, except for sigma. Short, as it is faults that are wanted."""

LAGGING, LAG = 0.15, 1.5
"""Share of the tasks that a replica does not know at first, and for how many seconds."""

_RESOURCE = re.compile(rb'(?:"id": ?"?|<id>)(\d+)')


def figures(resource_id: int, task_id: str) -> list[int]:
    """Return what a recount of this resource by this task, and no other, comes to."""
    return [int(task_id), *(1000 * resource_id + place for place in range(1, len(FIGURES)))]


class _Task(NamedTuple):
    resource_id: int
    started: float
    duration: float
    bend: float
    lag: float


class Refreshes:
    """Tasks of lognormal durations with real progress, bent by a curve of each task's own."""

    def __init__(self, seed: int) -> None:
        """Begin with none."""
        self.starts: Counter[int] = Counter()
        self._dice = random.Random(seed)  # noqa: S311 -- the same durations in every run
        self._tasks: dict[bytes, _Task] = {}

    def lags(self, request: Request) -> bool:
        """Say whether this is a poll that a lagging replica cannot answer yet."""
        if not request.is_poll:
            return False
        task = self._tasks[_task_id(request)]
        return time.monotonic() - task.started < task.lag

    def answer(self, request: Request) -> bytes:
        """Act on a request; return the body that answers it."""
        return self._poll(request) if request.is_poll else self._start(request)

    def _start(self, request: Request) -> bytes:
        found = _RESOURCE.search(request.body)
        assert found is not None
        resource_id = int(found[1])
        self.starts[resource_id] += 1
        drawn = self._dice.lognormvariate(math.log(MEDIAN), SIGMA)
        task_id = b"%08d" % (len(self._tasks) + 1)
        self._tasks[task_id] = _Task(
            resource_id=resource_id,
            started=time.monotonic(),
            duration=min(LONGEST, max(SHORTEST, drawn)),
            bend=math.exp(self._dice.gauss(0, 0.3)),
            lag=LAG if self._dice.random() < LAGGING else 0.0,
        )
        return BODIES[wire_format(request)].started % task_id

    def _poll(self, request: Request) -> bytes:
        task_id = _task_id(request)
        task = self._tasks[task_id]
        gone = (time.monotonic() - task.started) / task.duration
        if gone >= 1:
            return completed(wire_format(request), figures(task.resource_id, task_id.decode()))
        return BODIES[wire_format(request)].running % int(100 * gone**task.bend)


def wire_format(request: Request) -> str:
    """Tell the format of a request."""
    return "xml" if request.body.startswith(b"<") else "json"


def _task_id(request: Request) -> bytes:
    return BODIES[wire_format(request)].task_id(request.body)
