"""Requests a second over everything that a client sends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context

from altcraft_async.errors import AltcraftError, RateLimitedError, TransportError
from altcraft_async.transport.clock import Timer
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.retry import LONGEST_RETRY_AFTER

__all__ = ["RateLimiter", "SharedRateLimiter"]

_Turn = asyncio.Future[AltcraftError | None]  # resolved with why it may not send, where that is so

CALLS_IN_A_ROW = 3
"""Starts and other calls served before one waiting poll gets its turn."""

_SOON = 0.01
"""Seconds before asking again after a stranger has cancelled it, who may be stopping the loop."""


class RateLimiter:
    """Lets requests through as fast as the rate allows, calls of people before polls."""

    def __init__(self, lifecycle: Lifecycle, rate: Rate) -> None:
        """Begin with nobody waiting."""
        self._lifecycle = lifecycle
        self._rate = rate
        self._calls: deque[_Turn] = deque()
        self._polls: deque[_Turn] = deque()
        self._in_a_row = 0
        self._timer: Timer | None = None

    @property
    def is_short(self) -> bool:
        """Say whether requests have to wait now."""
        return bool(self._timer) or self._rate.wait(self._lifecycle.time()) > 0

    def take_now(self) -> bool:
        """Take a place for one request, if one may be sent at once."""
        return self._timer is None and self._rate.take(self._lifecycle.time())

    async def take(self, *, for_poll: bool = False) -> None:
        """Wait until one more request may be sent.

        Raises:
            AltcraftError: The limit that is shared with others failed.
        """
        if self.take_now():
            return
        turn: _Turn = self._lifecycle.enter().create_future()
        (self._polls if for_poll else self._calls).append(turn)
        self._arm(self._lifecycle.time())
        if refused := await turn:
            raise refused

    def heed(self, error: AltcraftError) -> None:
        """Slow down where the server objects; for a 429, not before the moment it asked for."""
        asked = error.retry_after or 0.0
        if isinstance(error, RateLimitedError):
            self._rate.objected(self._lifecycle.time(), min(asked, LONGEST_RETRY_AFTER))
        elif asked:
            self._rate.objected(self._lifecycle.time())

    async def aclose(self) -> None:
        """Let nobody through any more; those who wait are ended by whoever they belong to."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, now: float) -> None:
        if self._timer is None:
            self._timer = self._lifecycle.call_at(now + self._rate.wait(now), self._serve)

    def _serve(self) -> None:
        self._timer = None
        now = self._lifecycle.time()
        while not self._rate.wait(now) and (turn := self._next_turn()):
            turn.set_result(None)
            self._rate.sent(now)
        if self._calls or self._polls:
            self._arm(now)

    def _next_turn(self) -> _Turn | None:
        """Take the next of those who still wait out of the queues."""
        while self._calls or self._polls:
            is_call = bool(self._calls) and not (self._polls and self._in_a_row >= CALLS_IN_A_ROW)
            turn = (self._calls if is_call else self._polls).popleft()
            if not turn.done():
                self._in_a_row = self._in_a_row + 1 if is_call else 0
                return turn
        return None


class SharedRateLimiter(RateLimiter):
    """A rate_limiter that asks a limit shared with others for every place, one at a time.

    So that which of those who wait here goes is decided when one may go, and
    no client has more than one place of the others' in its hands.
    """

    def __init__(
        self, lifecycle: Lifecycle, rate: Rate, limit: Callable[[], Awaitable[object]]
    ) -> None:
        """Ask ``limit`` after the own rate."""
        super().__init__(lifecycle, rate)
        self._limit = limit
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_short(self) -> bool:
        """Say whether requests have to wait now."""
        return self._asking is not None or super().is_short

    def take_now(self) -> bool:
        """Take nothing: a place has to be asked for."""
        return False

    async def aclose(self) -> None:
        """Ask for no more places."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _arm(self, now: float) -> None:  # noqa: ARG002 -- the interface
        if self._asking is None and self._is_wanted():
            # Past any task factory of the user's: an eager one would run it within this call.
            asking = asyncio.Task(self._ask(), loop=self._lifecycle.enter(), context=Context())
            asking.add_done_callback(self._asked)
            self._asking = asking

    def _asked(self, asking: asyncio.Task[None]) -> None:
        self._asking = None
        if self._lifecycle.closed:
            return
        if asking.cancelled():
            self._lifecycle.enter().call_later(_SOON, self._arm, 0.0)
        else:
            self._arm(0.0)  # for who has come since it looked for the last time

    async def _ask(self) -> None:
        """Ask for places while somebody wants one."""
        while self._is_wanted():
            if pause := self._rate.wait(self._lifecycle.time()):
                await self._lifecycle.sleep(pause)
                continue
            refused = await self._refusal()
            now = self._lifecycle.time()
            if refused is None and self._rate.wait(now):
                continue  # the server has objected meanwhile, so the place is left unused
            turn = self._next_turn()
            if turn is None:
                return
            turn.set_result(refused)
            if refused is None:
                self._rate.sent(now)

    async def _refusal(self) -> AltcraftError | None:
        """Wait for a place; return what went wrong."""
        try:
            await self._limit()
        except AltcraftError as error:
            return error
        except Exception as error:  # noqa: BLE001 -- of a function of the user's
            refused = TransportError(f"shared_limit: failed, so nothing was sent: {error!r}")
            refused.__cause__ = error
            return refused
        return None

    def _is_wanted(self) -> bool:
        for waiting in (self._calls, self._polls):
            while waiting and waiting[0].done():
                waiting.popleft()
        return bool(self._calls or self._polls)
