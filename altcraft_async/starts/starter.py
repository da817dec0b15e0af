"""Starting tasks; a second start of the same target joins the first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Literal

from altcraft_async.errors import AltcraftError, ConfigurationError
from altcraft_async.models import TaskRef
from altcraft_async.models.validation import checked_choice, checked_seconds
from altcraft_async.protocol.task_responses import counters_report
from altcraft_async.starts.durable import Durable
from altcraft_async.starts.registry import Handle, Start, TaskRegistry
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.poller import PollRules
from altcraft_async.transport.sender import Gate, Sender

__all__ = ["Join", "Starter"]

Join = Literal["client", "never"]

NEWS_SECONDS = 10.0
"""How long a task that nobody watches is taken to run on before a poll makes sure."""


class Starter:
    """Starts tasks for one client."""

    def __init__(
        self, sender: Sender, rules: PollRules, running: TaskRegistry, durable: Durable | None
    ) -> None:
        """Use the client's parts; without a ledger, nothing is durable."""
        self._sender = sender
        self._rules = rules
        self._running = running
        self._durable = durable
        self._pending: dict[Hashable, _Pending] = {}
        self._sending: set[asyncio.Task[Handle]] = set()

    def check(self, join: Join, idempotency_key: str) -> None:
        """Refuse what no start can be asked for.

        Raises:
            ConfigurationError: Of the two, one is wrong or does not go with the client.
        """
        checked_choice("join", join, "client", "never")
        if self._durable is None and idempotency_key:
            msg = "idempotency_key: needs a client with a ledger to keep it in"
            raise ConfigurationError(msg)
        if self._durable is not None and join == "never":
            msg = 'join: "never" may start twice, which the ledger of this client prevents'
            raise ConfigurationError(msg)

    def patience(self, outage_patience: float | None) -> float:
        """Return the seconds for which a run waits out an outage.

        Raises:
            ConfigurationError: It is no number of seconds.
        """
        if outage_patience is None:
            return self._rules.client.outage.patience
        return checked_seconds("outage_patience", outage_patience)

    async def start(self, start: Start, *, join: Join) -> Handle:
        """Start a task, or join the one of the same target that this client has running.

        Raises:
            AltcraftError: The start failed.
        """
        self.check(join, start.idempotency_key)
        self._rules.client.lifecycle.enter()
        if join == "never":
            return await self._send(start)
        while (handle := self._running.find(start)) is not None:
            if await self._still_runs(handle):
                handle.poller.joined()
                return handle
        # By name as well: what was done under one name is no answer to another.
        key = (start.kind, start.target, start.feedback, start.idempotency_key)
        return await self._start_together(key, lambda: self._send(start))

    async def aclose(self) -> None:
        """Wait for starts under way, which a closed client ends at once."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _send(self, start: Start) -> Handle:
        try:
            if self._durable is None:
                return await self._request(start)
            return await self._durable.start(start, self._request)
        except AltcraftError as error:
            if (notifier := self._rules.client.notifier) is not None:
                notifier.notify(notifier.observer.start_failed, start.kind, start.target, error)
            raise

    async def _request(self, start: Start, gate: Gate | None = None) -> Handle:
        task_id = await self._sender.send(
            start.endpoint, start.values, gate=gate, patience=start.outage_patience
        )
        ref = TaskRef(
            task_id=task_id,
            kind=start.kind,
            target=start.target,
            started_at=self._rules.client.lifecycle.now(),
        )
        started = self._rules.client.lifecycle.time()
        handle = TaskHandle(ref, self._rules, counters_report, started=started)
        self._running.add(start.kind, start.target, handle, start.feedback)
        return handle

    async def _still_runs(self, handle: Handle) -> bool:
        """Say whether a task is worth joining: one that has ended has the figures of then."""
        if handle.poller.seconds_unpolled() > NEWS_SECONDS:
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
                handle.poller.joined()
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
