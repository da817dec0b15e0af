"""A simulated task as a client sees it, with exactly what `PollState` and `FinishedTask` hold."""

from __future__ import annotations

from altcraft_async import PollPolicy, PollState
from altcraft_async.policies.base import FinishedTask, Learner, poll_interval
from altcraft_async.policies.callbacks import ExpectedCall
from benchmarks.simulation.tasks import SimulatedTask


class PolledTask:
    """One task under a policy; times are seconds since its start.

    Attributes:
        task: The task.
        polls: Polls made.
        lateness: Seconds from its end to the poll that found it finished.
        call: The call that is expected at its end.
    """

    __slots__ = (
        "_earlier",
        "_newest",
        "_policy",
        "_running",
        "_target",
        "call",
        "lateness",
        "polls",
        "task",
    )

    def __init__(
        self, task: SimulatedTask, policy: PollPolicy, call: ExpectedCall | None = None
    ) -> None:
        """Begin without any poll."""
        self.task = task
        self.call = call
        self.polls = 0
        self.lateness = 0.0
        self._target = (task.number, 1)
        self._policy = policy
        self._running: list[tuple[float, int]] = []
        self._newest = self._earlier = (0.0, 0)

    def first_poll(self) -> float:
        """Return when to poll first."""
        return self._delay(0.0, 0)

    def poll(self, waited: float, in_flight: int) -> float | None:
        """Poll; return when to poll again, or ``None`` when it has finished.

        Args:
            waited: Seconds since its start.
            in_flight: Other tasks that are waited for.
        """
        self.polls += 1
        if waited >= self.task.duration:
            self._finish(waited, in_flight)
            return None
        progress = self.task.percent(waited)
        self._earlier = self._newest
        if progress > self._newest[1]:
            self._newest = (waited, progress)
        self._running.append((waited, progress))
        if self.call is not None:
            self.call.found_running()
        return waited + self._delay(waited, progress)

    @property
    def relative_lateness(self) -> float:
        """Lateness as a share of the duration, or of a second if that is longer."""
        return self.lateness / max(self.task.duration, 1.0)

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds to 100 % at constant speed; ``None`` without progress."""
        waited, progress = self._newest
        return max(0.0, waited * 100 / (progress + 0.5) - now) if progress else None

    def _delay(self, waited: float, progress: int) -> float:
        state = PollState(
            waited=waited,
            polls=self.polls,
            progress=progress,
            earlier_waited=self._earlier[0],
            earlier_progress=self._earlier[1],
            chance=self.task.rng.random(),
            kind="resource",
            target=self._target,
            calls=self.call.share if self.call else 0.0,
        )
        return poll_interval(self._policy, state)

    def _finish(self, waited: float, in_flight: int) -> None:
        self.lateness = waited - self.task.duration
        if isinstance(self._policy, Learner):
            finished = FinishedTask(
                kind="resource",
                target=self._target,
                polls=self._running,
                seconds=waited,
                called=self.call is not None and self.call.came,
                in_flight=in_flight,
            )
            self._policy.learn(finished)
        if self.call is not None:
            self.call.found_over(self.task.arrival + waited, waited)
