"""Refreshes whose counters identify their resource and task, with a count of all starts."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from typing import NamedTuple

from benchmarks.servers.bodies import BODIES, COUNTERS, completed, refused
from benchmarks.servers.requests import Request

MEDIAN, SIGMA, SHORTEST, LONGEST = 0.6, 0.8, 0.05, 3.0
"""Lognormal durations: seconds, except for sigma. They are short to get more faults per second."""

UNKNOWN_SHARE, UNKNOWN_SECONDS = 0.15, 1.5
"""Share of the tasks that a replica does not know at first, and for how long."""


def expected_counters(resource_id: int, task_id: str) -> list[int]:
    """Return the counters of this resource as refreshed by this task, unique to the pair."""
    return [int(task_id), *(1000 * resource_id + number for number in range(1, len(COUNTERS)))]


class _Task(NamedTuple):
    resource_id: int
    started: float
    duration: float
    bend: float
    unknown_for: float


class Refreshes:
    """Tasks of lognormal durations; each bends its progress by a curve of its own."""

    def __init__(self, seed: int) -> None:
        """Begin with none."""
        self.starts: Counter[int] = Counter()
        self._random = random.Random(seed)  # noqa: S311 -- the same durations in every run
        self._tasks: dict[bytes, _Task] = {}

    def task_unknown(self, request: Request) -> bool:
        """Tell whether the request polls a task that the replica does not know yet."""
        if not request.is_poll:
            return False
        task = self._tasks[_task_id(request)]
        return time.monotonic() - task.started < task.unknown_for

    def process(self, request: Request) -> bytes:
        """Process a request; return the body of the response."""
        if request.path.endswith(b"/list"):  # the probe of a client in an outage
            return refused(request.wire_format, 403, "No access")
        return self._poll(request) if request.is_poll else self._start(request)

    def _start(self, request: Request) -> bytes:
        resource_id = request.resource_id
        self.starts[resource_id] += 1
        drawn = self._random.lognormvariate(math.log(MEDIAN), SIGMA)
        task_id = b"%08d" % (len(self._tasks) + 1)
        self._tasks[task_id] = _Task(
            resource_id=resource_id,
            started=time.monotonic(),
            duration=min(LONGEST, max(SHORTEST, drawn)),
            bend=math.exp(self._random.gauss(0, 0.3)),
            unknown_for=UNKNOWN_SECONDS if self._random.random() < UNKNOWN_SHARE else 0.0,
        )
        return BODIES[request.wire_format].started % task_id

    def _poll(self, request: Request) -> bytes:
        task_id = _task_id(request)
        task = self._tasks[task_id]
        elapsed = (time.monotonic() - task.started) / task.duration
        if elapsed >= 1:
            counters = expected_counters(task.resource_id, task_id.decode())
            return completed(request.wire_format, counters)
        return BODIES[request.wire_format].running % int(100 * elapsed**task.bend)


def _task_id(request: Request) -> bytes:
    return BODIES[request.wire_format].task_id(request.body)
