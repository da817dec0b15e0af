"""Starts tasks through a ledger, so that a crash never causes a duplicate start.

`transitions.decide` says what a start does; here is what it awaits on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count
from typing import ParamSpec, TypeVar
from uuid import uuid4

import msgspec

from altcraft_async.errors import AltcraftError, ClientClosedError, NotFoundError
from altcraft_async.models import LedgerEntry, TaskRef
from altcraft_async.observer import about, logger
from altcraft_async.protocol.counter_responses import counters_report
from altcraft_async.starts.intent import EntryChangedError, IntentGate
from altcraft_async.starts.lease import LeaseWait
from altcraft_async.starts.ledger import TaskLedger, entry_key, name_key
from altcraft_async.starts.reconcile import Reconciler
from altcraft_async.starts.registry import Handle, Start, TaskRegistry
from altcraft_async.starts.restore import Restorer
from altcraft_async.starts.transitions import (
    GRACE,
    JoinIfRunning,
    Reconcile,
    Return,
    Send,
    Wait,
    changed,
    decide,
    record_of,
    start_unknown,
)
from altcraft_async.starts.write_behind import BackgroundWriter
from altcraft_async.tasks.descriptions import named
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.transport.sender import Gate

__all__ = ["LedgerStarter"]

T = TypeVar("T")
P = ParamSpec("P")

LONGEST_RECHECK_DELAY = 60.0
"""Seconds at most until a task that the platform does not know is polled again."""

_CLOCK_SLACK = 0.01  # seconds by which a timer may come early


class LedgerStarter:
    """Starts tasks through one ledger, and makes handles for its entries.

    Attributes:
        ledger: The store.
        writer: Writes in the background what could not be written at once.
        restorer: Writes running tasks again where the ledger has lost them.
    """

    def __init__(  # noqa: PLR0913 -- one argument per part, all but one by name
        self,
        ledger: TaskLedger,
        *,
        api_root: str,
        request_timeout: float,
        reconciler: Reconciler | None,
        rules: PollRules,
        registry: TaskRegistry,
    ) -> None:
        """Use the client's parts; the ledger is not read yet.

        Args:
            ledger: The store.
            api_root: Of the install; a part of every key.
            request_timeout: Seconds that one request may take.
            reconciler: Asks the platform whether a start happened; ``None`` for never.
            rules: Of the handles.
            registry: The tasks that the client has running.
        """
        self.ledger = ledger
        self.writer = BackgroundWriter(ledger)
        self.restorer = Restorer(ledger, self.writer)
        self._root = api_root
        self._lease = timedelta(seconds=request_timeout + GRACE)
        self._reconciler = reconciler
        self._rules = rules
        self._registry = registry
        self._owner = uuid4().hex
        self._numbers = count(1)

    async def start(self, start: Start, send: Callable[[Start, Gate], Awaitable[Handle]]) -> Handle:
        """Start a task, or return the one that the ledger has for this start.

        Args:
            start: What to start.
            send: Sends the request through a gate.

        Raises:
            StartUnknownError: An earlier start may have happened.
            AltcraftError: The start failed.
        """
        key = entry_key(self._root, start.kind, start.target)
        while True:
            entry = await self._until_closed(self.ledger.read, key)
            decision, entry = await self._decide(
                entry,
                key,
                start.idempotency_key,
                patience=start.outage_patience,
                timeout=start.timeout,
            )
            match decision:
                case Return(ref, over):
                    handle = self._attach(ref)
                    return handle if over else self._register(handle, start, entry)
                case JoinIfRunning(ref):
                    handle = self._attach(ref)
                    if await self._is_running(handle):
                        await self._keep_name(entry, start.idempotency_key)
                        return self._register(handle, start, entry)
                case Send():
                    pass
            sent = await self._send(start, entry, key, send)
            if sent is not None:
                return sent

    def ended(self, ref: TaskRef) -> None:
        """Write that a task has ended, if the ledger has it."""
        if ref.target is not None:
            key = entry_key(self._root, ref.kind, ref.target)
            self.restorer.remove(key, ref)
            self.writer.ended(key, ref)

    async def aclose(self) -> None:
        """Write what is left, as far as the ledger lets it."""
        await self.restorer.aclose()
        await self.writer.aclose()

    async def handle_of(self, entry: LedgerEntry) -> Handle | None:
        """Return a handle for an entry; ``None`` where no task came of it.

        Raises:
            StartUnknownError: Its start may have happened.
        """
        self._rules.client.lifecycle.enter()
        decision, stored = await self._decide(entry, entry.key, None)
        if isinstance(decision, Send):
            return None
        self._registry.on_end_of(decision.ref, self.ended)
        return self._register(self._attach(decision.ref), entry, stored)

    async def entries(self) -> list[LedgerEntry]:
        """Return the entries of this install that are not over.

        The ledger's iteration is over then, so a caller that leaves early leaves nothing open.
        """
        return await self._until_closed(self._entries)

    async def _entries(self) -> list[LedgerEntry]:
        return [entry async for entry in self.ledger.entries() if self._is_target(entry)]

    def _is_target(self, entry: LedgerEntry) -> bool:
        """Tell whether an entry is of a target of this install, not of a name there."""
        return entry.key == entry_key(self._root, entry.kind, entry.target)

    async def _decide(
        self,
        entry: LedgerEntry | None,
        key: str,
        idempotency_key: str | None,
        *,
        patience: float = 0.0,
        timeout: float | None = None,  # noqa: ASYNC109 -- for `LeaseWait`
    ) -> tuple[Send | Return | JoinIfRunning, LedgerEntry | None]:
        """Return what to do and the entry, once no intent is in the way.

        Args:
            entry: As it was read.
            key: Of the entry.
            idempotency_key: Of the start that follows; ``None`` where none follows.
            patience: Seconds for which it waits out an outage.
            timeout: Seconds for which it waits for a start of another process.
        """
        name = idempotency_key or ""
        lease = LeaseWait(timeout)
        while True:
            record = None
            if name and (entry is None or entry.idempotency_key != name):
                record = await self._until_closed(self.ledger.read, name_key(key, name))
            decision = decide(
                entry,
                idempotency_key=name,
                now=self.ledger.now(),
                record=record,
                waited=lease.seconds_seen(entry, record),
            )
            match decision:
                case Wait():
                    seconds = lease.seconds_to_wait(decision, self.ledger.now())
                    await self._until_closed(asyncio.sleep, seconds)
                case Reconcile(intent):
                    same = (None, intent.idempotency_key)
                    is_new_request = idempotency_key == "" or idempotency_key not in same
                    settled = await self._reconcile(
                        intent, is_new_request=is_new_request, patience=patience
                    )
                    if settled is intent:
                        return Send(), entry
                case _:
                    return decision, entry
            entry = await self._until_closed(self.ledger.read, key)

    async def _reconcile(
        self, intent: LedgerEntry, *, is_new_request: bool, patience: float
    ) -> LedgerEntry:
        """Find out what became of an intent, and write that unless it stays the intent."""
        if self._reconciler is None:
            raise start_unknown((intent,))
        entry = await self._reconciler.reconcile(
            intent, is_new_request=is_new_request, patience=patience
        )
        if entry is not intent:
            if not self._is_target(intent):  # its task is that of the target's own entry
                entry = msgspec.structs.replace(entry, over=True)
            # Where another process was quicker, the ledger has its entry.
            await self._until_closed(self.ledger.write, entry, expected=intent.revision)
        return entry

    async def _keep_name(self, entry: LedgerEntry | None, name: str | None = None) -> None:
        """Keep what the name of an entry came to, or that another name joins its task."""
        if entry is not None and name is not None:
            entry = msgspec.structs.replace(entry, idempotency_key=name)
        stored: LedgerEntry | None = None
        while (record := record_of(entry, stored)) is not None:
            write = partial(self.ledger.write, record, expected=record.revision - 1)
            if await self._until_closed(write):
                return
            stored = await self._until_closed(self.ledger.read, record.key)

    async def _send(
        self,
        start: Start,
        entry: LedgerEntry | None,
        key: str,
        send: Callable[[Start, Gate], Awaitable[Handle]],
    ) -> Handle | None:
        """Send a start; ``None`` where another process has changed the entry before."""
        await self._keep_name(entry)
        reconciler, before = self._reconciler, ""
        if reconciler is not None:
            patience = start.outage_patience
            before = await reconciler.before(start.kind, start.target, patience=patience)
        now = self.ledger.now()
        draft = LedgerEntry(
            key=key,
            kind=start.kind,
            target=start.target,
            revision=0,
            owner=f"{self._owner}-{next(self._numbers)}",
            idempotency_key=start.idempotency_key,
            intended_at=now,
            lease_until=now + self._lease,
            before=before,
        )
        gate = IntentGate(self.ledger, self.writer, entry, draft)
        try:
            handle = await send(start, gate)
        except EntryChangedError:
            return None
        if gate.entry is not None:
            await self._write_task(gate.entry, handle.ref)
        return handle

    async def _write_task(self, intent: LedgerEntry, ref: TaskRef) -> None:
        """Write the task's id; if that fails, the caller gets the handle all the same."""
        is_stored = False
        try:
            task = changed(intent, ref=ref)
            self.restorer.add(task)
            is_stored = await self._until_closed(self.ledger.write, task, expected=intent.revision)
        except ClientClosedError:
            pass  # the writer has some seconds left for it
        except Exception as failed:  # noqa: BLE001 -- a ledger may be the user's code
            words = "%s is not in the ledger yet: %s"
            logger.warning(words, named(ref), failed, extra=about(ref))
        finally:
            if not is_stored:
                self.writer.started(intent, ref)

    def _attach(self, ref: TaskRef) -> Handle:
        known = self._registry.handle_of(ref)
        return known or TaskHandle(ref, self._rules, counters_report)

    def _register(
        self, handle: Handle, target: Start | LedgerEntry, entry: LedgerEntry | None
    ) -> Handle:
        """Let later starts of this client join the task, and keep its entry."""
        if entry is not None and not handle.done():
            self.restorer.add(entry)
        self._registry.add(target.kind, target.target, handle)
        return handle

    async def _is_running(self, handle: Handle) -> bool:
        """Poll the task, as the counters of one that has ended are not new."""
        try:
            await handle.poll()
        except NotFoundError:
            delay = min(self._rules.patience.unknown, LONGEST_RECHECK_DELAY)
            # By the clock that says for how long it has been unknown.
            await self._until_closed(self._rules.client.lifecycle.sleep, delay + _CLOCK_SLACK)
            with suppress(AltcraftError):
                await handle.poll()
        except ClientClosedError:
            raise
        except AltcraftError as failed:
            # It may be running, so another start could be a duplicate.
            words = "%s is joined, though it cannot be polled: %s"
            logger.info(words, named(handle.ref), failed, extra=about(handle.ref))
        return not handle.done()

    async def _until_closed(
        self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await a call, or raise `ClientClosedError` as soon as the client is closed."""
        self._rules.client.lifecycle.enter()
        with self._rules.client.lifecycle.until_closed():
            return await call(*args, **kwargs)
        raise self._rules.client.lifecycle.closed_error()
