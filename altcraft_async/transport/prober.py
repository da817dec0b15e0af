"""Sends probes while the platform does not answer, one at a time.

A `Prober` has one asyncio task while it is needed: after a failed request that
makes the `Breaker` ask for a probe, and as long as anything waits for the
platform. What to conclude from a probe is decided by `breaker`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextvars import Context

from altcraft_async.errors import AltcraftError, RequestTimeoutError
from altcraft_async.transport.breaker import LONGEST_DELAY, Breaker
from altcraft_async.transport.lifecycle import Lifecycle

__all__ = ["SHORTEST_PROBE", "TIMER_SLACK", "Prober"]

SHORTEST_PROBE = 2.0
"""Seconds that a probe may take at least before it counts as failed."""

PROBE_SLOWNESS = 3.0
"""Times the slowest recent answer that a probe may take."""

TIMER_SLACK = 1e-5
"""Seconds by which a timer may come early: a loop runs it up to its clock's resolution early."""


class Prober:
    """Probes until the platform answers.

    Attributes:
        acquire: Waits until the rate limiter lets a probe through.
        probe: Sends one harmless request; ``None`` sends nothing at all.
        is_wanted: Tells whether anything waits for the platform.
        opened: Called with the reason when a failed probe opens the breaker.
    """

    def __init__(self, lifecycle: Lifecycle, breaker: Breaker, random: Callable[[], float]) -> None:
        """Send nothing yet."""
        self.acquire: Callable[[], Awaitable[object]] = _at_once
        self.probe: Callable[[], Awaitable[object]] | None = None
        self.is_wanted: Callable[[], bool] = bool
        self.opened: Callable[[AltcraftError], None] = _ignore
        self._lifecycle = lifecycle
        self._breaker = breaker
        self._random = random
        self._task: asyncio.Task[None] | None = None
        self._failed_at = -math.inf

    @property
    def is_running(self) -> bool:
        """Whether a probe is planned or under way."""
        return self._task is not None

    @property
    def has_just_failed(self) -> bool:
        """Whether a probe has failed so recently that another one would tell nothing new."""
        return self._lifecycle.time() - self._failed_at <= 2 * LONGEST_DELAY

    def start(self) -> None:
        """Probe until the platform answers, unless that is being done."""
        if self._task is None and self.probe is not None and not self._lifecycle.closed:
            # Past any task factory of the user's, in a context that is nobody's.
            task = asyncio.Task(self._run(), loop=self._lifecycle.enter(), context=Context())
            self._task = task
            self._breaker.begin_probing(self._lifecycle.time())
            task.add_done_callback(self._ended)

    async def aclose(self) -> None:
        """Stop probing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None

    async def _run(self) -> None:
        """Probe until the platform answers, or nothing waits for it any more."""
        breaker = self._breaker
        while breaker.failures:
            delay = breaker.probe_at - self._lifecycle.time()
            if delay > TIMER_SLACK:
                await self._lifecycle.sleep(delay)
                continue
            if await self._probe() and breaker.reason is not None:
                self.opened(breaker.reason)
            if breaker.failures:
                self._failed_at = self._lifecycle.time()
            if not self.is_wanted():
                break
        self._task = None  # at once, so that a waiter that comes now starts a new one

    async def _probe(self) -> bool:
        """Send one probe; return whether it opens the breaker."""
        breaker, is_sent = self._breaker, False
        breaker.probe_sent()
        try:
            await self.acquire()  # not part of the time that a probe may take
            is_sent = True
            await self._send()
        except AltcraftError:
            pass  # noted by the sender, or of a limit that is shared with others
        except asyncio.CancelledError:
            is_sent = False  # an end that says nothing
            raise
        finally:
            opens = breaker.probe_ended(self._lifecycle.time(), self._random(), is_sent=is_sent)
        return opens

    async def _send(self) -> None:
        assert self.probe is not None  # noqa: S101 -- narrows; `start` has checked it
        limit = max(SHORTEST_PROBE, PROBE_SLOWNESS * self._breaker.slowest)
        answers = self._breaker.answers
        try:
            async with asyncio.timeout(limit):
                await self.probe()
        except TimeoutError as late:
            if isinstance(late, AltcraftError):
                raise  # noted by the sender
            error = RequestTimeoutError(f"no answer to a probe within {limit:g} s")
            self._breaker.failed(self._lifecycle.time(), error, answers)


async def _at_once() -> None:
    """Wait for no rate limiter."""


def _ignore(reason: AltcraftError) -> None:
    """Tell nobody that the breaker is open."""
