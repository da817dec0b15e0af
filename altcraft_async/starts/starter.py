"""Starts the tasks of one client; a second start of the same target joins the first.

A start joins the running task that the registry has of its target. Without
one, it joins a request of the same start that is under way, and only then
sends its own: through the client's ledger, if it has one, or at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Literal

from altcraft_async.errors import (
    AltcraftError,
    ConfigurationError,
    PlatformUnavailableError,
    TransportError,
)
from altcraft_async.models import TaskRef
from altcraft_async.models.validation import checked_choice, checked_seconds
from altcraft_async.protocol.counter_responses import counters_report
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.ledger_starter import LedgerStarter
from altcraft_async.starts.registry import Handle, Start, TaskRegistry
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.transport.sender import Gate, Sender

__all__ = ["JoinMode", "Starter"]

JoinMode = Literal["client", "never"]

NEWS_SECONDS = 10.0
"""Seconds for which a task without waiters counts as running; after that a poll makes sure."""


class Starter:
    """Starts tasks for one client."""

    def __init__(
        self,
        sender: Sender,
        rules: PollRules,
        registry: TaskRegistry,
        *,
        ledger: TaskLedger | None,
        new_ledger_starter: Callable[[TaskLedger], LedgerStarter],
    ) -> None:
        """Use the client's parts.

        Args:
            sender: Sends the requests.
            rules: Of the handles.
            registry: The tasks that the client has running.
            ledger: The client's own; ``None`` starts without one.
            new_ledger_starter: Makes what starts through a ledger.
        """
        self._sender = sender
        self._rules = rules
        self._registry = registry
        self._new_ledger_starter = new_ledger_starter
        self._ledger_starters: list[LedgerStarter] = []
        self._own = None if ledger is None else self.of_ledger(ledger)
        if self._own is not None:
            registry.on_end(self._own.ended)
            registry.on_poll = self._own.restorer.polled
        self._pending: dict[Hashable, _Pending] = {}
        self._sending: set[asyncio.Task[Handle]] = set()

    def of_ledger(self, ledger: TaskLedger) -> LedgerStarter:
        """Return what starts through this ledger, the same one each time."""
        for known in self._ledger_starters:
            if known.ledger is ledger:
                return known
        self._ledger_starters.append(self._new_ledger_starter(ledger))
        return self._ledger_starters[-1]

    def check(self, join: JoinMode, idempotency_key: str) -> None:
        """Check two arguments that every start has.

        Raises:
            ConfigurationError: One of them is wrong, or the client cannot do it.
        """
        checked_choice("join", join, "client", "never")
        if self._own is None and idempotency_key:
            msg = "idempotency_key: needs a client with a ledger to keep it in"
            raise ConfigurationError(msg)
        if self._own is not None and join == "never":
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

    async def start(self, start: Start, *, join: JoinMode) -> Handle:
        """Start a task, or join the one of the same target that this client has running.

        Raises:
            AltcraftError: The start failed.
        """
        self.check(join, start.idempotency_key)
        self._rules.client.lifecycle.enter()
        if join == "never":
            return await self._send(start)
        while (handle := self._registry.find(start)) is not None:
            if await self._is_running(handle):
                handle.poller.joined()
                return handle
        while True:
            pending = self._joinable(start)
            try:
                return await self._share(start, pending)
            except TransportError as failed:
                # If nothing was delivered, another caller's patience may have been over.
                is_final = failed.maybe_delivered or failed.permanent
                own = pending is None or pending.start.outage_patience >= start.outage_patience
                if is_final or own:
                    raise

    async def aclose(self) -> None:
        """Wait for starts under way, which closing ends at once, and for writes into ledgers."""
        await asyncio.gather(*self._sending, return_exceptions=True)
        await asyncio.gather(*(one.aclose() for one in self._ledger_starters))

    async def _send(self, start: Start) -> Handle:
        try:
            if self._own is None:
                return await self._request(start)
            return await self._own.start(start, self._request)
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
        self._registry.add(start.kind, start.target, handle, start.feedback, start.idempotency_key)
        return handle

    async def _is_running(self, handle: Handle) -> bool:
        """Poll a task without recent news, as the counters of one that has ended are not new."""
        if handle.poller.seconds_unpolled() > NEWS_SECONDS:
            try:
                await handle.poll()
            except AltcraftError:
                # It may be running, so another start could be a duplicate.
                return not handle.done()
        return not handle.done()

    def _joinable(self, start: Start) -> _Pending | None:
        """Return the same start under way, if there is one."""
        pending = self._pending.get(_key(start))
        return None if pending is None or pending.task.done() else pending

    async def _share(self, start: Start, pending: _Pending | None) -> Handle:
        """Send one request for all callers that want the same start while it is under way.

        The request is an asyncio task of its own: cancelling one caller leaves
        it to the others, and cancelling the last one cancels it.
        """
        key, joins = _key(start), pending is not None
        if pending is None:
            pending = self._pending[key] = _Pending(start, self._send(start))
            self._sending.add(pending.task)
            pending.task.add_done_callback(self._sending.discard)
        pending.callers += 1
        try:
            handle = await self._wait(pending, start)
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
                # At once, so that no new caller joins a request that is being cancelled.
                if self._pending.get(key) is pending:
                    del self._pending[key]
        raise shared.fresh()

    async def _wait(self, pending: _Pending, start: Start) -> Handle:
        """Wait for a start; one without patience that joins one with it fails in an outage."""
        if start.outage_patience or not pending.start.outage_patience:
            return await asyncio.shield(pending.task)
        refused: asyncio.Future[Handle] = asyncio.get_running_loop().create_future()

        def refuse(error: AltcraftError) -> None:
            error.maybe_delivered = True  # by the caller that this one has joined
            if not refused.done():
                refused.set_exception(error)

        try:
            with self._rules.client.outage.refusing(start.endpoint.path, refuse):
                ended, _ = await asyncio.wait(
                    {pending.task, refused}, return_when=asyncio.FIRST_COMPLETED
                )
        except PlatformUnavailableError as error:
            error.maybe_delivered = True  # as above
            raise
        return (refused if refused in ended else pending.task).result()


class _Pending:
    """A start under way, and how many callers wait for it."""

    __slots__ = ("callers", "start", "task")

    def __init__(self, start: Start, sending: Coroutine[object, object, Handle]) -> None:
        self.start = start
        self.task = asyncio.get_running_loop().create_task(sending)
        self.callers = 0


def _key(start: Start) -> Hashable:
    """Return what two starts that can be one have in common."""
    # With the idempotency key: a start with another one may have another task.
    return start.kind, start.target, start.feedback, start.idempotency_key
