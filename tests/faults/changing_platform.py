"""A platform that changes its behaviour between polls, for the state machine of a handle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal, get_args

from altcraft_async import (
    AuthenticationError,
    NotFoundError,
    PlatformUnavailableError,
    PollingError,
    TaskFailedError,
    TaskLostError,
    TransportError,
)
from tests.faults.table import envelope
from tests.faults.tasks import DONE, poll
from tests.support.scripted_server import Received, Step, answer

Behaviour = Literal["running", "moving", "completed", "failed", "unknown", "refusing", "broken"]
BEHAVIOURS: tuple[Behaviour, ...] = get_args(Behaviour)

SLOW_SECONDS = 0.4

CAUSES: Mapping[type[BaseException], Behaviour] = {
    TaskFailedError: "failed",
    TaskLostError: "unknown",
    NotFoundError: "unknown",
    AuthenticationError: "refusing",
    TransportError: "broken",
    PlatformUnavailableError: "broken",
    PollingError: "broken",
}
"""The behaviour that has to precede an error."""


class ChangingPlatform:
    """Answers polls by its current behaviour, and counts the polls at the same time.

    Attributes:
        behaviour: Present behaviour.
        past: All behaviours since the task began.
        is_slow: Whether answers come late.
        polls: Number of polls.
        most_at_once: Largest number of polls at the same time.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run the task."""
        self.is_slow = False
        self.polls = 0
        self.most_at_once = 0
        self._loop = loop
        self._progress = 0
        self._in_flight = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self.begin_task()

    def begin_task(self) -> None:
        """Run a new task."""
        self.behaviour: Behaviour = "running"
        self.past: set[Behaviour] = {"running"}

    def change(self, behaviour: Behaviour, *, is_slow: bool) -> None:
        """Behave differently from now on."""
        self.behaviour, self.is_slow = behaviour, is_slow
        self.past.add(behaviour)

    def close(self) -> None:
        """Cancel the timers of late answers."""
        for timer in self._timers:
            timer.cancel()

    def respond(self, request: Received) -> Step:
        """Return the answer to a poll, or to a probe in an outage."""
        step = self._step()
        if not request.target.endswith("tasks/status"):
            return step
        self.polls += 1
        self.most_at_once = max(self.most_at_once, self._in_flight + 1)
        if not self.is_slow:
            return step
        self._in_flight += 1
        answered = asyncio.Event()

        def land() -> None:
            self._in_flight -= 1
            answered.set()

        self._timers.add(self._loop.call_later(SLOW_SECONDS, land))
        return step._replace(after=answered)

    def _step(self) -> Step:
        match self.behaviour:
            case "running" | "moving":
                self._progress += self.behaviour == "moving"
                return poll(progress=self._progress)
            case "completed":
                return DONE
            case "failed":
                return poll("failed")
            case "unknown":
                return answer(envelope(404))
            case "refusing":
                return answer(envelope(401))
            case "broken":
                return Step(then="reset")
