"""A simulator for those who have the event loops of this thread for themselves."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from altcraft_async.simulator import Simulator

PATIENCE = 10.0
"""Seconds in which it starts and stops, on a machine that is busy."""


class ThreadedSimulator(Simulator):
    """One that runs in a thread of its own, by ``with`` instead of ``async with``."""

    def __enter__(self) -> Self:
        """Start listening."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
