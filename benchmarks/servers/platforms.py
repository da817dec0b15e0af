"""Simple platforms for the fast server; they check nothing and never fail."""

from __future__ import annotations

import math
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from benchmarks.servers.bodies import BODIES, Bodies, refused
from benchmarks.servers.requests import Request

MEDIAN, SIGMA, SHORTEST, LONGEST = 2.0, 0.8, 0.05, 20.0
"""Lognormal durations of refreshes: seconds, except for sigma."""

DRAWN = 9_973
"""Durations that are drawn; a prime, so that no two rounds of refreshes are alike."""

POLLS_PER_REFRESH = 3
"""Polls that a refresh of `ThreePolls` takes."""


class Platform(ABC):
    """Answers starts and polls, and counts them and their connections."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.starts = 0
        self.polls = 0
        self.connections = 0
        self.ahead = 0.0  # seconds that a request travels before it is answered

    def answer(self, request: Request) -> tuple[bytes, bytes]:
        """Return content type and body of the answer, in the format of the request."""
        bodies = BODIES[request.wire_format]
        if request.path.endswith(b"/list"):  # the probe of a client that gets no answer
            return bodies.content_type, refused(request.wire_format, 403, "No access")
        if request.is_poll:
            self.polls += 1
            return bodies.content_type, self.poll(bodies, request.body)
        self.starts += 1
        return bodies.content_type, bodies.started % self.start(request)

    def start(self, request: Request) -> bytes:  # noqa: ARG002 -- the same for all
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
    """Tasks take some seconds; the task of a resource takes the same time in every run.

    The id of a task has all that is known of it, so that several processes can
    serve one platform: resource, bend of the progress in thousandths, start and
    end in microseconds of the machine's monotonic clock. From the end, a client
    computes how late a result is. Progress is the elapsed share of the time in
    whole percent, bent so that extrapolation is useful but inexact.
    """

    def __init__(self, duration: Callable[[random.Random], float]) -> None:
        """Draw the durations."""
        super().__init__()
        source = random.Random(1)  # noqa: S311 -- the same durations in every run
        self._drawn = [(duration(source), math.exp(source.gauss(0, 0.3))) for _ in range(DRAWN)]

    def start(self, request: Request) -> bytes:
        """Return the id of a new task."""
        resource_id = request.resource_id
        duration, bend = self._drawn[resource_id % DRAWN]
        now = time.monotonic() + self.ahead
        return task_id(resource_id, bend, now, now + duration)

    def poll(self, bodies: Bodies, body: bytes) -> bytes:
        """Answer with the progress or the result."""
        _, bend, started, ended = map(int, bodies.task_id(body).split(b"-"))
        now = 1e6 * (time.monotonic() + self.ahead)
        if now >= ended:
            return bodies.completed
        return bodies.running % int(100 * ((now - started) / (ended - started)) ** (bend / 1000))


def task_id(resource_id: int, bend: float, started: float, ended: float) -> bytes:
    """Return the id of a task of `Timed`, with the times in seconds."""
    return b"%d-%d-%d-%d" % (resource_id, 1000 * bend, 1e6 * started, 1e6 * ended)


def _lognormal(source: random.Random) -> float:
    return min(LONGEST, max(SHORTEST, source.lognormvariate(math.log(MEDIAN), SIGMA)))


PLATFORMS: Mapping[str, Callable[[], Platform]] = {
    "fixed": Fixed,
    "three_polls": ThreePolls,
    "lognormal": lambda: Timed(_lognormal),
    "uniform": lambda: Timed(lambda source: source.uniform(1, 3)),
    "short": lambda: Timed(lambda source: source.uniform(0.1, 0.4)),
}
