"""A clock that jumps to the next due timer once no event loop has work left.

The event loops of a clock are those that have set a timer or sent a request. Each change
(a timer, a request, the end of a hold) makes every loop count `QUIET_ITERATIONS` iterations
without a further change; the loop is quiet then. The first loop that is quiet while all
others are quiet too, with no request under way, moves the clock to the next timer.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import Context, copy_context
from datetime import datetime
from functools import partial
from itertools import count
from types import TracebackType
from typing import TypeVarTuple, Unpack

from altcraft_async.simulator.timestamps import instant

QUIET_ITERATIONS = 50
"""Loop iterations without a change after which a loop is quiet.

Each coroutine between an event and its last consumer takes one or two."""

RECHECK_SECONDS = 0.001
"""Real seconds after which a quiet loop checks again whether the others are quiet."""

HELD_SECONDS = 0.011
"""Seconds that may pass while the clock is held: a client's rate limiter schedules immediate work
up to 0.01 s ahead."""

Ts = TypeVarTuple("Ts")


class PretendClock:
    """A clock for a simulator and its clients that jumps to the next due timer.

    The clock stands still while a request is under way or your code runs. When all event
    loops that use it are idle, it jumps to the next time that any of them waits for. Events
    happen in order and at their exact times, and no real time is spent waiting. Real time
    still applies to ``asyncio.sleep`` and ``asyncio.timeout`` in your own code, to requests
    and their time limits, and to `Fault.stall`.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.simulator import PretendClock, Simulator

    clock = PretendClock()
    async with (
        Simulator(duration=86_400, clock=clock.time) as slow,
        AltcraftClient(slow.url, slow.token, clock=clock) as patient,
    ):
        await patient.resources.refresh(24, database_id=1)  # a day, in milliseconds
        print(f"{clock.time() / 3600:.0f} hours")
    ```

    ```text
    24 hours
    ```

    Several threads and event loops can share a clock.

    Attributes:
        busy: Entered while a request is under way; the clock stands still then.
    """

    def __init__(self) -> None:
        """Show 0 seconds."""
        self.busy = _Requests(self._count_request)
        self._lock = threading.RLock()
        self._now = 0.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._timer_numbers = count()
        self._changes = 0
        self._loops: set[asyncio.AbstractEventLoop] = set()
        self._settling: set[asyncio.AbstractEventLoop] = set()
        # The number of changes at which each loop was last quiet.
        self._quiet_at: dict[asyncio.AbstractEventLoop, int] = {}
        self._requests: Counter[asyncio.AbstractEventLoop] = Counter()
        self._holds = 0
        self._advances: list[float] = []

    def time(self) -> float:
        """Return the seconds that the clock shows."""
        return self._now

    def now(self) -> datetime:
        """Return the date at the pretend platform."""
        return instant(self._now)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> _Timer:
        """Call a function in the running event loop when the clock reaches a time."""
        loop = asyncio.get_running_loop()
        timer = _Timer(loop, partial(callback, *args), context or copy_context())
        with self._lock:
            heapq.heappush(self._timers, (when, next(self._timer_numbers), timer))
            self._loops.add(loop)
            self._note_change()
        return timer

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass, and return when everything due in them has happened.

        While the clock is held, time passes only this way. From sync code, with the event
        loops in other threads: ``asyncio.run(clock.advance(60))``.

        Raises:
            ValueError: The number is negative or infinite.
        """
        if not 0 <= seconds < math.inf:
            msg = f"seconds has to be at least 0 and finite, not {seconds}"
            raise ValueError(msg)
        reached = asyncio.Event()
        until = self._now + seconds
        with self._lock:
            self._advances.append(until)
            timer = self.call_at(until, reached.set)
        try:
            await reached.wait()
        finally:
            timer.cancel()
            self._advances.remove(until)

    @contextmanager
    def hold(self) -> Generator[None, None, None]:
        """Let time pass only by `advance` within the body.

        Immediate work, such as ``handle.poll()``, is still done, and may take a hundredth
        of a second of the clock.
        """
        with self._lock:
            self._holds += 1
        try:
            yield
        finally:
            with self._lock:
                self._holds -= 1
                self._note_change()

    def _count_request(self, change: int) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            self._requests[loop] += change
            self._loops.add(loop)
            self._note_change()

    def _note_change(self) -> None:
        """Make every loop settle again; the lock is held.

        Every loop, because the one that has changed may be closed before it settles.
        """
        self._changes += 1
        self._loops = {loop for loop in self._loops if not loop.is_closed()}
        for loop in self._loops - self._settling:
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._settle, loop, self._changes, QUIET_ITERATIONS)
                self._settling.add(loop)

    def _settle(self, loop: asyncio.AbstractEventLoop, changes: int, iterations: int) -> None:
        """Run once in every iteration of the loop until it is quiet, then let time pass."""
        with self._lock:
            if changes != self._changes:
                changes, iterations = self._changes, QUIET_ITERATIONS
            if iterations:
                loop.call_soon(self._settle, loop, changes, iterations - 1)
                return
            self._quiet_at[loop] = changes
            if self._is_other_loop_busy(loop):
                loop.call_later(RECHECK_SECONDS, self._settle, loop, changes, 0)
                return
            self._settling.discard(loop)
            if not self._requests[loop]:
                self._jump()

    def _is_other_loop_busy(self, loop: asyncio.AbstractEventLoop) -> bool:
        return any(
            other.is_running()
            and (self._requests[other] or self._quiet_at.get(other) != self._changes)
            for other in self._loops - {loop}
        )

    def _jump(self) -> None:
        """Move to the next live timer and run it, unless a hold forbids it."""
        latest = max(self._advances, default=self._now + HELD_SECONDS) if self._holds else math.inf
        while self._timers and self._timers[0][0] <= latest:
            when, _, timer = heapq.heappop(self._timers)
            if timer.is_live:
                self._now = max(self._now, when)
                with suppress(RuntimeError):  # the loop has just been closed
                    timer.loop.call_soon_threadsafe(timer.run, context=timer.context)
                self._note_change()
                return


class _Requests:
    """Counts the requests under way."""

    def __init__(self, add: Callable[[int], None]) -> None:
        self._add = add

    def __enter__(self) -> None:
        self._add(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._add(-1)


class _Timer:
    """A scheduled call in the loop that requested it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, call: Callable[[], object], context: Context
    ) -> None:
        self.loop = loop
        self.context = context
        self._call: Callable[[], object] | None = call

    @property
    def is_live(self) -> bool:
        """Whether the call can still be made."""
        return self._call is not None and not self.loop.is_closed()

    def cancel(self) -> None:
        """Do not make the call, even if it is already queued in the loop."""
        self._call = None

    def run(self) -> None:
        """Make the call unless it is cancelled."""
        if self._call is not None:
            self._call()
