"""Requests a second over everything that a client sends."""

from __future__ import annotations

import asyncio
from collections import deque

from altcraft_async.clock import Timer
from altcraft_async.core.rate import Rate
from altcraft_async.core.repeating import LONGEST_RETRY_AFTER
from altcraft_async.errors import AltcraftError, RateLimitedError
from altcraft_async.lifetime import Lifetime

__all__ = ["Budget"]

CALLS_IN_A_ROW = 3
"""Starts and other calls served before one waiting look gets its turn."""


class Budget:
    """Lets requests through as fast as the rate allows, calls of people before looks."""

    def __init__(self, lifetime: Lifetime, rate: Rate) -> None:
        """Begin with nobody waiting."""
        self._lifetime = lifetime
        self._rate = rate
        self._calls: deque[asyncio.Future[None]] = deque()
        self._looks: deque[asyncio.Future[None]] = deque()
        self._in_a_row = 0
        self._timer: Timer | None = None

    @property
    def is_short(self) -> bool:
        """Say whether requests have to wait now."""
        return bool(self._timer) or self._rate.wait(self._lifetime.time()) > 0

    def take_now(self) -> bool:
        """Take a place for one request, if one may be sent at once."""
        return self._timer is None and self._rate.take(self._lifetime.time())

    async def take(self, *, for_look: bool = False) -> None:
        """Wait until one more request may be sent."""
        if self.take_now():
            return
        turn: asyncio.Future[None] = self._lifetime.enter().create_future()
        (self._looks if for_look else self._calls).append(turn)
        self._arm(self._lifetime.time())
        await turn

    def heed(self, error: AltcraftError) -> None:
        """Slow down where the server objects; for a 429, not before the moment it asked for."""
        asked: float = getattr(error, "retry_after", None) or 0.0
        if isinstance(error, RateLimitedError):
            self._rate.objected(self._lifetime.time(), min(asked, LONGEST_RETRY_AFTER))
        elif asked:
            self._rate.objected(self._lifetime.time())

    def close(self) -> None:
        """Let nobody through any more; those who wait are ended by whoever they belong to."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, now: float) -> None:
        if self._timer is None:
            self._timer = self._lifetime.call_at(now + self._rate.wait(now), self._serve)

    def _serve(self) -> None:
        self._timer = None
        now = self._lifetime.time()
        while not self._rate.wait(now) and (turn := self._next_turn()):
            turn.set_result(None)
            self._rate.sent(now)
        if self._calls or self._looks:
            self._arm(now)

    def _next_turn(self) -> asyncio.Future[None] | None:
        """Take the next of those who still wait out of the queues."""
        while self._calls or self._looks:
            is_call = bool(self._calls) and not (self._looks and self._in_a_row >= CALLS_IN_A_ROW)
            turn = (self._calls if is_call else self._looks).popleft()
            if not turn.done():
                self._in_a_row = self._in_a_row + 1 if is_call else 0
                return turn
        return None
