"""Starting tasks; a second start of the same target joins the first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import Literal
from weakref import WeakValueDictionary

import msgspec

from altcraft_async.core.answers import counters_report
from altcraft_async.core.endpoints import Endpoint
from altcraft_async.errors import AltcraftError, ConfigurationError
from altcraft_async.models import CountersReport, TaskKind, TaskRef
from altcraft_async.polling import PollRules
from altcraft_async.session import Session
from altcraft_async.tasks import TaskHandle, poll_of

__all__ = ["Join", "Start", "Starting"]

Join = Literal["client", "never"]

Handle = TaskHandle[CountersReport]

NEWS_SECONDS = 10.0
"""How long a task that nobody watches is taken to run on before a look makes sure."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What to start.

    Attributes:
        endpoint: The ``refresh_counters`` to call.
        kind: What it counts.
        target: Ids, as a target of ``refresh_many``.
        values: Parameters by their Python names.
    """

    endpoint: Endpoint[str]
    kind: TaskKind
    target: tuple[int, ...]
    values: Mapping[str, object]


class Starting:
    """Starts tasks for one client and remembers which of them run, while somebody holds them."""

    def __init__(self, session: Session, rules: PollRules) -> None:
        """Remember nothing yet."""
        self._session = session
        self._rules = rules
        self._held: WeakValueDictionary[Hashable, Handle] = WeakValueDictionary()
        self._pending: dict[Hashable, _Pending] = {}
        self._sending: set[asyncio.Task[Handle]] = set()

    async def start(self, start: Start, *, join: Join) -> Handle:
        """Start a task, or join the one of the same target that this client has running.

        Raises:
            AltcraftError: The start failed.
        """
        if join not in ("client", "never"):
            msg = f"join: has to be 'client' or 'never', not {join!r}"
            raise ConfigurationError(msg)
        self._rules.lifetime.enter()
        if join == "never":
            return await self._send(start)
        # A call that wants its own feedback cannot share a start that has none.
        key = (start.kind, start.target, start.values.get("feedback"))
        while (handle := self._held.get(key)) is not None:
            if await self._still_runs(handle):
                return handle
            if self._held.get(key) is handle:
                del self._held[key]
        return await self._start_together(key, lambda: self._send(start))

    async def aclose(self) -> None:
        """Wait for starts under way, which a closed client ends at once."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _send(self, start: Start) -> Handle:
        task_id = await self._session.send(start.endpoint, start.values)
        started = asyncio.get_running_loop().time()
        ref = TaskRef(
            task_id=task_id,
            kind=start.kind,
            target=start.target,
            started_at=self._rules.wall_clock(),
        )
        return TaskHandle(ref, self._rules, counters_report, started=started)

    async def _still_runs(self, handle: Handle) -> bool:
        """Say whether a task is worth joining: one that has ended has the figures of then."""
        if not handle.done() and poll_of(handle).news_age() > NEWS_SECONDS:
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
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Pending(send())
            self._sending.add(pending.task)
            pending.task.add_done_callback(self._sending.discard)
        pending.callers += 1
        try:
            handle = await asyncio.shield(pending.task)
            self._held[key] = handle
            return handle
        finally:
            pending.callers -= 1
            if pending.callers == 0:
                pending.task.cancel()
                # At once: whoever comes now must not share what is being cancelled.
                self._pending.pop(key, None)


class _Pending:
    """A start under way and how many wait for it."""

    __slots__ = ("callers", "task")

    def __init__(self, start: Coroutine[object, object, Handle]) -> None:
        self.task = asyncio.get_running_loop().create_task(start)
        self.callers = 0
