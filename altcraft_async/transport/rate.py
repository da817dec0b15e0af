"""How fast to send: a rate that shrinks when the server refuses requests, and recovers.

A `Rate` spaces requests evenly: each one moves the earliest time of the next by
the inverse of the allowed rate. The rate follows additive increase and
multiplicative decrease, as in TCP. A refusal (a 429, or any ``Retry-After``) takes
three tenths of it, and each second without one gives a little back, until it is
at the caller's limit again.

Without a limit of the caller's there is no rate to take three tenths of. Then the
highest rate that the server has sustained in the last minute takes its place, so
that one refusal in a quiet moment does not slow down a busy one. The limit that
follows goes away once the rate has grown to four times what was refused.

Several refusals within a second count as one: their requests were sent together.

No clock and no event loop here; times are seconds on one clock of the caller's.
"""

from __future__ import annotations

import math

__all__ = ["Rate"]

_SHRINK = 0.7  # what is left, as in TCP's CUBIC and the AWS SDKs' adaptive mode
_REGAIN = 0.05  # of the rate at the last refusal, each second
_UNLIMITED_AT = 4.0  # times that rate: a server that sustains it has no limit any more
_LOWEST = 0.2  # requests a second, so that recovery is noticed
_WINDOW = 2.0  # seconds over which requests are counted to know the present rate
_SAME_CAUSE = 1.0  # seconds within which refusals are of requests sent together
_SHORTEST_COUNT = 0.1  # seconds; over less, two requests would look like a flood
_FEW = 3  # requests in a window, from fewer of which no rate can be told; then it is taken to be
_UNKNOWN = 10.0  # so many a second
_SUSTAINED_FOR = 60.0  # seconds for which a rate that the server sustained counts


class Rate:
    """When the next request may be sent.

    Attributes:
        most: Requests a second that the caller allows; infinite if not limited.
    """

    __slots__ = (
        "_counted_from",
        "_ignored_until",
        "_next",
        "_now",
        "_regained_at",
        "_sent",
        "_sustained",
        "_sustained_until",
        "_when_refused",
        "most",
    )

    def __init__(self, most: float = math.inf) -> None:
        """Allow so many requests a second."""
        self.most = most
        self._now = most
        self._when_refused = most
        self._regained_at = 0.0
        self._ignored_until = -math.inf
        self._next = 0.0
        self._sent = 0
        self._counted_from = -math.inf
        self._sustained = 0.0
        self._sustained_until = -math.inf

    def take(self, now: float) -> bool:
        """Note that a request is sent, if one may be sent now; return whether."""
        if now < self._next:
            return False
        self.sent(now)
        return True

    def wait(self, now: float) -> float:
        """Return the seconds until a request may be sent; 0 if it may be now."""
        return max(0.0, self._next - now)

    def allowed(self, now: float) -> float:
        """Return the requests a second that are allowed now."""
        if self._now < self.most and now > self._regained_at:
            self._now += self._when_refused * _REGAIN * (now - self._regained_at)
            self._regained_at = now
            if self._now > _UNLIMITED_AT * self._when_refused or self._now > self.most:
                self._now = self.most
        return self._now

    def sent(self, now: float) -> None:
        """Note that a request is sent."""
        if now - self._counted_from > _WINDOW:
            self._note_sustained(self._sent / _WINDOW, now)
            self._counted_from, self._sent = now, 0
        self._sent += 1
        if self._now < math.inf:
            self._next = max(now, self._next) + 1 / self.allowed(now)

    def refused(self, now: float, retry_after: float = 0.0) -> None:
        """Note that the server refused for the rate, and asked to wait for so long."""
        if now >= self._ignored_until:
            counted = self._sent / max(now - self._counted_from, _SHORTEST_COUNT)
            self._note_sustained(counted, now)
            few = self._sent < _FEW
            sustained = max(self._sustained, _UNKNOWN) if few else self._sustained
            lowest = min(_LOWEST, self.most)
            self._when_refused = max(lowest, min(self.allowed(now), sustained))
            self._now = self._sustained = max(lowest, self._when_refused * _SHRINK)
            self._ignored_until = now + max(retry_after, _SAME_CAUSE)
        self._next = max(self._next, now + retry_after)
        self._regained_at = max(self._regained_at, now + retry_after)

    def _note_sustained(self, rate: float, now: float) -> None:
        if rate >= self._sustained or now >= self._sustained_until:
            self._sustained, self._sustained_until = rate, now + _SUSTAINED_FOR
