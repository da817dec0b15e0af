"""What the cheap server answers: three pretend platforms without checks, users or faults."""

from __future__ import annotations

import math
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from benchmarks.serving.bodies import BODIES, Bodies

MEDIAN, SIGMA, SHORTEST, LONGEST = 2.0, 0.8, 0.05, 20.0
"""Lognormal durations of refreshes: seconds, except for sigma."""

POLLS_TO_THE_END = 3
"""Polls that a refresh of the counted platform takes."""


class Platform(ABC):
    """Answers starts and polls, and counts both."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.starts = 0
        self.polls = 0

    def answer(self, is_poll: bool, body: bytes) -> tuple[bytes, bytes]:  # noqa: FBT001 -- of a pair that is unpacked
        """Return content type and body of the answer, in the format of the request."""
        bodies = BODIES["xml" if body.startswith(b"<") else "json"]
        if is_poll:
            self.polls += 1
            return bodies.content_type, self.poll(bodies, body)
        self.starts += 1
        return bodies.content_type, bodies.started % self.start()

    @abstractmethod
    def start(self) -> bytes:
        """Return the id of a new task."""

    @abstractmethod
    def poll(self, bodies: Bodies, body: bytes) -> bytes:
        """Return the body that answers a poll."""


class Fixed(Platform):
    """Every task runs and is never over."""

    def start(self) -> bytes:
        """Return an id as good as any."""
        return b"%08d" % self.starts

    def poll(self, bodies: Bodies, body: bytes) -> bytes:  # noqa: ARG002 -- the same for all
        """Say that it runs."""
        return bodies.running % 41


class Counted(Platform):
    """Every task is over at the third poll, so that all contenders do the same work."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._polls: dict[bytes, int] = {}

    def start(self) -> bytes:
        """Return a new id."""
        return b"%08d" % self.starts

    def poll(self, bodies: Bodies, body: bytes) -> bytes:
        """Count down."""
        task_id = bodies.task_id(body)
        polls = self._polls[task_id] = self._polls.get(task_id, 0) + 1
        if polls < POLLS_TO_THE_END:
            return bodies.running % (100 * polls // POLLS_TO_THE_END)
        return bodies.completed


class Timed(Platform):
    """Tasks take lognormal times; the n-th to be started takes the same in every run.

    The id of a task tells when it ends, in microseconds of the machine's
    monotonic clock, so that whoever gets a result knows how late it is.
    Progress is the share of the time that is gone, bent by a curve of the
    task's own, in whole percent: it neither tells all nor nothing.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._dice = random.Random(1)  # noqa: S311 -- the same durations in every run
        self._tasks: dict[bytes, tuple[float, float, float]] = {}

    def start(self) -> bytes:
        """Draw a task and return its id."""
        drawn = self._dice.lognormvariate(math.log(MEDIAN), SIGMA)
        duration = min(LONGEST, max(SHORTEST, drawn))
        bend = math.exp(self._dice.gauss(0, 0.3))
        now = time.monotonic()
        task_id = b"%08d-%d" % (self.starts, int((now + duration) * 1e6))
        self._tasks[task_id] = (now, duration, bend)
        return task_id

    def poll(self, bodies: Bodies, body: bytes) -> bytes:
        """Say how far it is."""
        started, duration, bend = self._tasks[bodies.task_id(body)]
        gone = (time.monotonic() - started) / duration
        if gone >= 1:
            return bodies.completed
        return bodies.running % int(100 * gone**bend)


PLATFORMS: Mapping[str, Callable[[], Platform]] = {
    "fixed": Fixed,
    "counted": Counted,
    "timed": Timed,
}
