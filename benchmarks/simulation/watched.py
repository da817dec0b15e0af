"""What a client knows of a simulated task: exactly what `PollState` and `FinishedTask` hold."""

from __future__ import annotations

from altcraft_async import PollPolicy, PollState
from altcraft_async.policies.base import FinishedTask, Learner, pause
from benchmarks.simulation.tasks import Pretended


class Watched:
    """One task under a policy; times are seconds since its start.

    Attributes:
        task: What really happens.
        polls: Polls made.
        lag: Seconds from its end to the poll that found it over.
    """

    __slots__ = ("_earlier", "_newest", "_policy", "_running", "_target", "lag", "polls", "task")

    def __init__(self, task: Pretended, policy: PollPolicy) -> None:
        """Know nothing yet."""
        self.task = task
        self._target = (task.number, 1)
        self.polls = 0
        self.lag = 0.0
        self._policy = policy
        self._running: list[tuple[float, int]] = []
        self._newest = self._earlier = (0.0, 0)

    def first_poll(self) -> float:
        """Return when to poll first."""
        return self._pause(0.0, 0)

    def poll(self, waited: float) -> float | None:
        """Poll; return when to poll again, ``None`` where it is over."""
        self.polls += 1
        if waited >= self.task.duration:
            self._end(waited)
            return None
        progress = self.task.percent(waited)
        self._earlier = self._newest
        if progress > self._newest[1]:
            self._newest = (waited, progress)
        self._running.append((waited, progress))
        return waited + self._pause(waited, progress)

    @property
    def relative_lag(self) -> float:
        """Lag as a share of the duration; of a second, where it is shorter."""
        return self.lag / max(self.task.duration, 1.0)

    def left(self, now: float) -> float | None:
        """Return the seconds until an even bar would be full; ``None`` without one."""
        waited, progress = self._newest
        return max(0.0, waited * 100 / (progress + 0.5) - now) if progress else None

    def _pause(self, waited: float, progress: int) -> float:
        seen = PollState(
            waited=waited,
            polls=self.polls,
            progress=progress,
            earlier_waited=self._earlier[0],
            earlier_progress=self._earlier[1],
            chance=self.task.dice.random(),
            kind="resource",
            target=self._target,
        )
        return pause(self._policy, seen)

    def _end(self, waited: float) -> None:
        self.lag = waited - self.task.duration
        if isinstance(self._policy, Learner):
            finished = FinishedTask(
                kind="resource", target=self._target, polls=self._running, seconds=waited
            )
            self._policy.learn(finished)
