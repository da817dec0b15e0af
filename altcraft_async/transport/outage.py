"""What a client does while the platform does not answer.

Each request tells the `Breaker` how it ended. While the breaker is open, the
`Prober` sends probes, the scheduler sends no polls, a run waits in `ready`, and any
other call fails at once. An answer to any request ends the outage; the client
then begins slowly and polls every open task within seconds.

What to conclude from failures is decided by `breaker`; here is what has to be
awaited or told. Nothing here knows HTTP or tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager

from altcraft_async.errors import AltcraftError, PlatformUnavailableError, RequestTimeoutError
from altcraft_async.observer import Notifier, logger
from altcraft_async.transport.breaker import Breaker, Sent
from altcraft_async.transport.clock import TIMER_SLACK, Timer
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage_status import (
    OutageStatus,
    open_since,
    status_of,
    unavailable,
)
from altcraft_async.transport.prober import SHORTEST_PROBE, Prober
from altcraft_async.transport.start_gate import StartGate
from altcraft_async.transport.waiting_calls import WaitingCalls

__all__ = ["Outage"]

CHECK_SECONDS = 0.5
"""Seconds between two checks for silence, while requests are under way."""

SILENT_REQUESTS = 2
"""Requests without an answer that make a silence: one alone may have a heavy answer."""

MOST_SILENCE = 16
"""Times the usual silence that is waited for, where silences turn out to be slow answers."""


class Outage:
    """Whether the platform answers a client, and which callers wait until it does.

    Attributes:
        patience: Seconds for which polls wait out an outage; 0 switches all of this off.
        prober: Finds out when the platform answers again.
        start_gate: Holds starts back while they alone get no answer.
        opened: Called when an outage begins.
        closed: Called when it ends, or with ``False`` when `patience` is over before.
        recovered: Called at an answer after a failed probe, with the time at which that
            request was sent: the platform may have lost the requests that were sent before.
        heard_again: The same after a silence. They may only be slow, so a poll is worth
            sending again, and a start is not worth giving up.
        is_wanted: Tells whether a poll waits for the end of the outage.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        *,
        patience: float,
        random: Callable[[], float],
        notifier: Notifier | None,
    ) -> None:
        """Begin with a platform that answers."""
        self.patience = patience
        self.opened: Callable[[], None] = _nothing
        self.closed: Callable[[bool], None] = _ignore
        self.recovered: Callable[[float], None] = _ignore
        self.heard_again: Callable[[float], None] = _ignore
        self.is_wanted: Callable[[], bool] = bool
        self._lifecycle = lifecycle
        self._breaker = Breaker()
        self.prober = Prober(lifecycle, self._breaker, random)
        self.prober.is_wanted = lambda: bool(self._waiting) or self.is_wanted()
        self.prober.opened = self._open
        self.prober.failed = self._still_down
        self.start_gate = StartGate(lifecycle, random, notifier)
        self._random = random
        self._notifier = notifier
        self._under_way = 0
        self._quiet_since = 0.0  # the newest answer, or the first request after a pause
        self._silent_at = math.inf  # when a silence was found that no answer has ended yet
        self._silence_factor = 1  # grows while silences turn out to be slow answers
        self._check: Timer | None = None
        self._patience_timer: Timer | None = None
        self._waiting = WaitingCalls(lifecycle)
        self._refusals: dict[Callable[[AltcraftError], None], str] = {}

    @property
    def is_open(self) -> bool:
        """Whether the platform is known not to answer."""
        return self._breaker.is_open

    @property
    def status(self) -> OutageStatus | None:
        """The outage that goes on; ``None`` while the platform answers."""
        gate = self.start_gate
        is_of_starts = gate.is_told and not gate.breaker.is_stale(self._lifecycle.time())
        return status_of(gate.breaker if is_of_starts else self._breaker, self._lifecycle)

    def sent(self, *, is_start: bool = False) -> Sent:
        """Note that a request is sent; `ended` has to follow."""
        now = self._lifecycle.time()
        if not self._under_way:
            self._quiet_since = now
        self._under_way += 1
        if self._check is None and self.patience:
            self._check = self._lifecycle.call_at(now + CHECK_SECONDS, self._listen)
        starts = self.start_gate.breaker.answers if is_start else None
        return Sent(now, self._breaker.answers, starts)

    def ended(self) -> None:
        """Note that a request is not under way any more, answered or not."""
        self._under_way -= 1

    def answered(self, request: Sent) -> None:
        """Note that a request was answered."""
        breaker = self._breaker
        if request.starts is not None:
            self.start_gate.answered(request)
        failures, since = breaker.failures, breaker.since
        self._quiet_since = self._lifecycle.time()
        closes = breaker.answered(self._quiet_since - request.at)
        is_after_silence = request.at >= self._silent_at
        self._silent_at = math.inf
        if is_after_silence:
            # Perhaps they were only slow, and sending them again would make them slower.
            self._silence_factor = min(2 * self._silence_factor, MOST_SILENCE)
        elif not self.prober.is_running:
            self._silence_factor = 1
        if not failures:
            return
        if self.prober.has_failed_since(since):
            self.recovered(request.at)
        elif is_after_silence:
            self.heard_again(request.at)
        if closes:
            self._close(failures, since)
        else:
            self._waiting.wake()

    def failed(self, request: Sent, error: AltcraftError) -> None:
        """Note that a request got no answer."""
        if not self.patience:
            return
        if request.starts is not None:
            self.start_gate.failed(request, error)
        now = self._lifecycle.time()
        if self._breaker.failed(now, error, request.answers, request.at):
            self.prober.start()

    def undecided(self) -> None:
        """Note a failure that says nothing about the platform, and is no silence of it either."""
        self._quiet_since = self._lifecycle.time()

    def holds(self, patience: float) -> bool:
        """Whether a request is not to be sent now; with patience, a single failure is enough."""
        return bool(self.patience and (self._breaker.failures if patience else self.is_open))

    async def ready(self, path: str, patience: float) -> None:
        """Return when a request may be sent.

        Args:
            path: API method, for the error.
            patience: Seconds for which the caller waits out an outage, from its beginning.

        Raises:
            PlatformUnavailableError: The platform does not answer, and the patience is over.
        """
        breaker = self._breaker
        while self.holds(patience):
            self.prober.start()
            left = breaker.since + patience - self._lifecycle.time()
            if left <= TIMER_SLACK and (self.prober.has_just_failed or not self.prober.is_running):
                raise self.unavailable(path)
            # A caller whose patience is over waits for the first probe, which may be answered.
            await self._waiting.wait(left if left > TIMER_SLACK else SHORTEST_PROBE)
            if not patience and breaker.is_open:
                raise self.unavailable(path)

    @property
    def holds_polls(self) -> bool:
        """Whether polls wait for the end of an outage."""
        return self._patience_timer is not None

    def unavailable(self, path: str) -> PlatformUnavailableError:
        """Return the error of a call that is not sent."""
        return unavailable(self._breaker, self._lifecycle, path)

    @contextmanager
    def refusing(self, path: str, refuse: Callable[[AltcraftError], None]) -> Generator[None]:
        """Call ``refuse`` if an outage begins inside the block.

        Raises:
            PlatformUnavailableError: The platform is known not to answer.
        """
        if self._breaker.is_open:
            self.prober.start()
            raise self.unavailable(path)
        self._refusals[refuse] = path
        try:
            yield
        finally:
            del self._refusals[refuse]

    async def aclose(self) -> None:
        """Stop probing."""
        self.start_gate.close()
        for timer in (self._check, self._patience_timer):
            if timer is not None:
                timer.cancel()
        await self.prober.aclose()

    def _listen(self) -> None:
        """Probe after a silence; ask again while requests are under way."""
        self._check = None
        if not self._under_way or self._lifecycle.closed:
            return
        now, breaker, requests = self._lifecycle.time(), self._breaker, self._under_way
        seconds, is_silent = now - self._quiet_since, requests >= SILENT_REQUESTS
        is_silent = is_silent and seconds >= breaker.silence() * self._silence_factor
        if is_silent and not self.prober.is_running:
            error = RequestTimeoutError(f"no answer to {requests} requests for {seconds:.0f} s")
            breaker.silent(now, self._quiet_since, requests, error)
            self._silent_at = now
            self.prober.start()
        self._check = self._lifecycle.call_at(now + CHECK_SECONDS, self._listen)

    def _open(self, error: AltcraftError) -> None:
        since = open_since(self._breaker, self._lifecycle)
        logger.warning("the platform does not answer since %s: %s", f"{since:%H:%M:%S}", error)
        if self._notifier is not None:
            self._notifier.notify(self._notifier.observer.outage_began, error)
        self._patience_timer = self._lifecycle.call_at(
            self._breaker.since + self.patience, self._lose_patience
        )
        self.opened()
        self.prober.start()
        for refuse, path in tuple(self._refusals.items()):
            refuse(self.unavailable(path))

    def _lose_patience(self) -> None:
        self._patience_timer = None
        self.closed(False)  # noqa: FBT003 -- not back, but polls go on and fail one by one

    def _still_down(self) -> None:
        if self.is_open and not self.holds_polls:
            self.closed(False)  # noqa: FBT003 -- as above

    def _close(self, requests: int, since: float) -> None:
        seconds = self._lifecycle.time() - since
        if self._patience_timer is not None:
            self._patience_timer.cancel()
            self._patience_timer = None
        if self.patience:
            words = "the platform answers again after %.1f s; %d requests got no answer"
            logger.info(words, seconds, requests)
            if self._notifier is not None:
                self._notifier.notify(self._notifier.observer.outage_ended, seconds, requests)
            self.start_gate.forget()
            self.closed(True)  # noqa: FBT003 -- it is back
        self._waiting.wake()


def _nothing() -> None:
    """Do nothing when an outage begins."""


def _ignore(_: float) -> None:
    """Do nothing when it ends, or when the platform answers again."""
