"""Calls that wait until something has changed, or until their time is over."""

from __future__ import annotations

import asyncio

from altcraft_async.transport.lifecycle import Lifecycle

__all__ = ["WaitingCalls"]


class WaitingCalls:
    """Lets calls wait, and wakes the first or all of them."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        """Begin without any."""
        self._lifecycle = lifecycle
        self._futures: dict[asyncio.Future[None], None] = {}  # in the order in which they came

    def __bool__(self) -> bool:
        """Whether any call waits."""
        return bool(self._futures)

    async def wait(self, seconds: float) -> None:
        """Wait until woken, for so long at most."""
        waiting: asyncio.Future[None] = self._lifecycle.enter().create_future()
        until = self._lifecycle.time() + max(0.0, seconds)
        timer = self._lifecycle.call_at(until, _resolve, waiting)
        self._futures[waiting] = None
        try:
            await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled():  # it was woken before, so the next one is
                self.wake_first()
            raise
        finally:
            timer.cancel()
            self._futures.pop(waiting, None)

    def wake_first(self) -> None:
        """Let the call go on that has waited longest."""
        for waiting in self._futures:
            if not waiting.done():
                waiting.set_result(None)
                return

    def wake(self) -> None:
        """Let all go on."""
        for waiting in self._futures:
            _resolve(waiting)


def _resolve(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
