"""Simple platforms for the fast server; they check nothing and never fail."""

from __future__ import annotations

import math
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from benchmarks.servers.bodies import BODIES, Bodies
from benchmarks.servers.requests import Request

MEDIAN, SIGMA, SHORTEST, LONGEST = 2.0, 0.8, 0.05, 20.0
"""Lognormal durations of refreshes: seconds, except for sigma."""

POLLS_PER_REFRESH = 3
"""Polls that a refresh of `ThreePolls` takes."""


class Platform(ABC):
    """Answers starts and polls, and counts both."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.starts = 0
        self.polls = 0

    def answer(self, request: Request) -> tuple[bytes, bytes]:
        """Return content type and body of the answer, in the format of the request."""
        bodies = BODIES[request.wire_format]
        if request.is_poll:
            self.polls += 1
            return bodies.content_type, self.poll(bodies, request.body)
        self.starts += 1
        return bodies.content_type, bodies.started % self.start()

    def start(self) -> bytes:
        """Return the id of a new task."""
        return b"%08d" % self.starts

    @abstractmethod
    def poll(self, bodies: Bodies, body: bytes) -> bytes:
        """Return the body that answers a poll."""


class Fixed(Platform):
    """Every task keeps running."""

    def poll(self, bodies: Bodies, body: bytes) -> bytes:  # noqa: ARG002 -- the same for all
        """Answer that it is running."""
        return bodies.running % 41


class ThreePolls(Platform):
    """Every task completes at its third poll, so that all contenders do the same work."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._polls: dict[bytes, int] = {}

    def poll(self, bodies: Bodies, body: bytes) -> bytes:
        """Count the polls of the task."""
        task_id = bodies.task_id(body)
        polls = self._polls[task_id] = self._polls.get(task_id, 0) + 1
        if polls < POLLS_PER_REFRESH:
            return bodies.running % (100 * polls // POLLS_PER_REFRESH)
        return bodies.completed


class Timed(Platform):
    """Tasks take lognormal times; the n-th start takes the same time in every run.

    The task id holds the end of the task in microseconds of the machine's
    monotonic clock, so that a client can compute how late a result is.
    Progress is the elapsed share of the time in whole percent, bent by a curve
    of the task's own, so that extrapolation is useful but inexact.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._random = random.Random(1)  # noqa: S311 -- the same durations in every run
        self._tasks: dict[bytes, tuple[float, float, float]] = {}

    def start(self) -> bytes:
        """Draw a task and return its id."""
        duration = self._draw_duration()
        bend = math.exp(self._random.gauss(0, 0.3))
        now = time.monotonic()
        task_id = b"%08d-%d" % (self.starts, int((now + duration) * 1e6))
        self._tasks[task_id] = (now, duration, bend)
        return task_id

    def _draw_duration(self) -> float:
        drawn = self._random.lognormvariate(math.log(MEDIAN), SIGMA)
        return min(LONGEST, max(SHORTEST, drawn))

    def poll(self, bodies: Bodies, body: bytes) -> bytes:
        """Answer with the progress or the result."""
        started, duration, bend = self._tasks[bodies.task_id(body)]
        elapsed = (time.monotonic() - started) / duration
        if elapsed >= 1:
            return bodies.completed
        return bodies.running % int(100 * elapsed**bend)


class Uniform(Timed):
    """The same, with one to three seconds for each task."""

    def _draw_duration(self) -> float:
        return self._random.uniform(1, 3)


PLATFORMS: Mapping[str, Callable[[], Platform]] = {
    "fixed": Fixed,
    "three_polls": ThreePolls,
    "timed": Timed,
    "uniform": Uniform,
}
