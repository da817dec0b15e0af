"""`TaskHandle`: what a caller has of a started task.

A handle keeps no state. Its poller knows the task, and each wait of the handle adds
a waiter to the poller and removes it at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import Context, copy_context
from typing import Generic, NoReturn, TypeVar, cast

from altcraft_async.errors import AltcraftError, TransportError
from altcraft_async.models import TaskRef, TaskStatus
from altcraft_async.models.representation import at_any_moment
from altcraft_async.models.validation import checked_limit
from altcraft_async.protocol.codecs import Document
from altcraft_async.protocol.endpoints import TASK_STATUS
from altcraft_async.tasks.descriptions import named
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.tasks.poller import TaskPoller
from altcraft_async.tasks.waiters import Callback, CoroutineWaiter

__all__ = ["TaskHandle"]

T = TypeVar("T")


class TaskHandle(Generic[T]):
    """A task that the platform works on, and its result of type ``T`` when it is over.

    Await it any number of times and from any number of asyncio tasks: all of
    them share one series of polls. The task is polled only while the handle is
    awaited, iterated or has a callback. Cancelling one awaiter affects neither
    the others nor the task: the vendor documents no way to cancel a task, so
    there is no ``cancel()``.

    Made by ``refresh_counters`` and ``client.tasks.attach``.

    Attributes:
        poller: Polls the task; used by other modules of this library.
    """

    __slots__ = ("__weakref__", "poller")

    def __init__(
        self,
        ref: TaskRef,
        rules: PollRules,
        decode: Callable[[Document, TaskRef], T],
        *,
        started: float | None = None,
    ) -> None:
        """Remember the task and, if it was started here, the client's time of that."""
        self.poller = TaskPoller(ref, rules, decode, started=started)

    @property
    def ref(self) -> TaskRef:
        """The task itself: store it, send it elsewhere, attach it again."""
        return self.poller.ref

    @property
    def status(self) -> TaskStatus | None:
        """What the newest answered poll brought; ``None`` before the first."""
        return self.poller.status

    @property
    def polls(self) -> int:
        """How many polls were made, failed ones included."""
        return self.poller.polls

    @property
    def eta(self) -> float | None:
        """Seconds left if the progress stays even; ``None`` if unknown."""
        return self.poller.eta

    @at_any_moment
    def __repr__(self) -> str:
        """Show what is known, without a request."""
        status = self.status.status if self.status else "not polled yet"
        return f"<TaskHandle {named(self.ref)}: {status}, polls={self.polls}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: a handle belongs to its client."""
        msg = "a handle is not pickled or copied: send its ref, and attach that to a client there"
        raise TypeError(msg)

    def __await__(self) -> Generator[object, None, T]:
        """Wait for the result as long as it takes; see `wait` for errors and limits."""
        return self.wait().__await__()

    async def wait(self, *, timeout: float | None = None, stall: float | None = None) -> T:  # noqa: ASYNC109 -- asyncio.timeout could not make the last poll
        """Wait for the result.

        The client's ``poll`` policy decides when the task is polled. A result that
        arrives together with the deadline is returned.

        Args:
            timeout: Seconds after which a last poll is made and the wait
                ends, at most one second later. ``None`` waits as long as it takes.
            stall: Seconds without a change of status or progress after which
                the wait ends. Counts only once one of them has changed, because
                a server may show no progress at all. ``None`` never gives up.

        Raises:
            TaskFailedError: The server says that the task failed.
            TaskLostError: The server does not know the task.
            WaitTimeoutError: ``timeout`` ran out; the handle can be awaited again.
            TaskStalledError: ``stall`` ran out; the handle can be awaited again.
            PollingError: Polls kept failing until the wait was given up.
            ProtocolError: The task is completed, but its result is not as documented.
            ApiError: A poll was refused for good, for example for a revoked token.
            ClientClosedError: The client was closed.
        """
        timeout, stall = checked_limit("timeout", timeout), checked_limit("stall", stall)
        if not self.poller.over:
            await self._wait(timeout, stall)
        return self.result()

    async def _wait(self, timeout: float | None, stall: float | None) -> None:  # noqa: ASYNC109 -- as `wait`
        waiter = CoroutineWaiter(self.poller.time(), timeout=timeout, stall=stall)
        self.poller.add_waiter(waiter)
        try:
            await waiter.news()
        finally:
            self.poller.remove_waiter(waiter)
        if waiter.error is not None and not self.poller.over:
            raise waiter.error

    async def updates(self) -> AsyncGenerator[TaskStatus, None]:
        """Iterate over the statuses as they change; ends when the task does.

        A slow reader misses outdated statuses and gets the newest. To know how
        the task ended, await the handle.

        Raises:
            PollingError: Polls kept failing until polling was given up.
            ApiError: A poll was refused for good.
            ClientClosedError: The client was closed.
        """
        waiter = CoroutineWaiter(curious=True)
        if not self.poller.over:
            self.poller.add_waiter(waiter)
        shown: TaskStatus | None = None
        try:
            while True:
                status = self.status
                if status and status != shown:
                    shown = status
                    yield status
                elif self.poller.over:
                    return
                else:
                    await waiter.news()
                    if waiter.error is not None:
                        raise waiter.error
        finally:
            self.poller.remove_waiter(waiter)

    async def poll(self) -> TaskStatus | None:
        """Poll now, once, or share the poll that is under way.

        A poll without an answer is made once more, because the server may just
        have closed the connection that was kept from the poll before.

        Returns:
            The newest status; ``None`` if the task ended without any.

        Raises:
            PlatformUnavailableError: The platform is known not to answer.
            AltcraftError: The poll failed.
        """
        outage = self.poller.rules.client.outage
        failure = await self._poll_once()
        if isinstance(failure, TransportError) and not (failure.permanent or outage.is_open):
            failure = await self._poll_once()
        if failure is not None:
            raise failure.fresh()
        return self.status

    async def _poll_once(self) -> AltcraftError | None:
        if self.poller.over:
            return None
        outage = self.poller.rules.client.outage
        await outage.ready(TASK_STATUS.path, 0.0)
        waiter = CoroutineWaiter(curious=True, once=True)
        with outage.refusing(TASK_STATUS.path, waiter.polled):
            self.poller.add_waiter(waiter)
            self.poller.poll_now()
            try:
                return await waiter.news()
            finally:
                self.poller.remove_waiter(waiter)

    def nudge(self) -> None:
        """Poll now because the task may have changed, as a webhook does.

        Without a waiter nothing is polled, and the next waiter gets a poll at once.

        Raises:
            ConfigurationError: The client belongs to another loop or process.
        """
        self.poller.check_place()
        if not self.poller.over:
            self.poller.poll_again()

    def done(self) -> bool:
        """Return whether the task is known to be over, without a request."""
        return self.poller.over

    def result(self) -> T:
        """Return the result, without a request.

        Raises:
            asyncio.InvalidStateError: The task is not known to be over.
            AltcraftError: It ended without a result.
        """
        error = self.exception()
        if error is not None:
            raise error
        return cast("T", self.poller.value)  # made by this handle's own decoder

    def exception(self) -> AltcraftError | None:
        """Return why the task has no result, ``None`` if it has one, without a request.

        Raises:
            asyncio.InvalidStateError: The task is not known to be over.
        """
        if not self.poller.over:
            msg = f"{named(self.ref)} is not known to be over; await the handle"
            raise asyncio.InvalidStateError(msg)
        # A new one each time: the traceback of one error would grow with each raise.
        return self.poller.error.fresh() if self.poller.error else None

    def add_done_callback(
        self, fn: Callable[[TaskHandle[T]], object], *, context: Context | None = None
    ) -> None:
        """Call ``fn(handle)`` soon after the task is over, and poll until then.

        Unlike a wait, this goes on after any number of failed polls. The function
        is not called if the client is closed first.
        """
        self.poller.add_waiter(Callback(fn, self, context or copy_context()))

    def remove_done_callback(self, fn: Callable[[TaskHandle[T]], object]) -> int:
        """Remove a callback; return how many times it had been added."""
        added = [
            waiter
            for waiter in self.poller.waiters
            if isinstance(waiter, Callback) and waiter.fn == fn
        ]
        if added:
            self.poller.check_place()
        for callback in added:
            self.poller.remove_waiter(callback)
        return len(added)
