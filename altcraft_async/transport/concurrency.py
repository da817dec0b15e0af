"""How many polls at once: as many as the platform answers without queueing them.

By Little's law, the polls under way are those sent per second times the seconds that
each takes. So a distant platform needs many at once, and a near one few. The limit
is decided anew whenever half as many polls as it allows have ended:

- While jobs wait for the limit and answers are about as fast as the fastest ever
  were, it doubles. So it opens like the window of a TCP connection.
- If the median answer takes `SLOW` times as long as in the fastest round, polls
  queue at the platform, or in this process if that is busy. The limit falls to what the
  present rate needs at twice the fastest latency.
- If more than `TOLERATED` of the polls fail, it is halved.

At `LEAST`, slow answers are not caused by this client: what they take now counts as
the fastest. So a platform that moves or gets slower for good is found out.

Polls that began before the last change say nothing about the new limit and are ignored.

Nothing here sleeps or reads a clock, and nothing knows what a poll is.
"""

from __future__ import annotations

import math
from statistics import median_low

__all__ = ["LEAST", "SLOW", "TOLERATED", "Concurrency"]

LEAST = 32
"""Polls at once in any case and at first: enough where this process is slow, not the platform."""

SLOW = 2.0
"""Times the fastest latency above which there are too many polls at once."""

TOLERATED = 0.1
"""Share of failed polls that is borne without a change."""

_PROMPT = 1.5  # times the fastest latency up to which there may be more polls at once


class Concurrency:
    """A limit of polls at once. Times are seconds on one clock.

    Attributes:
        limit: How many polls may run at once now.
    """

    __slots__ = (
        "_failures",
        "_fastest",
        "_has_failed",
        "_is_reached",
        "_latencies",
        "_most",
        "_since",
        "limit",
    )

    def __init__(self, most: int) -> None:
        """Never allow more than so many at once."""
        self._most = most
        self.limit = min(LEAST, most)
        self._fastest = math.inf
        self._since = -math.inf
        self._has_failed = False
        self._begin_round()

    def failed(self) -> None:
        """Note that the poll whose end is noted next has failed."""
        self._has_failed = True

    def ended(self, began: float, now: float, *, is_reached: bool) -> None:
        """Note the end of a poll.

        Args:
            began: When it was sent.
            now: The present time.
            is_reached: Whether other polls waited for the limit.
        """
        has_failed, self._has_failed = self._has_failed, False
        if began < self._since:
            return
        self._failures += has_failed
        self._latencies.append(now - began)
        self._is_reached |= is_reached
        if 2 * len(self._latencies) >= self.limit:
            self._decide(now)

    def _decide(self, now: float) -> None:
        typical, limit = median_low(self._latencies), self.limit
        if self._failures > TOLERATED * len(self._latencies):
            limit //= 2
        else:
            if limit <= LEAST:
                self._fastest = typical
            self._fastest = min(self._fastest, typical)
            if typical > SLOW * self._fastest:
                limit = int(limit * SLOW * self._fastest / typical)
            elif self._is_reached and typical <= _PROMPT * self._fastest:
                limit *= 2
        limit = min(max(limit, LEAST), self._most)
        if limit != self.limit:
            self.limit, self._since = limit, now
        self._begin_round()

    def _begin_round(self) -> None:
        self._latencies: list[float] = []
        self._failures = 0
        self._is_reached = False
