"""Refresh many targets, a bounded number at once, each reported exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar

from altcraft_async.errors import AltcraftError, ClientClosedError
from altcraft_async.models import Completed, Failed, TaskRef
from altcraft_async.models.validation import checked_id, checked_limit
from altcraft_async.observer import logger
from altcraft_async.tasks.as_completed import unwatch_all
from altcraft_async.tasks.handle import TaskHandle, poller_of
from altcraft_async.tasks.waiters import Limited

__all__ = ["one_by_one", "refresh_many"]

T = TypeVar("T")

STARTERS = 32
"""Starts sent at once; more would only make each dearer, see `AltcraftClient`."""

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
        timeout: Seconds that each target may take once it is started.
        on_start: Called with each task that is started; what it raises ends the
            iteration, after the outcomes of what runs.

    Raises:
        ConfigurationError: An argument is wrong; raised here, not by the iteration.
    """
    in_flight = checked_id("in_flight", in_flight)
    timeout = checked_limit("timeout", timeout)
    return _outcomes(
        _Stream(targets, start, in_flight, timeout, on_start), min(in_flight, STARTERS)
    )


async def _outcomes(
    stream: _Stream[T], starting: int
) -> AsyncGenerator[Completed[T] | Failed, None]:
    starters = [asyncio.create_task(stream.work()) for _ in range(starting)]
    for starter in starters:
        starter.add_done_callback(stream.lost)
    try:
        while (outcome := await stream.outcome()) is not None:
            yield outcome
            stream.free_slot()
    finally:
        for starter in starters:
            starter.cancel()
        await asyncio.gather(*starters, return_exceptions=True)
        await stream.let_go()


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
        self._running: set[_Reporter[T]] = set()
        self._unreported = 0
        self._exhausted = False
        self._failure: BaseException | None = None

    async def work(self) -> None:
        """Start targets until there are no more, as one of several who do."""
        while not self._exhausted:
            await self._slots.acquire()
            try:
                target = await self._next()
                if target is not _END:
                    await self._begin(target)
            except BaseException as failure:
                if isinstance(failure, asyncio.CancelledError) and _is_cancelled():
                    raise
                # Of the caller's own iterable or function: it goes to the caller.
                self._failure = failure
                self._exhausted = True
        self._end_if_over()

    async def outcome(self) -> Completed[T] | Failed | None:
        """Return the next outcome; ``None`` at the end."""
        outcome = await self._outcomes.get()
        if outcome is None and self._failure is not None:
            raise self._failure
        return outcome

    def lost(self, starter: asyncio.Task[None]) -> None:
        """End the stream if a stranger has cancelled a starter, as who cancels all tasks does."""
        if starter.cancelled():
            self._failure = asyncio.CancelledError("a starter of refresh_many was cancelled")
            self._exhausted = True
            self._outcomes.put_nowait(None)

    def free_slot(self) -> None:
        """Let another target be read, now that an outcome was taken."""
        self._slots.release()

    async def let_go(self) -> None:
        """Watch nothing any more; tasks that run go on at the platform."""
        running, self._running = self._running, set()
        if running:
            some = [one.handle.ref.task_id for one in islice(running, 10)]
            words = "left %d refreshes running at the platform: %s"
            fields = {"altcraft_task_ids": some}
            logger.info(words, len(running), ", ".join(some), extra=fields)
        await unwatch_all((one.handle, one) for one in _emptied(running))

    async def _next(self) -> object:
        """Read one target; one reader at a time, as an async generator wants it."""
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
            reporter = _Reporter(self, handle, self._timeout)
            self._running.add(reporter)
            poller_of(handle).watch(reporter)
        except AltcraftError as error:
            if isinstance(error, ClientClosedError):
                self._exhausted = True
            self._report(
                Failed(target=target, ref=handle.ref if handle is not None else None, error=error)
            )
        except BaseException:
            self._unreported -= 1
            raise
        else:
            # Behind the rest, so that not even an `AltcraftError` of the caller's passes for ours.
            if self._on_start is not None:
                self._on_start(handle.ref)

    def ended(self, reporter: _Reporter[T], error: AltcraftError | None) -> None:
        """Report a target whose task, or the wait for it, has ended."""
        if reporter not in self._running:  # let go a moment ago
            return
        self._running.remove(reporter)
        handle, ref = reporter.handle, reporter.handle.ref
        failure = handle.exception() if handle.done() else error
        if failure is not None:
            self._report(Failed(target=ref.target, ref=ref, error=failure))
            return
        self._report(
            Completed(
                target=ref.target or (),
                ref=ref,
                value=handle.result(),
                polls=handle.polls,
                seconds=reporter.age(),
            )
        )

    def _report(self, outcome: Completed[T] | Failed) -> None:
        self._unreported -= 1
        self._outcomes.put_nowait(outcome)
        self._end_if_over()

    def _end_if_over(self) -> None:
        if self._exhausted and self._unreported == 0:
            self._outcomes.put_nowait(None)


def _is_cancelled() -> bool:
    """Say whether somebody wants this very task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Reporter(Limited, Generic[T]):
    """Watches one target's handle for the stream."""

    __slots__ = ("_stream", "_time", "handle")

    def __init__(self, stream: _Stream[T], handle: TaskHandle[T], timeout: float | None) -> None:
        self._time = poller_of(handle).rules.client.lifecycle.time
        super().__init__(self._time(), timeout=timeout)
        self._stream = stream
        self.handle = handle

    def age(self) -> float:
        """Return for how many seconds it has been waited."""
        return self._time() - self.since

    def end(self, error: AltcraftError | None) -> None:
        self._stream.ended(self, error)


def _emptied(running: set[_Reporter[T]]) -> Iterator[_Reporter[T]]:
    """Iterate so that each is freed in its turn: all at once would stop the loop for long."""
    while running:
        yield running.pop()


async def one_by_one(
    targets: Iterable[object] | AsyncIterable[object],
) -> AsyncGenerator[object, None]:
    """Make one kind of iterator out of both."""
    if isinstance(targets, AsyncIterable):
        async for target in targets:
            yield target
        return
    for target in targets:
        yield target
