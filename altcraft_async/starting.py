"""Starting tasks; a second start of the same target joins the first."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import Literal

import msgspec

from altcraft_async.core.answers import counters_report
from altcraft_async.core.checks import checked_choice
from altcraft_async.core.endpoints import Endpoint
from altcraft_async.errors import AltcraftError
from altcraft_async.models import CountersReport, Feedback, TaskKind, TaskRef
from altcraft_async.polling import PollRules
from altcraft_async.session import Session
from altcraft_async.tasks import TaskHandle, poll_of

__all__ = ["Join", "Running", "Start", "Starting"]

Join = Literal["client", "never"]

Handle = TaskHandle[CountersReport]

NEWS_SECONDS = 10.0
"""How long a task that nobody watches is taken to run on before a look makes sure."""

MOST_RUNNING = 10_000
"""Tasks remembered for joining, the newest of them; a handle weighs below a kilobyte."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What to start.

    Attributes:
        endpoint: The ``refresh_counters`` to call.
        kind: What it counts.
        target: Ids, as a target of ``refresh_many``.
        values: Parameters by their Python names.
        feedback: Where the platform shall report.
    """

    endpoint: Endpoint[str]
    kind: TaskKind
    target: tuple[int, ...]
    values: Mapping[str, object]
    feedback: Feedback | None = None


class Running:
    """The tasks that a client has started and does not know to be over, by target."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_target: OrderedDict[Hashable, tuple[Handle, Feedback | None]] = OrderedDict()

    def add(self, start: Start, handle: Handle) -> None:
        """Remember a task that was started."""
        self._by_target[start.kind, start.target] = handle, start.feedback
        self._by_target.move_to_end((start.kind, start.target))
        if len(self._by_target) > MOST_RUNNING:
            self._by_target.popitem(last=False)

    def find(self, start: Start) -> Handle | None:
        """Return the task that this start would repeat.

        One that was started without the feedback that is wanted now is none.
        """
        handle, feedback = self._by_target.get((start.kind, start.target), (None, None))
        return handle if start.feedback in (None, feedback) else None

    def over(self, ref: TaskRef) -> None:
        """Forget a task that is over."""
        handle, _ = self._by_target.get((ref.kind, ref.target), (None, None))
        if handle is not None and handle.ref.task_id == ref.task_id:
            del self._by_target[ref.kind, ref.target]


class Starting:
    """Starts tasks for one client."""

    def __init__(self, session: Session, rules: PollRules, running: Running) -> None:
        """Use the client's parts."""
        self._session = session
        self._rules = rules
        self._running = running
        self._pending: dict[Hashable, _Pending] = {}
        self._sending: set[asyncio.Task[Handle]] = set()

    async def start(self, start: Start, *, join: Join) -> Handle:
        """Start a task, or join the one of the same target that this client has running.

        Raises:
            AltcraftError: The start failed.
        """
        checked_choice("join", join, "client", "never")
        self._rules.lifetime.enter()
        if join == "never":
            return await self._send(start)
        while (handle := self._running.find(start)) is not None:
            if await self._still_runs(handle):
                poll_of(handle).joined()
                return handle
        key = (start.kind, start.target, start.feedback)
        return await self._start_together(key, lambda: self._send(start))

    async def aclose(self) -> None:
        """Wait for starts under way, which a closed client ends at once."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _send(self, start: Start) -> Handle:
        try:
            task_id = await self._session.send(start.endpoint, start.values)
        except AltcraftError as error:
            if (telling := self._rules.telling) is not None:
                telling.tell(telling.observer.not_started, start.kind, start.target, error)
            raise
        ref = TaskRef(
            task_id=task_id,
            kind=start.kind,
            target=start.target,
            started_at=self._rules.wall_clock(),
        )
        started = self._rules.lifetime.time()
        handle = TaskHandle(ref, self._rules, counters_report, started=started)
        self._running.add(start, handle)
        return handle

    async def _still_runs(self, handle: Handle) -> bool:
        """Say whether a task is worth joining: one that has ended has the figures of then."""
        if poll_of(handle).news_age() > NEWS_SECONDS:
            try:
                await handle.poll()
            except AltcraftError:
                # No news is no reason to start it twice.
                return not handle.done()
        return not handle.done()

    async def _start_together(
        self, key: Hashable, send: Callable[[], Coroutine[object, object, Handle]]
    ) -> Handle:
        """Share one request among those who want the same start while it is under way.

        The request is a task of its own, so that cancelling one caller does
        not take it from the others; the last one takes it along.
        """
        joins = pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Pending(send())
            self._sending.add(pending.task)
            pending.task.add_done_callback(self._sending.discard)
        pending.callers += 1
        try:
            handle = await asyncio.shield(pending.task)
        except AltcraftError as failure:
            shared = failure
        else:
            if joins:
                poll_of(handle).joined()
            return handle
        finally:
            pending.callers -= 1
            if pending.callers == 0:
                pending.task.cancel()
                # At once: whoever comes now must not share what is being cancelled.
                self._pending.pop(key, None)
        raise shared.fresh()


class _Pending:
    """A start under way and how many wait for it."""

    __slots__ = ("callers", "task")

    def __init__(self, start: Coroutine[object, object, Handle]) -> None:
        self.task = asyncio.get_running_loop().create_task(start)
        self.callers = 0
