"""How fast to send: a rate that shrinks when the server objects, and recovers.

Additive increase, multiplicative decrease, as in TCP: an objection takes three
tenths of the rate, and each second without one gives a little back. Without a
limit of the user's, the rate is the highest that the server has borne lately,
so that one objection in a calm moment costs nothing when there is more to do.
"""

from __future__ import annotations

import math

__all__ = ["Rate"]

_SHRINK = 0.7  # what is left, as in TCP's CUBIC and the AWS SDKs' adaptive mode
_REGAIN = 0.05  # of the rate at the last objection, each second
_FORGOTTEN = 4.0  # times that rate: a server that bears it no longer objects
_LEAST = 0.2  # requests a second, so that recovery is noticed
_WINDOW = 2.0  # seconds over which requests are counted to know the present rate
_TOGETHER = 1.0  # seconds within which objections are to the same requests
_SHORTEST_COUNT = 0.1  # seconds; over less, two requests would look like a flood
_FEW = 3  # requests in that window, from which no rate can be told; then it is taken to be
_UNKNOWN = 10.0  # so many a second
_LATELY = 60.0  # seconds for which a rate that was borne counts


class Rate:
    """When the next request may be sent; times are seconds on one clock."""

    __slots__ = (
        "_at_objection",
        "_borne",
        "_borne_until",
        "_counted_from",
        "_deaf_until",
        "_next",
        "_now",
        "_regained_at",
        "_sent",
        "most",
    )

    def __init__(self, most: float = math.inf) -> None:
        """Allow so many requests a second."""
        self.most = most
        self._now = most
        self._at_objection = most
        self._regained_at = 0.0
        self._deaf_until = -math.inf
        self._next = 0.0
        self._sent = 0
        self._counted_from = -math.inf
        self._borne = 0.0
        self._borne_until = -math.inf

    def take(self, now: float) -> bool:
        """Note that a request is sent, if one may be sent now."""
        if now < self._next:
            return False
        self.sent(now)
        return True

    def wait(self, now: float) -> float:
        """Return the seconds until a request may be sent; 0 where it may be now."""
        return max(0.0, self._next - now)

    def allowed(self, now: float) -> float:
        """Return the requests a second that are allowed now."""
        if self._now < self.most and now > self._regained_at:
            self._now += self._at_objection * _REGAIN * (now - self._regained_at)
            self._regained_at = now
            if self._now > _FORGOTTEN * self._at_objection or self._now > self.most:
                self._now = self.most
        return self._now

    def sent(self, now: float) -> None:
        """Note that a request is sent."""
        if now - self._counted_from > _WINDOW:
            self._note_borne(self._sent / _WINDOW, now)
            self._counted_from, self._sent = now, 0
        self._sent += 1
        if self._now < math.inf:
            self._next = max(now, self._next) + 1 / self.allowed(now)

    def objected(self, now: float, retry_after: float = 0.0) -> None:
        """Note that the server objected, and asked to wait for so long."""
        # What was under way together is objected to together: that is one objection.
        if now >= self._deaf_until:
            counted = self._sent / max(now - self._counted_from, _SHORTEST_COUNT)
            self._note_borne(counted, now)
            borne = max(self._borne, _UNKNOWN) if self._sent < _FEW else self._borne
            self._at_objection = max(_LEAST, min(self.allowed(now), borne))
            self._now = self._borne = max(_LEAST, self._at_objection * _SHRINK)
            self._deaf_until = now + max(retry_after, _TOGETHER)
        self._next = max(self._next, now + retry_after)
        self._regained_at = max(self._regained_at, now + retry_after)

    def _note_borne(self, rate: float, now: float) -> None:
        if rate >= self._borne or now >= self._borne_until:
            self._borne, self._borne_until = rate, now + _LATELY
