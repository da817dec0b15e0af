"""The waits for one task, and how they end.

A wait ends with its task, at its deadline, or when the task stalls for too long. The
poll that is made at a deadline has a second; then a timer ends the wait. If the loop
stood still until then, that poll has not had its time yet, and the timer is set once more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from altcraft_async.errors import AltcraftError, TaskStalledError, WaitTimeoutError
from altcraft_async.models import TaskRef
from altcraft_async.observer import about, logger
from altcraft_async.protocol.codecs import Document
from altcraft_async.tasks.observation import Observation
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.tasks.poll_state import Track
from altcraft_async.tasks.record import TaskRecord
from altcraft_async.tasks.waiters import LimitedWaiter, Waiter, Waiters
from altcraft_async.transport.timeouts import STOOD_STILL

__all__ = ["LAST_POLL_SECONDS", "AwaitedTask"]

LAST_POLL_SECONDS = 1.0
"""How long the poll that is made at a deadline may take before the wait ends without it."""

_CLOCK_SLACK = 1e-3  # seconds by which a poll may come before the deadline it is made for


class AwaitedTask(TaskRecord, ABC):
    """A task and its waiters."""

    __slots__ = ("_observation", "_waiters")

    def __init__(
        self,
        ref: TaskRef,
        rules: PollRules,
        decode: Callable[[Document, TaskRef], object],
        *,
        started: float | None,
    ) -> None:
        """Begin without waiters."""
        super().__init__(ref, rules, decode, started=started)
        self._waiters = Waiters()
        notifier = rules.client.notifier
        self._observation = None if notifier is None else Observation(notifier, ref, started)

    @property
    def waiters(self) -> tuple[Waiter, ...]:
        """The present waiters, in the order in which they were added."""
        return tuple(self._waiters)

    @property
    def awaited(self) -> bool:
        """Whether a coroutine waits."""
        return self._waiters.awaited > 0

    def remove_waiter(self, waiter: Waiter, error: AltcraftError | None = None) -> None:
        """Forget a waiter, whose wait ended for this reason; after the last one, stop polling."""
        if waiter not in self._waiters:
            return
        self._waiters.remove(waiter)
        if not self._waiters:
            self._stop()
        if self._observation is not None:
            self._observation.waiters_changed(self._waiters, error)

    @abstractmethod
    def _stop(self) -> None:
        """Stop polling; the last waiter has left."""

    def _end_task(self, error: AltcraftError | None) -> None:
        self.over, self.error = True, error
        self._log("is over", error)
        waiters, self._waiters = self._waiters, Waiters()
        if self.rules.on_end is not None:
            self.rules.on_end(self.ref)
        for waiter in waiters:
            waiter.cancel_timer()
            waiter.end(None)
        if self._observation is not None:
            self._observation.ended(self._lifecycle.time(), error, self.value)

    def _end_waits(self, error: AltcraftError, *, keep_patient: bool = False) -> None:
        """End the waits though the task is not over, perhaps except for the patient ones."""
        waiters = self._waiters
        self._waiters = Waiters(one for one in waiters if keep_patient and one.patient)
        for waiter in waiters:
            if not (keep_patient and waiter.patient):
                waiter.cancel_timer()
                waiter.end(error.fresh())
        if self._waiters and not (track := self._seen()).warned:
            words = "still polling, for callbacks only: %s"
            logger.warning(words, error, extra=about(self.ref))
            track.warned = True
        if self._observation is not None:
            self._observation.waiters_changed(self._waiters, error)

    def _end_wait(self, waiter: Waiter, error: AltcraftError) -> None:
        self.remove_waiter(waiter, error)
        waiter.end(error)

    def _limit_last_poll(self, waiter: LimitedWaiter, when: float) -> None:
        """End a wait whose last poll takes too long, unless the loop stood still meanwhile."""
        now = self._lifecycle.time()
        if now - when > STOOD_STILL:
            waiter.timer = self._lifecycle.call_at(now + LAST_POLL_SECONDS, self._time_out, waiter)
        else:
            self._time_out(waiter)

    def _time_out(self, waiter: Waiter) -> None:
        self._end_wait(waiter, self._error(WaitTimeoutError, "was not over in time"))

    def _end_overdue(self, track: Track, now: float) -> None:
        """End the waits whose deadline is over or whose task has stalled for too long."""
        late = now + _CLOCK_SLACK
        for waiter in tuple(self._waiters):
            if waiter.deadline <= late:
                self._time_out(waiter)
            elif waiter.stalls_at(track.moved_at) <= late:
                words = f"has not moved for {waiter.stall:g} s"
                self._end_wait(waiter, self._error(TaskStalledError, words))
