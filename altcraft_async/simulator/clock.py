"""Time that passes only when nobody has anything to do, so that a day takes milliseconds."""

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

QUIET_TURNS = 50
"""Turns of an event loop without news after which everybody is taken to wait.

Each coroutine between what has happened and who hears of it takes one or two."""

RECHECK_SECONDS = 0.001
"""Real seconds after which one loop polls again whether another is quiet."""

A_MOMENT = 0.011
"""Seconds that pass even if the clock is held: a client does what it is to do now within 0.01 s."""

Ts = TypeVarTuple("Ts")


class PretendClock:
    """A clock for a simulator and its clients, that jumps to the next moment something is due.

    While a request is under way, or code of yours runs, it stands still. When
    all event loops that wait for it have nothing else to do, it shows the next
    time that one of them waits for. So things happen in order, at the second
    they would really happen, and nobody waits. What it does not see is real:
    ``asyncio.sleep`` and ``asyncio.timeout`` in your own code, a request and
    its time limit, a `Fault.stall`.

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

    One clock may be used from several threads and event loops.

    Attributes:
        busy: To be entered while a request is under way: so long it stands still.
    """

    def __init__(self) -> None:
        """Show 0 seconds."""
        self.busy = _Requests(self._count)
        self._lock = threading.RLock()
        self._now = 0.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = count()
        self._news = 0
        self._loops: set[asyncio.AbstractEventLoop] = set()
        self._settling: set[asyncio.AbstractEventLoop] = set()
        self._quiet_since: dict[asyncio.AbstractEventLoop, int] = {}
        self._requests: Counter[asyncio.AbstractEventLoop] = Counter()
        self._holds = 0
        self._allowed: list[float] = []

    def time(self) -> float:
        """Return the seconds that it shows."""
        return self._now

    def now(self) -> datetime:
        """Return the time of day at the pretend platform."""
        return instant(self._now)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> _Timer:
        """Call a function in the running event loop when it shows this time, or a later one."""
        loop = asyncio.get_running_loop()
        timer = _Timer(loop, partial(callback, *args), context or copy_context())
        with self._lock:
            heapq.heappush(self._timers, (when, next(self._numbers), timer))
            self._loops.add(loop)
            self._stir()
        return timer

    async def advance(self, seconds: float) -> None:
        """Wait until so many seconds have passed, and what was due in them has happened.

        The only way for time to pass while it is held. From sync code, while
        other threads run the event loops: ``asyncio.run(clock.advance(60))``.

        Raises:
            ValueError: Time does not go back, nor on for ever.
        """
        if not 0 <= seconds < math.inf:
            msg = f"seconds has to be a number from 0 on, not {seconds}"
            raise ValueError(msg)
        over = asyncio.Event()
        until = self._now + seconds
        with self._lock:
            self._allowed.append(until)
            timer = self.call_at(until, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()
            self._allowed.remove(until)

    @contextmanager
    def hold(self) -> Generator[None, None, None]:
        """Let time pass only by `advance` within the body.

        What is to be done at once, such as ``handle.poll()``, is done all the
        same: it takes a client up to a hundredth of a second of the clock's.
        """
        with self._lock:
            self._holds += 1
        try:
            yield
        finally:
            with self._lock:
                self._holds -= 1
                self._stir()

    def _count(self, change: int) -> None:
        """Note that a request has begun, or is over."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._requests[loop] += change
            self._loops.add(loop)
            self._stir()

    def _stir(self) -> None:
        """Note that there is news, and have every loop see when it is quiet again; locked.

        Each does, since the one that the news is of may end before it has seen to it.
        """
        self._news += 1
        self._loops = {loop for loop in self._loops if not loop.is_closed()}
        for loop in self._loops - self._settling:
            with suppress(RuntimeError):  # it was closed in this very moment
                loop.call_soon_threadsafe(self._settle, loop, self._news, QUIET_TURNS)
                self._settling.add(loop)

    def _settle(self, loop: asyncio.AbstractEventLoop, news: int, turns: int) -> None:
        """Let turns of the loop go by without news, then let time pass."""
        with self._lock:
            if news != self._news:
                news, turns = self._news, QUIET_TURNS
            if turns:
                loop.call_soon(self._settle, loop, news, turns - 1)
                return
            self._quiet_since[loop] = news
            if self._others_are_busy(loop):
                loop.call_later(RECHECK_SECONDS, self._settle, loop, news, 0)
                return
            self._settling.discard(loop)
            if not self._requests[loop]:
                self._jump()

    def _others_are_busy(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Say whether another loop that runs has requests under way, or is not quiet yet."""
        return any(
            other.is_running()
            and (self._requests[other] or self._quiet_since.get(other) != self._news)
            for other in self._loops - {loop}
        )

    def _jump(self) -> None:
        """Show the next time that somebody waits for, if time may pass so far."""
        latest = max(self._allowed, default=self._now + A_MOMENT) if self._holds else math.inf
        while self._timers and self._timers[0][0] <= latest:
            when, _, timer = heapq.heappop(self._timers)
            if timer.is_live:
                self._now = max(self._now, when)
                with suppress(RuntimeError):  # as above
                    timer.loop.call_soon_threadsafe(timer.ring, context=timer.context)
                self._stir()
                return


class _Requests:
    """Counts the requests that are under way."""

    def __init__(self, count_in: Callable[[int], None]) -> None:
        self._count_in = count_in

    def __enter__(self) -> None:
        self._count_in(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._count_in(-1)


class _Timer:
    """A call that somebody waits for, in the loop that wants it."""

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
        """Do not make it, not even if its time has just come."""
        self._call = None

    def ring(self) -> None:
        """Make it."""
        if self._call is not None:
            self._call()
