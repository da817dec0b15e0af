"""Holds starts back while starts alone get no answer.

The platform may answer lists and polls while every start fails, as when a part of it is
away. Each start that may have been acted on leaves a target of which nobody knows whether
its task runs. So after `OPENS_AFTER` of them in a row, one start at a time is sent, with a
growing delay, until one is answered. A run waits for its turn. A call without patience
becomes the next one if its time has come, and fails at once otherwise.

What to conclude from failures is decided by the gate's own `Breaker`.
"""

from __future__ import annotations

from collections.abc import Callable

from altcraft_async.errors import AltcraftError
from altcraft_async.observer import Notifier, logger
from altcraft_async.transport.breaker import Breaker, Sent
from altcraft_async.transport.clock import TIMER_SLACK
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage_status import open_since, unavailable
from altcraft_async.transport.retry import is_passing
from altcraft_async.transport.waiting_calls import WaitingCalls

__all__ = ["StartGate"]

LONGEST_DELAY = 5.0
"""Seconds between two starts at most, while none is answered: each may cost a target."""


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
        *,
        is_off: bool,
    ) -> None:
        """Let all starts through, for ever if it ``is_off``."""
        self.breaker = Breaker(longest_delay=LONGEST_DELAY)
        self.is_told = False
        self._lifecycle = lifecycle
        self._random = random
        self._notifier = notifier
        self._is_off = is_off
        self._is_trying = False  # whether a start is under way that shows whether they are answered
        self._waiting = WaitingCalls(lifecycle)

    async def ready(self, path: str, patience: float) -> bool:
        """Return when a start may be sent, and whether it is the one that is tried.

        One that is tried has to be followed by `tried`, sent or not.

        Raises:
            PlatformUnavailableError: No start is answered, and the caller's patience is over.
        """
        breaker, time = self.breaker, self._lifecycle.time
        while breaker.is_open:
            delay = breaker.probe_at - time()
            if not self._is_trying and delay <= TIMER_SLACK:
                self._is_trying = True
                breaker.begin_probing(time())
                return True
            left = breaker.since + patience - time()
            if left <= TIMER_SLACK:
                raise unavailable(breaker, self._lifecycle, path)
            await self._waiting.wait(left if self._is_trying else min(left, delay))
        return False

    def holds(self, is_trial: bool) -> bool:  # noqa: FBT001 -- what `ready` returned
        """Whether a start has to wait again, as the gate has closed since it was let through."""
        return self.breaker.is_open and not is_trial

    def tried(self) -> None:
        """Note that the start that was tried has ended, sent or not."""
        breaker, self._is_trying = self.breaker, False
        breaker.probe_ended(self._lifecycle.time(), self._random())
        # Only now: the first ones fail in any outage, of which `Outage` tells.
        if breaker.reason is not None and breaker.is_open and not self.is_told:
            self.is_told = True
            began = open_since(breaker, self._lifecycle)
            words = "starts get no answer since %s, so they are tried one by one: %s"
            logger.warning(words, f"{began:%H:%M:%S}", breaker.reason)
            if self._notifier is not None:
                self._notifier.notify(self._notifier.observer.outage_began, breaker.reason)
        self._waiting.wake()

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
        """Note that a start failed."""
        now, breaker = self._lifecycle.time(), self.breaker
        if self._is_off:
            return
        if not _may_hit_the_next(error):
            self.answered(start)
        elif breaker.failed(now, error, start.starts, start.at):
            breaker.probe_ended(now, self._random())


def _may_hit_the_next(error: AltcraftError) -> bool:
    """Tell whether the next start may fail like this and leave its target unknown as well."""
    return error.maybe_delivered and is_passing(error)
