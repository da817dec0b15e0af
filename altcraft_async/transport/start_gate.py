"""Holds starts back while starts alone get no answer.

The platform may answer lists and polls while every start fails, as when a part of it is
away. Each start that may have been acted on leaves a target of which nobody knows whether
its task runs. So after `OPENS_AFTER` of them in a row, one start at a time is sent as a
trial, with a growing delay, until one is answered. A run waits for its turn. A call whose
patience is over waits for a trial under way, a short time, or becomes one if it is time.

What to conclude from failures is decided by the gate's own `Breaker`.
"""

from __future__ import annotations

from collections.abc import Callable

from altcraft_async.errors import AltcraftError
from altcraft_async.observer import Notifier, logger
from altcraft_async.transport.breaker import Breaker, Sent
from altcraft_async.transport.clock import TIMER_SLACK, Timer
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage_status import open_since, unavailable
from altcraft_async.transport.retry import LONGEST_RETRY_AFTER
from altcraft_async.transport.waiting_calls import WaitingCalls

__all__ = ["StartGate"]

LONGEST_DELAY = 5.0
"""Seconds between two trials at most: each may cost a target."""

TRIAL_SECONDS = 2.0
"""Seconds for which a call without patience waits for a trial under way."""


class StartGate:
    """Lets one start at a time through while none is answered.

    Attributes:
        breaker: Whether starts are answered.
        is_told: Whether it was said that they are not.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        random: Callable[[], float],
        notifier: Notifier | None,
    ) -> None:
        """Let all starts through."""
        self.breaker = Breaker(longest_delay=LONGEST_DELAY)
        self.is_told = False
        self._lifecycle = lifecycle
        self._random = random
        self._notifier = notifier
        self._trial_of: int | None = None  # failures before the trial that is under way
        self._asked_until = 0.0  # before which the platform asked to send nothing
        self._timer: Timer | None = None
        self._waiting = WaitingCalls(lifecycle)  # for their turn
        self._impatient = WaitingCalls(lifecycle)  # for the end of the trial under way

    async def ready(self, path: str, patience: float) -> bool:
        """Return when a start may be sent, and whether it is a trial.

        A trial has to be followed by `trial_ended`, sent or not.

        Raises:
            PlatformUnavailableError: No start is answered, and the caller's patience is over.
        """
        breaker, time, waited = self.breaker, self._lifecycle.time, False
        while breaker.is_open:
            has_trial, now = self._trial_of is not None, time()
            if not has_trial and breaker.probe_at - now <= TIMER_SLACK:
                self._trial_of = breaker.failures
                breaker.begin_probing(now)
                return True
            left = breaker.since + patience - now
            if left > TIMER_SLACK:
                await self._waiting.wait(left)
            elif has_trial and not waited:
                waited = True
                await self._impatient.wait(TRIAL_SECONDS)
            else:
                raise unavailable(breaker, self._lifecycle, path, "no start was answered")
        return False

    def holds(self, is_trial: bool) -> bool:  # noqa: FBT001 -- what `ready` returned
        """Whether a start has to wait again, as the gate has closed since it was let through."""
        return self.breaker.is_open and not is_trial

    def trial_ended(self) -> None:
        """Note that the trial has ended, sent or not."""
        breaker, before = self.breaker, self._trial_of
        self._trial_of = None
        if before is not None and breaker.failures > before:
            self._plan_trial()
            self._tell()
        else:
            self._waiting.wake_first()
        self._impatient.wake()

    def answered(self, start: Sent) -> None:
        """Note that a start was answered."""
        now, breaker = self._lifecycle.time(), self.breaker
        failures, began = breaker.failures, breaker.since
        if not breaker.answered(now - start.at):
            return
        self._waiting.wake()
        if self.is_told:
            self.is_told = False
            lasted = now - began
            logger.info("starts are answered again after %.1f s", lasted)
            if self._notifier is not None:
                self._notifier.notify(self._notifier.observer.outage_ended, lasted, failures)

    def failed(self, start: Sent, error: AltcraftError) -> None:
        """Note that a start got no answer; one that was not delivered costs no target."""
        now = self._lifecycle.time()
        if not error.maybe_delivered:
            return
        if error.retry_after:
            self._asked_until = now + min(error.retry_after, LONGEST_RETRY_AFTER)
        if self.breaker.failed(now, error, start.starts or 0, start.at):
            self._plan_trial()

    def forget(self) -> None:
        """Let all starts through again after an outage, in which they failed as all did."""
        if not self.is_told:
            self.breaker.answered(0.0)
            self._waiting.wake()

    def close(self) -> None:
        """Plan no trial any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _plan_trial(self) -> None:
        now, breaker = self._lifecycle.time(), self.breaker
        breaker.probe_ended(now, self._random())
        breaker.probe_at = max(breaker.probe_at, self._asked_until)
        self.close()
        self._timer = self._lifecycle.call_at(breaker.probe_at, self._waiting.wake_first)

    def _tell(self) -> None:
        """Say once that starts alone fail: in an outage of everything, none is tried."""
        breaker = self.breaker
        if self.is_told or breaker.reason is None:
            return
        self.is_told = True
        began = open_since(breaker, self._lifecycle)
        words = "starts get no answer since %s, so they are tried one by one: %s"
        logger.warning(words, f"{began:%H:%M:%S}", breaker.reason)
        if self._notifier is not None:
            self._notifier.notify(self._notifier.observer.outage_began, breaker.reason)
