"""Handles in the order in which their tasks end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Generic, TypeVar

from altcraft_async.errors import AltcraftError
from altcraft_async.tasks.handle import TaskHandle, poller_of
from altcraft_async.tasks.waiters import Watcher

__all__ = ["as_completed", "unwatch_all"]

T = TypeVar("T")

HANDLES_A_TURN = 1_000
"""Handles let go before the loop gets a turn: below a millisecond."""


class _Herald(Watcher, Generic[T]):
    """Puts a handle into a queue when its task, or the wait for it, ends."""

    __slots__ = ("_queue", "handle")

    def __init__(self, handle: TaskHandle[T], queue: asyncio.Queue[TaskHandle[T]]) -> None:
        self.handle = handle
        self._queue = queue

    def end(self, error: AltcraftError | None) -> None:  # noqa: ARG002 -- the handle tells
        self._queue.put_nowait(self.handle)


async def as_completed(handles: Iterable[TaskHandle[T]]) -> AsyncGenerator[TaskHandle[T], None]:
    """Iterate over the handles as their tasks end.

    Costs one small object a handle, where ``asyncio.as_completed`` would
    start an ``asyncio.Task`` for each. A handle comes exactly once, however
    often it is given. One whose wait ended without the task, because the
    polls failed for too long or the client was closed, comes too: its
    ``done()`` is false, and awaiting it tries again.

    ```python
    from altcraft_async import as_completed

    handles = [await client.resources.refresh_counters(n, database_id=1) for n in (24, 25)]
    async for handle in as_completed(handles):
        report = await handle
    ```
    """
    queue: asyncio.Queue[TaskHandle[T]] = asyncio.Queue()
    heralds = [_Herald(handle, queue) for handle in dict.fromkeys(handles)]
    try:
        for herald in heralds:
            poller_of(herald.handle).watch(herald)
        for number in range(1, len(heralds) + 1):
            yield await queue.get()
            if number % HANDLES_A_TURN == 0:  # where very many end together
                await asyncio.sleep(0)
    finally:
        await unwatch_all((herald.handle, herald) for herald in heralds)


async def unwatch_all(watched: Iterable[tuple[TaskHandle[T], Watcher]]) -> None:
    """Let go of many handles without stopping the loop for long."""
    left = iter(watched)
    try:
        for count, (handle, watcher) in enumerate(left, start=1):
            poller_of(handle).unwatch(watcher)
            if count % HANDLES_A_TURN == 0:
                await asyncio.sleep(0)
    finally:
        for handle, watcher in left:  # of which there are some if this is cancelled
            poller_of(handle).unwatch(watcher)
