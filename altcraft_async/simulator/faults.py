"""Misbehaviour as plain values, and the script that says when which of it happens."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from altcraft_async.simulator.randomness import dice

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
    """One way to misbehave; make it by the name of what goes wrong.

    Faults are values: equal ones are the same key of ``server.fired``.

    Attributes:
        kind: Name of the method that makes it.
        code: HTTP status or ``error`` of the answer, 0 where it is no matter.
        text: ``error_text`` of a refusal, or status of a failed task.
        seconds: How long it takes.
        retry_after: The ``Retry-After`` header, ``""`` for none.
    """

    kind: Kind
    code: int = 0
    text: str = ""
    seconds: float = 0.0
    retry_after: str = ""

    @staticmethod
    def status(code: int, *, retry_after: float | str | None = None) -> Fault:
        """Answer with an HTTP status and do nothing.

        The body is an envelope with the same ``error``.

        Args:
            code: HTTP status, for example 429 or 503.
            retry_after: What the header says: seconds, or any text, for
                example an HTTP date or nonsense.
        """
        header = "" if retry_after is None else str(retry_after)
        return Fault("status", code=code, text=f"HTTP status {code}", retry_after=header)

    @staticmethod
    def refuse(code: int, text: str = "Refused") -> Fault:
        """Answer with this ``error`` and ``error_text`` and do nothing."""
        return Fault("refuse", code=code, text=text)

    @staticmethod
    def html(code: int = 502) -> Fault:
        """Answer with a web page, as a proxy does, and do nothing; 200 is a sign-in page."""
        return Fault("html", code=code)

    @staticmethod
    def stall(seconds: float = math.inf) -> Fault:
        """Wait this many seconds of the event loop, and only then act and answer.

        It acts even if the caller has gone by then, as a platform does that
        works through a backlog.
        """
        return Fault("stall", seconds=seconds)

    @staticmethod
    def cut_body() -> Fault:
        """Act, then break the connection in the middle of the answer's body."""
        return Fault("cut_body")

    @staticmethod
    def reset() -> Fault:
        """Reset the connection and do nothing."""
        return Fault("reset")

    @staticmethod
    def lost_start() -> Fault:
        """Act, then reset the connection, so that the answer is lost."""
        return Fault("lost_start")

    @staticmethod
    def slow_body(seconds: float = math.inf) -> Fault:
        """Act, then send the answer's body in small pieces over this many seconds."""
        return Fault("slow_body", seconds=seconds)

    @staticmethod
    def unknown_task() -> Fault:
        """Do not know the task.

        On ``tasks/status`` for this one answer; on a refresh for good, so that
        the task id it answers with is of no use.
        """
        return Fault("unknown_task")

    @staticmethod
    def failed_task(status: str = "failed") -> Fault:
        """Let the task fail, under this name of a status.

        On ``tasks/status`` at once; on a refresh at the end of its duration.
        The name is our own choice: the vendor documents none.
        """
        return Fault("failed_task", text=status)


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that waits in the script of a method.

    Attributes:
        fault: What is going to happen.
        times: To how many requests still.
        after: How many requests go well before.
    """

    fault: Fault
    times: int = 1
    after: int = 0


class Script:
    """Which fault meets which request.

    Attributes:
        fired: How often each fault happened.
    """

    def __init__(self, seed: int) -> None:
        """Start with nothing planned."""
        self.fired: Counter[Fault] = Counter()
        self._queues: dict[str, deque[Planned]] = {}
        self._rng = dice(seed, "faults")
        self._rate = 0.0
        self._faults: tuple[Fault, ...] = ()
        self._methods: frozenset[str] = frozenset()

    @property
    def pending(self) -> Mapping[str, tuple[Planned, ...]]:
        """What did not happen yet, by method; empty when all of it did."""
        return {method: tuple(queue) for method, queue in self._queues.items() if queue}

    def plan(self, method: str, planned: Planned) -> None:
        """Add to the end of the method's queue.

        Raises:
            ValueError: It would never happen.
        """
        if planned.times < 1 or planned.after < 0:
            msg = f"times has to be at least 1 and after at least 0, not {planned}"
            raise ValueError(msg)
        self._queues.setdefault(method, deque()).append(planned)

    def plan_randomly(self, rate: float, faults: Sequence[Fault], methods: Sequence[str]) -> None:
        """Replace the random part; a rate of 0 ends it.

        Raises:
            ValueError: The rate is no share, or there is no fault to choose from.
        """
        if not 0 <= rate <= 1 or (rate and not faults):
            msg = f"rate has to be from 0 to 1, with faults to choose from, not {rate}"
            raise ValueError(msg)
        self._rate, self._faults, self._methods = rate, tuple(faults), frozenset(methods)

    def draw(self, method: str) -> Fault | None:
        """Decide what meets the next request; what is planned goes before what is random."""
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
