"""How fast to send: a rate that follows what the server accepts.

The rate is decided by the share of requests that were refused, over a window
of half a second to two seconds:

- Up to `TOLERATED` refused, nothing changes: stray refusals cost their own
  retry and nothing else.
- Above that, the rate falls to what was accepted in the window. A real limit
  accepts as much as before, so the next window has no more refusals.
- If instead the accepted requests fell as the sent ones did, the refusals do
  not depend on the rate. The former rate comes back, and that share counts as
  stray for a while.
- After a cut, the rate returns to its target along a concave curve, stays
  there, and then probes above it, as CUBIC does (RFC 9438). Each further cut to
  about the same target doubles the time of that growth, up to eight times.

A ``Retry-After`` holds up all requests only when refusals persist: several in a
row, with no request accepted in between.

A request that is refused again after others were accepted does not count: the
server refuses its target, and only the retries of that target wait.

Nothing here knows HTTP, sleeps or reads a clock: the caller passes the time.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

__all__ = ["Rate"]

TOLERATED = 0.05
"""Share of refused requests that is borne without a change."""

PERSISTS_AFTER = 3
"""Refusals in a row after which a ``Retry-After`` holds up all requests."""

LEAST = 0.2
"""Requests a second that are sent in any case, so that a recovery is noticed."""

RETURN_SECONDS = 2.0
"""Seconds from a cut until the rate is back at its target."""

_SHORTEST_WINDOW = 0.5  # seconds; less would see one burst only
_WINDOW = 2.0  # seconds
_ENOUGH = 20  # answers from which a share can be told before the window ends
_FEW = 5  # answers without which no share can be told
_LONGEST_WINDOW = 20.0  # seconds, for that few
_MARGIN = 0.95  # of what was accepted: the rate right after a cut
_HALF = 0.5  # what remains of the rate when nothing at all was accepted
_GROWTH = 0.01  # of the target, times the square of the seconds after the return
_SAME = 0.25  # of the target: a cut that leads to so near a target confirms it
_NEAR = 0.9  # of a rate that has grown until requests were refused: its new target at least
_EASE = 0.97  # of a target that was confirmed: a short window measures too much
_SLOWEST = 8.0  # times those seconds, for a target that was confirmed again and again
_UNLIMITED = 4.0  # times the target: the limit is taken to be gone
_STRAY_SECONDS = 10.0  # for which a share counts as stray at first
_LONGEST_STRAY = 120.0  # seconds for which it does after several confirmations
_TEST_SECONDS = 2 * _WINDOW  # after a cut, within which it shows whether the cut helped
_MOST_REFUSING = 1000  # requests whose newest refusal is remembered
_RAMP = 20.0  # requests a second right after an outage
_ROOM = 2.0  # times the rate before an outage, which a short window measures too small


class Rate:
    """When the next request may be sent. Times are seconds on one clock."""

    __slots__ = (
        "_accepted",
        "_cut_at",
        "_cut_rate",
        "_next",
        "_rate_before",
        "_refused",
        "_refusing",
        "_row",
        "_sent",
        "_slowness",
        "_stray",
        "_stray_seconds",
        "_stray_until",
        "_target",
        "_tested",
        "_total",
        "_usual",
        "_window_from",
        "most",
    )

    def __init__(self, most: float = math.inf) -> None:
        """Allow at most so many requests a second."""
        self.most = most
        self._target = math.inf  # the rate that is returned to; infinite without a cut
        self._cut_rate = math.inf
        self._cut_at = 0.0
        self._slowness = 1.0
        self._next = 0.0
        self._row = 0  # refusals since the newest accepted request
        self._window_from = -math.inf
        self._sent = self._accepted = self._refused = 0
        self._usual = 0.0  # requests a second in the newest window with answers
        self._total = 0  # requests accepted so far
        self._refusing: dict[int, int] = {}  # that total at the refusal, by the request's hash
        self._tested: tuple[float, float] | None = None  # sent and accepted a second, at the cut
        self._rate_before = math.inf
        self._stray = 0.0
        self._stray_until = -math.inf
        self._stray_seconds = _STRAY_SECONDS

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
        if self._target == math.inf:
            return self.most
        after = now - self._cut_at
        if after < RETURN_SECONDS:
            missing = (1 - max(after, 0.0) / RETURN_SECONDS) ** 3
            return min(self.most, self._target - (self._target - self._cut_rate) * missing)
        grown = 1 + _GROWTH * ((after - RETURN_SECONDS) / self._slowness) ** 2
        if grown > _UNLIMITED:
            self._target = math.inf
            return self.most
        return min(self.most, self._target * grown)

    def sent(self, now: float) -> None:
        """Note that a request is sent."""
        seconds = now - self._window_from
        if seconds > _WINDOW and (
            self._accepted + self._refused >= _FEW or seconds > _LONGEST_WINDOW
        ):
            self._begin_window(now)
        self._sent += 1
        rate = self.allowed(now)
        if rate < math.inf:
            self._next = max(now, self._next) + 1 / rate

    def accepted(self, request: Hashable) -> None:
        """Note that a request was not refused."""
        self._accepted += 1
        self._total += 1
        self._row = 0
        if self._refusing:
            self._refusing.pop(hash(request), None)

    def refused(self, now: float, request: Hashable, retry_after: float = 0.0) -> bool:
        """Note that a request was refused for there being too many, with this ``Retry-After``.

        Equal requests are the same one, sent again. Return whether the refusal belongs to the
        target of this request: others were accepted since it was refused before.
        """
        if self._is_of_its_target(request):
            return True
        self._refused += 1
        self._row += 1
        if self._row >= PERSISTS_AFTER and retry_after:
            self._next = max(self._next, now + retry_after)
        seconds = now - self._window_from
        answers = self._accepted + self._refused
        is_long = seconds >= _WINDOW / 2 and answers >= _FEW
        if is_long or (seconds >= _SHORTEST_WINDOW and answers >= _ENOUGH):
            self._decide(now, seconds, self._refused / answers)
        return False

    def ramp(self, now: float) -> None:
        """Begin slowly after an outage, and return to the former rate."""
        rate = self.allowed(now)
        former = max(self._usual, self._sent / _WINDOW)
        self._cut(now, min(_RAMP, rate), min(rate, max(_UNLIMITED * _RAMP, _ROOM * former)))

    def _is_of_its_target(self, request: Hashable) -> bool:
        """Tell whether others were accepted since this request was refused last."""
        accepted_before = self._refusing.pop(hash(request), self._total)
        if len(self._refusing) >= _MOST_REFUSING:
            del self._refusing[next(iter(self._refusing))]
        self._refusing[hash(request)] = self._total
        return accepted_before < self._total

    def _decide(self, now: float, seconds: float, share: float) -> None:
        sent, accepted = self._sent / seconds, self._accepted / seconds
        if share <= TOLERATED or (now < self._stray_until and share <= 1.5 * self._stray):
            return
        is_test = self._tested is not None and now - self._cut_at < _TEST_SECONDS
        if is_test and self._is_stray(sent, accepted):
            self._stray, self._stray_until = share, now + self._stray_seconds
            self._stray_seconds = min(2 * self._stray_seconds, _LONGEST_STRAY)
            self._target = math.inf if self._rate_before == math.inf else self._rate_before
            self._cut_rate, self._cut_at, self._tested = self._target, now, None
        else:
            self._tested = sent, accepted
            self._rate_before = self.allowed(now)
            borne = self._borne(now, sent, accepted)
            is_same = abs(borne - self._target) <= _SAME * borne
            self._slowness = min(2 * self._slowness, _SLOWEST) if is_same else 1.0
            borne *= _EASE if is_same else 1.0
            self._cut(now, borne * _MARGIN, borne)
        self._begin_window(now)

    def _borne(self, now: float, sent: float, accepted: float) -> float:
        """Return the rate that the server is taken to bear.

        A rate that has grown to the limit is little above it, even if a server
        without a burst then refuses every second request.
        """
        has_grown = now - self._cut_at > RETURN_SECONDS and self._target < math.inf
        if has_grown and self._accepted + self._refused >= _ENOUGH:
            return max(accepted, self._rate_before * _NEAR)
        return accepted or min(self._rate_before, sent) * _HALF

    def _is_stray(self, sent: float, accepted: float) -> bool:
        """Tell whether fewer requests sent meant fewer accepted, in the same proportion."""
        sent_before, accepted_before = self._tested or (0.0, 0.0)
        if not (sent < sent_before and accepted_before):
            return False
        return accepted / accepted_before < (1 + sent / sent_before) / 2

    def _cut(self, now: float, rate: float, target: float) -> None:
        self._cut_rate = max(LEAST, rate)
        self._target = max(self._cut_rate, target)
        self._cut_at = now
        self._next = max(self._next, now + 1 / self._cut_rate)

    def _begin_window(self, now: float) -> None:
        if self._accepted >= _FEW:  # not a window of an outage, which has probes only
            self._usual = self._sent / _WINDOW
        self._window_from = now
        self._sent = self._accepted = self._refused = 0
