"""Iterates over handles in the order in which their tasks end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Generic, TypeVar

from altcraft_async.errors import AltcraftError
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.waiters import LimitedWaiter

__all__ = ["HandleWaiter", "as_completed", "remove_waiters"]

T = TypeVar("T")

HANDLES_PER_ITERATION = 250
"""Handles added or removed in one iteration of the event loop: some milliseconds."""


class HandleWaiter(LimitedWaiter, Generic[T]):
    """Calls a function with itself when the task of a handle, or the wait for it, ends.

    Attributes:
        handle: The handle.
    """

    __slots__ = ("_on_end", "handle")

    def __init__(
        self,
        handle: TaskHandle[T],
        on_end: Callable[[HandleWaiter[T], AltcraftError | None], None],
        since: float = 0.0,
        *,
        timeout: float | None = None,
    ) -> None:
        """Wait for at most ``timeout`` seconds from ``since``."""
        super().__init__(since, timeout=timeout)
        self.handle = handle
        self._on_end = on_end

    def end(self, error: AltcraftError | None) -> None:
        """Call the function."""
        self._on_end(self, error)


async def as_completed(handles: Iterable[TaskHandle[T]]) -> AsyncGenerator[TaskHandle[T], None]:
    """Iterate over the handles as their tasks end.

    Costs one small object per handle, where ``asyncio.as_completed`` would
    start an ``asyncio.Task`` for each. Each handle comes exactly once, however
    often it is given. If polls failed for too long or the client was closed, the
    handle comes too: its ``done()`` is false, and awaiting it tries again.

    ```python
    from altcraft_async import as_completed

    handles = [await client.resources.refresh_counters(n, database_id=1) for n in (24, 25)]
    async for handle in as_completed(handles):
        report = await handle
    ```
    """
    queue: asyncio.Queue[TaskHandle[T]] = asyncio.Queue()

    def put(waiter: HandleWaiter[T], _error: AltcraftError | None) -> None:
        queue.put_nowait(waiter.handle)

    waiters: dict[TaskHandle[T], HandleWaiter[T]] = {}
    try:
        for handle in handles:
            if handle not in waiters:
                waiters[handle] = waiter = HandleWaiter(handle, put)
                handle.poller.add_waiter(waiter)
                if len(waiters) % HANDLES_PER_ITERATION == 0:
                    await asyncio.sleep(0)
        for number in range(1, len(waiters) + 1):
            yield await queue.get()
            if number % HANDLES_PER_ITERATION == 0:  # for when very many end together
                await asyncio.sleep(0)
    finally:
        await remove_waiters(waiters.values())


async def remove_waiters(waiters: Iterable[HandleWaiter[T]]) -> None:
    """Remove many waiters without blocking the event loop for long."""
    left = iter(waiters)
    try:
        for count, waiter in enumerate(left, start=1):
            waiter.handle.poller.remove_waiter(waiter)
            if count % HANDLES_PER_ITERATION == 0:
                await asyncio.sleep(0)
    finally:
        for waiter in left:  # there are some if this is cancelled
            waiter.handle.poller.remove_waiter(waiter)
