"""Faults as plain values, and the script that assigns them to requests."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from altcraft_async.simulator.randomness import seeded_random

Kind = Literal[
    "status",
    "refuse",
    "html",
    "stall",
    "cut_body",
    "reset",
    "lost_start",
    "slow_body",
    "unknown_task",
    "failed_task",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of misbehaviour, made by the static method of its name.

    Faults are values: equal ones are the same key of ``server.fired``.

    Attributes:
        kind: Name of the method that makes it.
        code: HTTP status or ``error`` of the response, 0 if it sets none.
        text: ``error_text`` of a refusal, or status of a failed task.
        seconds: Duration of a stall or of a slow body.
        retry_after: The ``Retry-After`` header, ``""`` for none.
    """

    kind: Kind
    code: int = 0
    text: str = ""
    seconds: float = 0.0
    retry_after: str = ""

    @staticmethod
    def status(code: int, *, retry_after: float | str | None = None) -> Fault:
        """Respond with an HTTP status and an envelope of the same ``error``, without acting.

        Args:
            code: HTTP status, for example 429 or 503.
            retry_after: Value of the ``Retry-After`` header: seconds or any text, such as
                an HTTP date or an invalid value.
        """
        header = "" if retry_after is None else str(retry_after)
        return Fault("status", code=code, text=f"HTTP status {code}", retry_after=header)

    @staticmethod
    def refuse(code: int, text: str = "Refused") -> Fault:
        """Respond with this ``error`` and ``error_text``, without acting."""
        return Fault("refuse", code=code, text=text)

    @staticmethod
    def html(code: int = 502) -> Fault:
        """Respond with a web page, as a proxy does, without acting; 200 is like a sign-in page."""
        return Fault("html", code=code)

    @staticmethod
    def stall(seconds: float = math.inf) -> Fault:
        """Wait this many seconds of the event loop, then act and respond.

        The simulator acts even if the client has disconnected, like a platform that
        works through a backlog.
        """
        return Fault("stall", seconds=seconds)

    @staticmethod
    def cut_body() -> Fault:
        """Act, then close the connection in the middle of the response body."""
        return Fault("cut_body")

    @staticmethod
    def reset() -> Fault:
        """Reset the connection without acting."""
        return Fault("reset")

    @staticmethod
    def lost_start() -> Fault:
        """Act, then reset the connection, so that the response is lost."""
        return Fault("lost_start")

    @staticmethod
    def slow_body(seconds: float = math.inf) -> Fault:
        """Act, then send the response body in small pieces over this many seconds."""
        return Fault("slow_body", seconds=seconds)

    @staticmethod
    def unknown_task() -> Fault:
        """Make the task unknown.

        On ``tasks/status`` for one response. On a start permanently, so every poll of
        the new task is refused.
        """
        return Fault("unknown_task")

    @staticmethod
    def failed_task(status: str = "failed") -> Fault:
        """Let the task fail with this status.

        On ``tasks/status`` at once; on a start at the end of the task's duration.
        The default is our choice, as the vendor documents no failed status.
        """
        return Fault("failed_task", text=status)


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault in the queue of a method.

    Attributes:
        fault: The fault.
        times: Number of requests that it still affects.
        after: Number of requests before those, which it leaves alone.
    """

    fault: Fault
    times: int = 1
    after: int = 0


class Script:
    """Assigns faults to requests.

    Attributes:
        fired: How often each fault happened.
    """

    def __init__(self, seed: int) -> None:
        """Plan nothing yet."""
        self.fired: Counter[Fault] = Counter()
        self._queues: dict[str, deque[Planned]] = {}
        self._rng = seeded_random(seed, "faults")
        self._rate = 0.0
        self._faults: tuple[Fault, ...] = ()
        self._methods: frozenset[str] = frozenset()

    @property
    def pending(self) -> Mapping[str, tuple[Planned, ...]]:
        """Planned faults that have not happened yet, by method."""
        return {method: tuple(queue) for method, queue in self._queues.items() if queue}

    def plan(self, method: str, planned: Planned) -> None:
        """Append to the queue of a method.

        Raises:
            ValueError: The fault would never happen.
        """
        if planned.times < 1 or planned.after < 0:
            msg = f"times has to be at least 1 and after at least 0, not {planned}"
            raise ValueError(msg)
        self._queues.setdefault(method, deque()).append(planned)

    def plan_randomly(self, rate: float, faults: Sequence[Fault], methods: Sequence[str]) -> None:
        """Replace the random faults; a rate of 0 ends them.

        Raises:
            ValueError: The rate is not from 0 to 1, or there are no faults to choose from.
        """
        if not 0 <= rate <= 1 or (rate and not faults):
            msg = f"rate has to be from 0 to 1, with faults to choose from, not {rate}"
            raise ValueError(msg)
        self._rate, self._faults, self._methods = rate, tuple(faults), frozenset(methods)

    def draw(self, method: str) -> Fault | None:
        """Return the fault of the next request, if any; planned faults precede random ones."""
        fault = self._next_planned(method) or self._next_random(method)
        if fault:
            self.fired[fault] += 1
        return fault

    def _next_planned(self, method: str) -> Fault | None:
        queue = self._queues.get(method)
        if not queue:
            return None
        first = queue[0]
        if first.after:
            queue[0] = replace(first, after=first.after - 1)
            return None
        if first.times > 1:
            queue[0] = replace(first, times=first.times - 1)
        else:
            queue.popleft()
        return first.fault

    def _next_random(self, method: str) -> Fault | None:
        if method not in self._methods or self._rng.random() >= self._rate:
            return None
        return self._rng.choice(self._faults)
