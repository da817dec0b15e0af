"""A circuit breaker: whether the platform answers at all.

It counts requests in a row that got no answer: refused or reset connections,
timeouts, and error pages of a proxy. An answer of any kind, a refusal
included, sets the count back to 0. A failed request counts only if nothing was
answered since it began, so one bad task among good ones changes nothing.

- **Closed**: requests are sent. After the first failure the breaker is
  *suspicious*: a run probes before it sends its next start.
  After `OPENS_AFTER` failures in a row it wants a probe in any case. A silence makes
  it suspicious too: then all requests that wait for an answer count as failed.
- **Open**: with `OPENS_AFTER` failures, a probe has failed as well. Only probes are
  sent, with a growing delay. Any answer closes the breaker. One method that fails
  while the probe is answered opens nothing.

A probe under way is what the field calls half-open; it needs no state here, as the
`Prober` sends the next probe only after `probe_ended`.

Nothing here does I/O, sleeps or reads a clock: the caller passes the time.
"""

from __future__ import annotations

import msgspec

from altcraft_async.errors import AltcraftError, ProtocolError, ServerError, TransportError

__all__ = ["Breaker", "Sent", "got_no_answer"]

OPENS_AFTER = 5
"""Failures in a row that may open it, as resilience4j's and Polly's smallest usual samples."""

FIRST_DELAY = 0.25
"""Seconds before the first probe; each further delay is twice as long."""

LONGEST_DELAY = 1.5
"""Seconds between two probes in an outage at most, so that its end is noticed soon."""

JITTER = 0.25
"""Share of a delay that is random, so that many clients do not probe together."""

SILENCE = 2.0
"""Seconds without any answer, while requests are under way, that make it suspicious."""

SLOW = 3.0
"""Times the slowest recent answer that a silence has to last at least."""

STALE = 60.0
"""Seconds without a request after which `Breaker.since` says nothing about the present."""

_FORGET = 0.98  # of the slowest recent answer, kept with each faster one
_GATEWAY = frozenset({502, 503, 504, *range(520, 531)})  # from 520 on, Cloudflare's own


def got_no_answer(error: BaseException) -> bool:
    """Tell whether a request failed because the platform did not answer.

    Status 502, 503 or 504 is the answer of a proxy whose platform is away, whether its
    body is a page, a text or JSON, unless that has an error code of its own. A permanent
    failure, such as a certificate that is not trusted, is no outage: waiting does not help.
    """
    if isinstance(error, TransportError):
        return not (error.local or error.permanent)
    if isinstance(error, ServerError) and error.code != error.http_status:
        return False
    return isinstance(error, (ProtocolError, ServerError)) and error.http_status in _GATEWAY


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A request under way.

    Attributes:
        at: When it was sent.
        answers: The count of answers at that moment.
        starts: The count of answered starts, for a start; ``None`` for another call.
    """

    at: float
    answers: int
    starts: int | None = None


class Breaker(msgspec.Struct):
    """The state of one client's circuit breaker. Times are seconds on one clock.

    Attributes:
        failures: Requests in a row without an answer.
        since: When the first of them failed.
        reason: Why the newest of them failed.
        is_open: Whether only probes may be sent.
        probe_at: When the next probe may be sent.
        answers: Answers so far.
        slowest: Seconds that the slowest recent answer took.
        longest_delay: Seconds between two probes at most.
    """

    failures: int = 0
    since: float = 0.0
    reason: AltcraftError | None = None
    is_open: bool = False
    probe_at: float = 0.0
    answers: int = 0
    slowest: float = 0.0
    longest_delay: float = LONGEST_DELAY
    _newest: float = 0.0
    _counted: float = 0.0
    _delay: float = FIRST_DELAY

    def answered(self, seconds: float) -> bool:
        """Note an answer that took so long; return whether it closes the breaker."""
        self.answers += 1
        self.slowest = max(seconds, self.slowest * _FORGET)
        if not self.failures:
            return False
        was_open = self.is_open
        self.failures, self.is_open, self._delay = 0, False, FIRST_DELAY
        return was_open

    def failed(self, now: float, error: AltcraftError, answers: int, sent_at: float) -> bool:
        """Note a request without an answer; return whether a probe has to tell what is up.

        Args:
            now: The time.
            error: Why it failed.
            answers: `answers` when the request was sent.
            sent_at: When that was.
        """
        if answers != self.answers or sent_at < self._counted:
            return False
        if not self.failures:
            self.since = now
            self.probe_at = now
        self.failures += 1
        self.reason = error
        self._newest = now
        return not self.is_open and self.failures >= OPENS_AFTER

    def silent(self, now: float, since: float, requests: int, error: AltcraftError) -> None:
        """Note that so many requests have waited for any answer since then.

        They count as failed from now on, so `failed` does not count them once more.
        """
        if not self.failures:
            self.since = since
            self.probe_at = now
        self.failures = max(self.failures, requests)
        self.reason = error
        self._newest = self._counted = now

    def begin_probing(self, now: float) -> None:
        """Note that probing begins: after a long pause, patience counts from here."""
        if self.failures and self.is_stale(now):
            self.since = self._newest = now

    def is_stale(self, now: float) -> bool:
        """Tell whether no request has failed for so long that the present is unknown."""
        return now - self._newest > STALE

    def silence(self) -> float:
        """Return the seconds without an answer after which to call `silent`."""
        return max(SILENCE, SLOW * self.slowest)

    def probe_ended(self, sent_at: float, random: float, *, is_sent: bool = True) -> bool:
        """Note that the probe ended, after its outcome was noted, and plan the next one.

        Args:
            sent_at: When it was sent; the delay counts from here.
            random: 0 <= random < 1, for the jitter of the next probe.
            is_sent: Whether a request was sent, so that its end says something.

        Returns:
            Whether it opens the breaker.
        """
        if not self.failures:
            return False
        opens = is_sent and not self.is_open and self.failures >= OPENS_AFTER
        self.is_open = self.is_open or opens
        self.probe_at = sent_at + self._delay * (1 - JITTER * random)
        self._delay = min(self._delay * 2, self.longest_delay)
        return opens
