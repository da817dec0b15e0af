"""Keeps the requests of a client below a rate.

A request that may be sent at once takes its slot with `RateLimiter.try_acquire` and
costs no timer. Others wait in two queues, one for calls and one for polls, and one
timer serves them: when the `Rate` allows a request, the next waiting one is let
through, calls before polls, but one poll after every three calls. Right after an
outage, polls go first, so that what ended meanwhile is known soon. A waiter that was
cancelled is skipped and costs the others no time.

With a limit shared by several clients, one task asks it for one slot at a time,
after the client's own rate. The request that gets the slot is picked once the slot
is granted, so this client never holds more than one slot of the others.

Retries and what a request is are no concern of this module.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context

from altcraft_async.errors import AltcraftError, RateLimitedError, TransportError
from altcraft_async.observer import logger
from altcraft_async.transport.clock import Timer
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.rate import RETURN_SECONDS, Rate
from altcraft_async.transport.retry import LONGEST_RETRY_AFTER

__all__ = ["RateLimiter", "SharedRateLimiter"]

_Slot = asyncio.Future[AltcraftError | None]  # resolved with why the request may not be sent

_Waiting = tuple[_Slot, Callable[[], bool]]

CALLS_IN_A_ROW = 3
"""Starts and other calls let through before one waiting poll."""

NOTABLE_SECONDS = 5.0
"""Seconds without requests that are worth a log record, if the platform asks for more."""

_RESTART_SECONDS = 0.01
"""Before asking again after other code has cancelled it, which may be stopping the loop."""


class RateLimiter:
    """Lets requests through as fast as the rate allows, calls before polls."""

    def __init__(self, lifecycle: Lifecycle, rate: Rate) -> None:
        """Start with empty queues."""
        self._lifecycle = lifecycle
        self._rate = rate
        self._calls: deque[_Waiting] = deque()
        self._polls: deque[_Waiting] = deque()
        self._in_a_row = 0
        self._polls_first_until = 0.0
        self._timer: Timer | None = None

    @property
    def free(self) -> float:
        """How many requests may be sent now: none while others wait, and one below a rate."""
        now = self._lifecycle.time()
        if self._timer or self._rate.wait(now):
            return 0
        return math.inf if self._rate.allowed(now) == math.inf else 1

    def try_acquire(self) -> bool:
        """Take the slot of one request, if one may be sent at once; return whether."""
        return self._timer is None and self._rate.take(self._lifecycle.time())

    async def acquire(
        self,
        *,
        for_poll: bool = False,
        ahead: bool = False,
        unless: Callable[[], bool] = bool,
    ) -> None:
        """Wait until one more request may be sent, ``ahead`` of the calls that wait.

        It also returns, and nothing is counted as sent, if ``unless`` says that the request
        is not to be sent any more when it is its turn.

        Raises:
            AltcraftError: The limit that is shared with others failed.
        """
        if self.try_acquire():
            return
        slot: _Slot = self._lifecycle.enter().create_future()
        queue = self._polls if for_poll else self._calls
        (queue.appendleft if ahead else queue.append)((slot, unless))
        self._arm(self._lifecycle.time())
        if refused := await slot:
            raise refused

    def note_refusal(self, error: AltcraftError, request: Hashable) -> None:
        """Slow down if the server refused a request for its rate.

        After a 429 nothing is sent before the time that the server asked for.
        """
        asked = min(error.retry_after or 0.0, LONGEST_RETRY_AFTER)
        if isinstance(error, RateLimitedError):
            now = self._lifecycle.time()
            before = self._rate.wait(now)
            error.of_target = self._rate.refused(now, request, asked)
            if asked > NOTABLE_SECONDS >= before and self._rate.wait(now) >= asked:
                words = "nothing is sent for %.0f s, as the platform asks for it: %s"
                logger.warning(words, asked, error)
        elif asked:
            self._rate.refused(self._lifecycle.time(), request)

    def note_accepted(self, request: Hashable) -> None:
        """Note that a request was not refused."""
        self._rate.accepted(request)

    def ramp(self) -> None:
        """Begin slowly after an outage, with the polls."""
        now = self._lifecycle.time()
        self._rate.ramp(now)
        self._polls_first_until = now + RETURN_SECONDS

    async def aclose(self) -> None:
        """Let no more requests through; the client's end ends those that wait."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, now: float) -> None:
        if self._timer is None:
            self._timer = self._lifecycle.call_at(now + self._rate.wait(now), self._serve)

    def _serve(self) -> None:
        self._timer = None
        now = self._lifecycle.time()
        while not self._rate.wait(now) and (slot := self._next_slot()):
            slot.set_result(None)
            self._rate.sent(now)
        if self._calls or self._polls:
            self._arm(now)

    def _next_slot(self) -> _Slot | None:
        """Take the next request that still waits out of the queues."""
        most = CALLS_IN_A_ROW if self._lifecycle.time() >= self._polls_first_until else 0
        while self._calls or self._polls:
            is_call = bool(self._calls) and not (self._polls and self._in_a_row >= most)
            slot, unless = (self._calls if is_call else self._polls).popleft()
            if slot.done():
                continue
            if unless():
                slot.set_result(None)
            else:
                self._in_a_row = self._in_a_row + 1 if is_call else 0
                return slot
        return None


class SharedRateLimiter(RateLimiter):
    """Asks a limit shared with other clients for every slot, one at a time."""

    def __init__(
        self, lifecycle: Lifecycle, rate: Rate, limit: Callable[[], Awaitable[object]]
    ) -> None:
        """Ask ``limit`` after the client's own rate."""
        super().__init__(lifecycle, rate)
        self._limit = limit
        self._asking: asyncio.Task[None] | None = None

    @property
    def free(self) -> float:
        """How many requests may be sent once the limit agrees: one, or none while others wait."""
        return 0 if self._asking is not None else min(1, super().free)

    def try_acquire(self) -> bool:
        """Return ``False``: the shared limit has to be asked."""
        return False

    async def aclose(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _arm(self, now: float) -> None:  # noqa: ARG002 -- the interface
        if self._asking is None and self._is_wanted():
            # Not by a task factory of the user's: an eager one would run it within this call.
            asking = asyncio.Task(self._ask(), loop=self._lifecycle.enter(), context=Context())
            asking.add_done_callback(self._asked)
            self._asking = asking

    def _asked(self, asking: asyncio.Task[None]) -> None:
        self._asking = None
        if self._lifecycle.closed:
            return
        if asking.cancelled():
            self._lifecycle.enter().call_later(_RESTART_SECONDS, self._arm, 0.0)
        else:
            self._arm(0.0)  # for a request that was queued after the last check

    async def _ask(self) -> None:
        """Ask for slots while a request waits for one."""
        while self._is_wanted():
            if delay := self._rate.wait(self._lifecycle.time()):
                await self._lifecycle.sleep(delay)
                continue
            if refused := await self._refusal():
                while slot := self._next_slot():  # not one after the other, each as long
                    slot.set_result(refused.fresh())
                return
            now = self._lifecycle.time()
            if self._rate.wait(now):
                continue  # a request was refused meanwhile, so the slot is left unused
            if slot := self._next_slot():
                slot.set_result(None)
                self._rate.sent(now)

    async def _refusal(self) -> AltcraftError | None:
        """Wait for a slot; return what went wrong."""
        try:
            await self._limit()
        except AltcraftError as error:
            return error
        except Exception as error:  # noqa: BLE001 -- from a function of the user's
            refused = TransportError(f"shared_limit: failed, so nothing was sent: {error!r}")
            refused.__cause__ = error
            return refused
        return None

    def _is_wanted(self) -> bool:
        for queue in (self._calls, self._polls):
            while queue and queue[0][0].done():
                queue.popleft()
        return bool(self._calls or self._polls)
