"""Refreshes many targets, a bounded number at once, and reports each exactly once.

A few starters read targets and start them. Each started task gets a waiter,
which puts the outcome into a queue when the task or its wait ends. A slot is held
from the moment a target is read until its outcome is taken from the queue, so
the targets are read only as fast as the caller takes outcomes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar, cast

from altcraft_async.errors import AltcraftError, ClientClosedError
from altcraft_async.models import Completed, Failed, Target, TaskRef
from altcraft_async.models.validation import checked_id, checked_limit
from altcraft_async.observer import logger
from altcraft_async.tasks.as_completed import HandleWaiter, remove_waiters
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["one_by_one", "refresh_many"]

T = TypeVar("T")

STARTERS = 128
"""Targets begun at once, at most; how many of their requests are sent at once, the sender knows."""

_END = object()


def refresh_many(
    targets: Iterable[object] | AsyncIterable[object],
    start: Callable[[object], Awaitable[TaskHandle[T]]],
    *,
    in_flight: int,
    timeout: float | None,
    on_start: Callable[[TaskRef], None] | None = None,
) -> AsyncGenerator[Completed[T] | Failed, None]:
    """Start each target and iterate over the outcomes as they come.

    Args:
        targets: Read one by one, as slots get free.
        start: Starts one target; its ``AltcraftError`` becomes a `Failed`.
        in_flight: Targets between being read and their outcome being taken.
        timeout: Seconds that each target may take after its start.
        on_start: Called with each task that is started. If it raises, the
            iteration ends with that error, after the outcomes of what runs.

    Raises:
        ConfigurationError: An argument is wrong; raised here, not by the iteration.
    """
    in_flight = checked_id("in_flight", in_flight)
    timeout = checked_limit("timeout", timeout)
    stream = _Stream(targets, start, in_flight, timeout, on_start)
    return _outcomes(stream, min(in_flight, STARTERS))


async def _outcomes(
    stream: _Stream[T], starting: int
) -> AsyncGenerator[Completed[T] | Failed, None]:
    starters = [asyncio.create_task(stream.start_targets()) for _ in range(starting)]
    for starter in starters:
        starter.add_done_callback(stream.starter_ended)
    try:
        while (outcome := await stream.outcome()) is not None:
            yield outcome
            stream.free_slot()
    finally:
        for starter in starters:
            starter.cancel()
        await asyncio.gather(*starters, return_exceptions=True)
        await stream.remove_waiters()


class _Stream(Generic[T]):
    """The state of one `refresh_many`: what was read, what runs, what has ended."""

    def __init__(
        self,
        targets: Iterable[object] | AsyncIterable[object],
        start: Callable[[object], Awaitable[TaskHandle[T]]],
        in_flight: int,
        timeout: float | None,
        on_start: Callable[[TaskRef], None] | None,
    ) -> None:
        self._targets = one_by_one(targets)
        self._start = start
        self._timeout = timeout
        self._on_start = on_start
        self._slots = asyncio.Semaphore(in_flight)
        self._reading = asyncio.Lock()
        self._outcomes: asyncio.Queue[Completed[T] | Failed | None] = asyncio.Queue()
        self._running: set[HandleWaiter[T]] = set()
        self._on_end = self._ended  # one bound method for all waiters
        self._unreported = 0
        self._exhausted = False
        self._failure: BaseException | None = None

    async def start_targets(self) -> None:
        """Start targets until there are no more, as one of several starters."""
        while not self._exhausted:
            await self._slots.acquire()
            try:
                target = await self._next()
                if target is not _END:
                    await self._begin(target)
                    await asyncio.sleep(0)  # or targets without a request would stop the loop
            except BaseException as failure:
                if isinstance(failure, asyncio.CancelledError) and _is_cancelled():
                    raise
                # From the caller's own iterable or function, so it is raised to the caller.
                self._failure = failure
                self._exhausted = True
        self._end_if_over()

    async def outcome(self) -> Completed[T] | Failed | None:
        """Return the next outcome; ``None`` at the end."""
        outcome = await self._outcomes.get()
        if outcome is None and self._failure is not None:
            raise self._failure
        return outcome

    def starter_ended(self, starter: asyncio.Task[None]) -> None:
        """End the stream if a starter was cancelled from outside, as by a call that cancels all."""
        if starter.cancelled():
            self._failure = asyncio.CancelledError("a starter of refresh_many was cancelled")
            self._exhausted = True
            self._outcomes.put_nowait(None)

    def free_slot(self) -> None:
        """Let another target be read, now that an outcome was taken."""
        self._slots.release()

    async def remove_waiters(self) -> None:
        """Stop polling; tasks that run go on at the platform."""
        running, self._running = self._running, set()
        if running:
            some = [waiter.handle.ref.task_id for waiter in islice(running, 10)]
            words = "left %d refreshes running at the platform: %s"
            fields = {"altcraft_task_ids": some}
            logger.info(words, len(running), ", ".join(some), extra=fields)
        await remove_waiters(_emptied(running))

    async def _next(self) -> object:
        """Read one target; one reader at a time, as an async generator requires."""
        async with self._reading:
            if self._exhausted:
                return _END
            target = await anext(self._targets, _END)
            if target is _END:
                self._exhausted = True
            else:
                self._unreported += 1
            return target

    async def _begin(self, target: object) -> None:
        handle: TaskHandle[T] | None = None
        try:
            handle = await self._start(target)
            poller = handle.poller
            waiter = HandleWaiter(handle, self._on_end, poller.time(), timeout=self._timeout)
            self._running.add(waiter)
            poller.add_waiter(waiter)
        except AltcraftError as error:
            if isinstance(error, ClientClosedError):
                self._exhausted = True
            ref = None if handle is None else handle.ref
            self._report(Failed(target=target, ref=ref, error=error))
        except BaseException:
            self._unreported -= 1
            raise
        else:
            # Outside the block, so that an `AltcraftError` of the caller's is not reported as ours.
            if self._on_start is not None:
                self._on_start(handle.ref)

    def _ended(self, waiter: HandleWaiter[T], error: AltcraftError | None) -> None:
        """Report a target whose task, or the wait for it, has ended."""
        if waiter not in self._running:  # removed a moment ago
            return
        self._running.remove(waiter)
        handle, ref = waiter.handle, waiter.handle.ref
        failure = handle.exception() if handle.done() else error
        if failure is not None:
            self._report(Failed(target=ref.target, ref=ref, error=failure))
            return
        completed = Completed(
            target=cast("Target", ref.target),  # of a start, so it fits its kind
            ref=ref,
            value=handle.result(),
            polls=handle.polls,
            seconds=handle.poller.time() - waiter.since,
        )
        self._report(completed)

    def _report(self, outcome: Completed[T] | Failed) -> None:
        self._unreported -= 1
        self._outcomes.put_nowait(outcome)
        self._end_if_over()

    def _end_if_over(self) -> None:
        if self._exhausted and self._unreported == 0:
            self._outcomes.put_nowait(None)


def _is_cancelled() -> bool:
    """Say whether the current task itself was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _emptied(running: set[HandleWaiter[T]]) -> Iterator[HandleWaiter[T]]:
    """Take waiters out one by one: freeing all at once would block the event loop for long."""
    while running:
        yield running.pop()


async def one_by_one(
    targets: Iterable[object] | AsyncIterable[object],
) -> AsyncGenerator[object, None]:
    """Iterate over either kind of iterable."""
    if isinstance(targets, AsyncIterable):
        async for target in targets:
            yield target
        return
    for target in targets:
        yield target
