"""A circuit breaker: whether the platform answers at all.

It counts requests in a row that got no answer: refused or reset connections,
timeouts, and error pages of a proxy. An answer of any kind, a refusal
included, sets the count back to 0. A failed request counts only if nothing was
answered since it began, so one bad task among good ones changes nothing.

- **Closed**: requests are sent. After the first failure the breaker is
  *suspicious*: a run probes before it sends its next start.
  After `OPENS_AFTER` failures in a row it wants a probe in any case.
- **Open**: a probe has failed as well, or there was silence while as many requests
  were under way. Only probes are sent, one at a time, with a growing delay. One
  method that fails while the probe is answered opens nothing.
- **Half-open**: a probe is under way. An answer closes the breaker, a failure
  opens it again.

Nothing here does I/O, sleeps or reads a clock: the caller passes the time.
"""

from __future__ import annotations

import msgspec

from altcraft_async.errors import AltcraftError, ProtocolError, TransportError

__all__ = ["Breaker", "got_no_answer"]

OPENS_AFTER = 5
"""Failures in a row that may open it, as resilience4j's and Polly's smallest usual samples."""

FIRST_DELAY = 0.25
"""Seconds before the first probe; each further delay is twice as long."""

LONGEST_DELAY = 2.0
"""Seconds between two probes at most, so that the end of an outage is noticed soon."""

JITTER = 0.25
"""Share of a delay that is random, so that many clients do not probe together."""

SILENCE = 5.0
"""Seconds without any answer, while requests are under way, that open it."""

SLOW = 3.0
"""Times the slowest recent answer that a silence has to last at least."""

STALE = 60.0
"""Seconds without a request after which `Breaker.since` says nothing about the present."""

_FORGET = 0.98  # of the slowest recent answer, kept with each faster one
_GATEWAY = frozenset({502, 503, 504})


def got_no_answer(error: BaseException) -> bool:
    """Tell whether a request failed because the platform did not answer.

    A page with status 502, 503 or 504 is the answer of a proxy whose platform
    is away. A permanent failure, such as a certificate that is not trusted, is
    no outage: waiting does not help.
    """
    if isinstance(error, TransportError):
        return not (error.local or error.permanent)
    return isinstance(error, ProtocolError) and error.http_status in _GATEWAY


class Breaker(msgspec.Struct):
    """The state of one client's circuit breaker. Times are seconds on one clock.

    Attributes:
        failures: Requests in a row without an answer.
        since: When the first of them failed.
        reason: Why the newest of them failed.
        is_open: Whether only probes may be sent.
        is_probing: Whether a probe is under way.
        probe_at: When the next probe may be sent.
        answers: Answers so far.
        slowest: Seconds that the slowest recent answer took.
    """

    failures: int = 0
    since: float = 0.0
    reason: AltcraftError | None = None
    is_open: bool = False
    is_probing: bool = False
    probe_at: float = 0.0
    answers: int = 0
    slowest: float = 0.0
    _newest: float = 0.0
    _delay: float = FIRST_DELAY

    @property
    def is_clear(self) -> bool:
        """Whether the newest request that ended was answered."""
        return not self.failures

    def answered(self, seconds: float) -> bool:
        """Note an answer that took so long; return whether it closes the breaker."""
        self.answers += 1
        self.slowest = max(seconds, self.slowest * _FORGET)
        if not self.failures:
            return False
        was_open = self.is_open
        self.failures, self.is_open, self._delay = 0, False, FIRST_DELAY
        return was_open

    def failed(self, now: float, error: AltcraftError, answers: int) -> bool:
        """Note a request without an answer; return whether a probe has to tell what is up.

        Args:
            now: The time.
            error: Why it failed.
            answers: `answers` when the request was sent.
        """
        if answers != self.answers:
            return False
        if not self.failures:
            self.since = now
            self.probe_at = now
        self.failures += 1
        self.reason = error
        self._newest = now
        return not self.is_open and self.failures >= OPENS_AFTER

    def silent(self, now: float, since: float, error: AltcraftError, random: float) -> bool:
        """Note that nothing was answered since then; return whether that opens the breaker."""
        if self.is_open:
            return False
        if not self.failures:
            self.since = since
        self.failures += 1
        self.reason = error
        self._newest = now
        self.is_open = True
        self._plan(now, random)
        return True

    def begin_probing(self, now: float) -> None:
        """Note that probing begins: after a long pause, patience counts from here."""
        if self.failures and now - self._newest > STALE:
            self.since = self._newest = now

    def silence(self) -> float:
        """Return the seconds without an answer after which to call `silent`."""
        return max(SILENCE, SLOW * self.slowest)

    def may_probe(self, now: float) -> bool:
        """Tell whether a probe may be sent now."""
        return not self.is_probing and now >= self.probe_at

    def probe_sent(self) -> None:
        """Note that a probe is under way."""
        self.is_probing = True

    def probe_ended(self, now: float, random: float, *, is_sent: bool = True) -> bool:
        """Note that the probe ended, after its outcome was noted, and plan the next one.

        Args:
            now: The time.
            random: 0 <= random < 1, for the jitter of the next probe.
            is_sent: Whether a request was sent, so that its end says something.

        Returns:
            Whether it opens the breaker.
        """
        self.is_probing = False
        if not self.failures:
            return False
        opens = is_sent and not self.is_open and self.failures >= OPENS_AFTER
        self.is_open = self.is_open or opens
        self._plan(now, random)
        return opens

    def _plan(self, now: float, random: float) -> None:
        self.probe_at = now + self._delay * (1 - JITTER * random)
        self._delay = min(self._delay * 2, LONGEST_DELAY)
