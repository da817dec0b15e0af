"""Sends probes while the platform does not answer.

A `Prober` has one asyncio task while it is needed: after a failed request that
makes the `Breaker` ask for a probe, and as long as anything waits for the
platform. What to conclude from a probe is decided by `breaker`.

A probe without an answer within seconds counts as failed, and the next one follows.
The late one is left under way, as a platform that comes back slowly may answer it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context

from altcraft_async.errors import AltcraftError, RequestTimeoutError
from altcraft_async.transport.breaker import LONGEST_DELAY, Breaker
from altcraft_async.transport.clock import TIMER_SLACK
from altcraft_async.transport.lifecycle import Lifecycle

__all__ = ["SHORTEST_PROBE", "Prober"]

SHORTEST_PROBE = 2.0
"""Seconds after which a probe may count as failed."""

PROBE_SLOWNESS = 3.0
"""Times the slowest recent answer after which a request is taken to hang."""

_RESTART_SECONDS = 0.01
"""Before probing again after other code has cancelled it, which may be stopping the loop."""


class Prober:
    """Probes until the platform answers.

    Attributes:
        acquire: Waits until the rate limiter lets a probe through.
        probe: Sends one harmless request; ``None`` sends nothing at all.
        is_wanted: Tells whether anything waits for the platform.
        opened: Called with the reason when a failed probe opens the breaker.
        failed: Called after each failed probe.
    """

    def __init__(self, lifecycle: Lifecycle, breaker: Breaker, random: Callable[[], float]) -> None:
        """Send nothing yet."""
        self.acquire: Callable[[], Awaitable[object]] = _at_once
        self.probe: Callable[[], Coroutine[object, object, object]] | None = None
        self.is_wanted: Callable[[], bool] = bool
        self.opened: Callable[[AltcraftError], None] = _ignore
        self.failed: Callable[[], object] = bool
        self._lifecycle = lifecycle
        self._breaker = breaker
        self._random = random
        self._task: asyncio.Task[None] | None = None
        self._probes: set[asyncio.Task[object]] = set()
        self._failed_at = -math.inf

    @property
    def is_running(self) -> bool:
        """Whether a probe is planned or under way."""
        return self._task is not None

    @property
    def has_just_failed(self) -> bool:
        """Whether a probe has failed so recently that another one would tell nothing new."""
        return self._lifecycle.time() - self._failed_at <= 2 * LONGEST_DELAY

    @property
    def hung_after(self) -> float:
        """Seconds without an answer after which a request is taken to hang."""
        return max(SHORTEST_PROBE, PROBE_SLOWNESS * self._breaker.slowest)

    def has_failed_since(self, time: float) -> bool:
        """Tell whether a probe has failed since then."""
        return self._failed_at >= time

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
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, *self._probes, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._task is not task:
            return
        self._task = None
        if task.cancelled() and not self._lifecycle.closed:  # by other code
            loop = self._lifecycle.enter()
            loop.call_later(_RESTART_SECONDS, self._restart, context=Context())

    def _restart(self) -> None:
        if self._breaker.failures and self.is_wanted():
            self.start()

    async def _run(self) -> None:
        """Probe until the platform answers, or nothing waits for it any more."""
        breaker = self._breaker
        try:
            while breaker.failures:
                delay = breaker.probe_at - self._lifecycle.time()
                if delay > TIMER_SLACK:
                    await self._lifecycle.sleep(delay)
                    continue
                if await self._probe() and breaker.reason is not None:
                    self.opened(breaker.reason)
                if breaker.failures:
                    self._failed_at = self._lifecycle.time()
                    self.failed()
                if not self.is_wanted():
                    break
        finally:
            for late in self._probes:
                late.cancel()
        self._task = None  # at once, so that a waiter that comes now starts a new one

    async def _probe(self) -> bool:
        """Send one probe; return whether it opens the breaker."""
        breaker, is_sent, sent_at = self._breaker, False, self._lifecycle.time()
        try:
            await self.acquire()  # not part of the time that a probe may take
            sent_at = self._lifecycle.time()
            is_sent = await self._send(sent_at)
        except AltcraftError:
            pass  # of a limit that is shared with others
        finally:
            opens = breaker.probe_ended(sent_at, self._random(), is_sent=is_sent)
        return opens

    async def _send(self, sent_at: float) -> bool:
        """Wait for the outcome of a probe, which the sender notes; return whether it has one."""
        assert self.probe is not None  # noqa: S101 -- narrows; `start` has checked it
        breaker = self._breaker
        answers, limit = breaker.answers, LONGEST_DELAY if breaker.is_open else self.hung_after
        probe = asyncio.Task(self.probe(), loop=self._lifecycle.enter(), context=Context())
        self._probes.add(probe)
        probe.add_done_callback(self._probe_ended)
        await asyncio.wait({probe}, timeout=limit)
        if not probe.done() and answers == breaker.answers:
            error = RequestTimeoutError(f"no answer to a probe within {limit:g} s")
            breaker.silent(self._lifecycle.time(), sent_at, breaker.failures + 1, error)
        return not probe.cancelled()

    def _probe_ended(self, probe: asyncio.Task[object]) -> None:
        self._probes.discard(probe)
        if not probe.cancelled():
            probe.exception()  # the sender has noted it


async def _at_once() -> None:
    """Wait for no rate limiter."""


def _ignore(reason: AltcraftError) -> None:
    """Tell nobody that the breaker is open."""
