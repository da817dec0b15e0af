"""Polls simulated tasks at whose end the platform calls, or does not, in virtual time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from altcraft_async import PollPolicy
from altcraft_async.policies.callbacks import Callbacks
from benchmarks.simulation.engine import Outcome, outcome
from benchmarks.simulation.polled_task import PolledTask
from benchmarks.simulation.tasks import SimulatedTask

PAUSE = 1.0  # seconds between two polls of a target by calls, as a `FeedbackReceiver` makes them

_TARGETS, _NIGHT = 200, 100_000.0
_LATER = 1e-4  # seconds, so that no call comes before the end by rounding


class Calls(NamedTuple):
    """How the platform calls.

    Attributes:
        lost: Share of calls that never come.
        delay: Seconds from the end to the call.
        share: Share of the duration by which it comes even later.
        repeats: Further calls, each half a second after the one before.
        forged: Calls while the task runs, at random.
        is_watched: Whether anybody expects calls.
    """

    lost: float = 0.0
    delay: float = 0.0
    share: float = 0.0
    repeats: int = 0
    forged: int = 0
    is_watched: bool = True

    def times(self, task: SimulatedTask, rng: random.Random) -> list[float]:
        """Draw when the calls of a task come."""
        times = [task.arrival + rng.random() * task.duration for _ in range(self.forged)]
        end = task.arrival + task.duration * (1 + self.share) + self.delay + _LATER
        times += [
            end + 0.5 * number for number in range(1 + self.repeats) if rng.random() >= self.lost
        ]
        return times if self.is_watched else []


CALLS: Mapping[str, Calls] = {
    "none expected": Calls(is_watched=False),
    "none lost": Calls(),
    "1 % lost": Calls(lost=0.01),
    "10 % lost": Calls(lost=0.1),
    "50 % lost": Calls(lost=0.5),
    "all lost": Calls(lost=1.0),
    "0.1 s late": Calls(delay=0.1),
    "a tenth of the duration late": Calls(share=0.1),
    "as late as the task was long": Calls(share=1.0),
    "three times each": Calls(repeats=2),
    "one forged": Calls(forged=1),
    "one forged, all real ones lost": Calls(forged=1, lost=1.0),
    "20 forged, all real ones lost": Calls(forged=20, lost=1.0),
}


def nightly(tasks: Sequence[SimulatedTask]) -> list[SimulatedTask]:
    """Refresh the same targets night after night; each takes as long as ever, give or take 15 %."""
    first = tasks[:_TARGETS]
    return [
        task._replace(
            number=number % _TARGETS,
            arrival=first[number % _TARGETS].arrival + number // _TARGETS * _NIGHT,
            duration=first[number % _TARGETS].duration * task.rng.uniform(0.85, 1.15),
        )
        for number, task in enumerate(tasks)
    ]


def called(
    policy: PollPolicy, tasks: Sequence[SimulatedTask], calls: Calls, *, warm_up: int
) -> Outcome:
    """Poll all tasks with one policy, at its times and at calls; the first are not measured."""
    simulation = _Simulation(policy, tasks, calls)
    simulation.run()
    return outcome(simulation.polled[warm_up:])


def fewest_polls(tasks: Sequence[SimulatedTask], lost: float, lateness: float = 0.03) -> float:
    """Return the fewest polls a task with which lost calls make tasks so late in the mean.

    No policy without knowledge of the target makes fewer: its first poll, at one time for
    all tasks, shows a running task's end, and a second one comes at that end at the latest.
    """
    durations = sorted(task.duration for task in tasks)
    inverses = weighted = 0.0
    fewest = 2.0
    for ended, duration in enumerate(durations, start=1):
        inverses += 1 / max(duration, 1.0)
        weighted += duration / max(duration, 1.0)
        if lost * (duration * inverses - weighted) <= lateness * len(durations):
            fewest = 2 - ended / len(durations)
    return fewest


_Event = Callable[[float, int], None]
"""What happens at a time to the task of a number."""


class _Simulation:
    """The events of all tasks, in order of time."""

    def __init__(self, policy: PollPolicy, tasks: Sequence[SimulatedTask], calls: Calls) -> None:
        self.polled = [PolledTask(task, policy) for task in tasks]
        self._calls = calls
        self._callbacks = Callbacks()
        self._planned: dict[int, float] = {}  # next poll of each running task
        self._called: dict[int, float] = {}  # its newest poll by a call
        self._events: list[tuple[float, int, int, _Event]] = []
        self._count = 0

    def run(self) -> None:
        for number, one in enumerate(self.polled):
            self._at(one.task.arrival, number, self._start)
        while self._events:
            now, _, number, event = heapq.heappop(self._events)
            event(now, number)

    def _at(self, when: float, number: int, event: _Event) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, number, event))

    def _start(self, now: float, number: int) -> None:
        one = self.polled[number]
        if self._calls.is_watched:
            one.call = self._callbacks.expect(sure=True, early=False)
        for when in self._calls.times(one.task, one.task.rng):
            self._at(when, number, self._receive)
        self._plan(now + one.first_poll(), number)

    def _plan(self, when: float, number: int) -> None:
        self._planned[number] = when
        self._at(when, number, self._poll)

    def _receive(self, now: float, number: int) -> None:
        one = self.polled[number]
        assert one.call is not None
        one.call.receive(now)
        when = max(now, self._called.get(number, -PAUSE) + PAUSE)
        if number in self._planned and when < self._planned[number]:
            self._called[number] = when
            self._plan(when, number)

    def _poll(self, now: float, number: int) -> None:
        if self._planned.get(number) != now:
            return  # a call has made this poll earlier
        one = self.polled[number]
        again = one.poll(now - one.task.arrival, len(self._planned) - 1)
        if again is None:
            del self._planned[number]
        else:
            self._plan(one.task.arrival + again, number)
