"""How long the event loop was kept from going on."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

__all__ = ["Pauses", "watched_loop"]


class Pauses:
    """The longest iteration of an event loop.

    Attributes:
        worked: Seconds that the loop's own thread computed in it, whatever else the machine does.
        waited: Seconds that passed in it.
    """

    worked = 0.0
    waited = 0.0


@asynccontextmanager
async def watched_loop() -> AsyncGenerator[Pauses, None]:
    """Measure the iterations of the running loop inside the block."""
    pauses = Pauses()

    async def tick() -> None:
        while True:
            worked, waited = time.thread_time(), time.perf_counter()
            await asyncio.sleep(0.001)  # instead of spinning, which takes time from other threads
            pauses.worked = max(pauses.worked, time.thread_time() - worked)
            pauses.waited = max(pauses.waited, time.perf_counter() - waited)

    # What other tests have left in the process is not collected meanwhile: that took 0.1 s once.
    gc.freeze()
    ticking = asyncio.ensure_future(tick())
    await asyncio.sleep(0)
    try:
        yield pauses
    finally:
        gc.unfreeze()
        await asyncio.sleep(0.002)  # so that the last iteration counts
        ticking.cancel()
        await asyncio.wait([ticking])
