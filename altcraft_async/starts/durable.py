"""Starts that a ledger knows of, so that a process that dies is no reason to start twice.

The intent is written right before the request is sent, and the task's id right
after the answer. What that means to whoever comes next is decided by the
functions in `starts.transitions`; here is what has to be awaited on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import ParamSpec, TypeVar
from uuid import uuid4

import msgspec

from altcraft_async.errors import AltcraftError, ClientClosedError, NotFoundError
from altcraft_async.models import LedgerEntry, TaskRef
from altcraft_async.observer import about, logger
from altcraft_async.protocol.task_responses import counters_report
from altcraft_async.starts.intent import IntentGate, OvertakenError
from altcraft_async.starts.ledger import TaskLedger, entry_key
from altcraft_async.starts.reconcile import Reconciling
from altcraft_async.starts.registry import Handle, Start, TaskRegistry
from altcraft_async.starts.transitions import (
    Join,
    Return,
    Send,
    Settle,
    Wait,
    decide,
    intended,
    start_unknown,
    started,
)
from altcraft_async.starts.write_behind import Recorder
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.poller import PollRules, named
from altcraft_async.transport.sender import Gate

__all__ = ["Durability", "Durable", "Ledgers"]

T = TypeVar("T")
P = ParamSpec("P")

_CLOCK_SLACK = 0.01  # seconds by which a timer may come early

LONGEST_DOUBT = 60.0
"""Seconds at most in which a task that the server does not know has to stay unknown."""


class Durability(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for all ledgers of a client.

    Attributes:
        api_root: Of the install, part of every key.
        request_timeout: Seconds for which one request may be under way.
        reconciling: Asks the platform what became of a start; ``None`` for never.
    """

    api_root: str
    request_timeout: float
    reconciling: Reconciling | None


class Durable:
    """Starts tasks by a ledger, and finds again what was started by it.

    Attributes:
        ledger: The store.
        recorder: Writes into it what cannot be written at once.
    """

    def __init__(
        self,
        ledger: TaskLedger,
        durability: Durability,
        *,
        rules: PollRules,
        running: TaskRegistry,
    ) -> None:
        """Use the client's parts; the ledger is not asked yet."""
        self.ledger = ledger
        self.recorder = Recorder(ledger, durability.api_root)
        self._root = durability.api_root
        self._request_timeout = durability.request_timeout
        self._reconciling = durability.reconciling
        self._rules = rules
        self._running = running
        self._owner = uuid4().hex
        self._numbers = count(1)

    async def start(self, start: Start, send: Callable[[Start, Gate], Awaitable[Handle]]) -> Handle:
        """Start a task, or return that of a start that the ledger knows.

        Args:
            start: What to start.
            send: Sends the request through a gate.

        Raises:
            StartUnknownError: It may have been started, and nobody knows.
            AltcraftError: The start failed.
        """
        key = entry_key(self._root, start.kind, start.target)
        handle: Handle | None = None
        while handle is None:
            entry = await self._ask(self.ledger.read, key)
            handle = await self._go_by(entry, key, start, send)
        return handle

    async def _settle(self, intent: LedgerEntry, *, anew: bool) -> None:
        """Find out what became of a start, and let the ledger know.

        Args:
            intent: Its task is not known, and its lease is over.
            anew: Whether it does not matter if it was counted in the meantime.

        Raises:
            StartUnknownError: Nobody knows.
        """
        if self._reconciling is None:
            raise start_unknown((intent,))
        entry = await self._reconciling.settle(intent, anew=anew)
        # Where somebody else was quicker, the ledger knows as well.
        await self._ask(self.ledger.write, entry, expected=intent.revision)

    async def find_again(self, entry: LedgerEntry) -> Handle | None:
        """Return a handle on what an entry stands for; ``None`` where that surely runs no more.

        Raises:
            StartUnknownError: It is a start, and nobody knows whether it happened.
        """
        self._rules.client.lifecycle.enter()
        found: LedgerEntry | None = entry
        while True:
            match decide(found, idempotency_key="", now=self.ledger.now()):
                case Join(ref) | Return(ref):
                    self._running.tell_of(ref, self.recorder.ended)
                    return self._share(self._attach(ref), entry)
                case Wait(seconds):
                    await self._ask(asyncio.sleep, seconds)
                case Settle(intent):
                    await self._settle(intent, anew=False)
                case Send():
                    return None
            found = await self._ask(self.ledger.read, entry.key)

    async def entries(self) -> list[LedgerEntry]:
        """Return what is not over at the install that the client speaks to.

        All at once, so that whoever goes through it and leaves early leaves nothing open.
        """
        return await self._ask(self._entries)

    async def _entries(self) -> list[LedgerEntry]:
        return [
            entry
            async for entry in self.ledger.entries()
            if entry.key == entry_key(self._root, entry.kind, entry.target)
        ]

    async def _go_by(
        self,
        entry: LedgerEntry | None,
        key: str,
        start: Start,
        send: Callable[[Start, Gate], Awaitable[Handle]],
    ) -> Handle | None:
        """Do what the ledger's entry asks for; ``None`` where it is to be read again then."""
        match decide(entry, idempotency_key=start.idempotency_key, now=self.ledger.now()):
            case Return(ref, over):
                return self._attach(ref) if over else self._share(self._attach(ref), start)
            case Wait(seconds):
                await self._ask(asyncio.sleep, seconds)
                return None
            case Settle(intent):
                named = start.idempotency_key and start.idempotency_key == intent.idempotency_key
                await self._settle(intent, anew=not named)
                return None
            case Join(ref):
                handle = self._attach(ref)
                if await self._still_runs(handle):
                    return self._share(handle, start)
            case Send():
                pass
        return await self._send(start, entry, key, send)

    async def _send(
        self,
        start: Start,
        entry: LedgerEntry | None,
        key: str,
        send: Callable[[Start, Gate], Awaitable[Handle]],
    ) -> Handle | None:
        asking = self._reconciling
        intend = partial(
            intended,
            key=key,
            kind=start.kind,
            target=start.target,
            owner=f"{self._owner}-{next(self._numbers)}",
            idempotency_key=start.idempotency_key,
            before="" if asking is None else await asking.before(start.kind, start.target),
            request_timeout=self._request_timeout,
        )
        gate = IntentGate(self.ledger, self.recorder, entry, intend)
        try:
            handle = await send(start, gate)
        except OvertakenError:
            return None
        if gate.entry is not None:
            await self._note_started(gate.entry, handle.ref)
        return handle

    async def _note_started(self, intent: LedgerEntry, ref: TaskRef) -> None:
        """Write the task's id down; where that fails, the caller gets the handle all the same."""
        is_stored = False
        try:
            task = started(intent, ref)
            is_stored = await self._ask(self.ledger.write, task, expected=intent.revision)
        except ClientClosedError:
            pass  # the recorder has some seconds left for it
        except Exception as failed:  # noqa: BLE001 -- a ledger may be the user's code
            words = "%s is not in the ledger yet: %s"
            logger.warning(words, named(ref), failed, extra=about(ref))
        finally:
            if not is_stored:
                self.recorder.started(intent, ref)

    def _attach(self, ref: TaskRef) -> Handle:
        known = self._running.handle_of(ref)
        return known or TaskHandle(ref, self._rules, counters_report)

    def _share(self, handle: Handle, target: Start | LedgerEntry) -> Handle:
        """Let later starts of this client join the task."""
        self._running.add(target.kind, target.target, handle)
        return handle

    async def _still_runs(self, handle: Handle) -> bool:
        """Poll, as a task that has ended has the figures of then."""
        try:
            await handle.poll()
        except NotFoundError:
            doubt = min(self._rules.patience.unknown, LONGEST_DOUBT)
            # By the clock that says for how long it has been unknown.
            await self._ask(self._rules.client.lifecycle.sleep, doubt + _CLOCK_SLACK)
            with suppress(AltcraftError):
                await handle.poll()
        except ClientClosedError:
            raise
        except AltcraftError as failed:
            # No news is no reason to start it twice.
            words = "%s is joined, though it cannot be polled: %s"
            logger.info(words, named(handle.ref), failed, extra=about(handle.ref))
        return not handle.done()

    async def _ask(self, asked: Callable[P, Awaitable[T]], *args: P.args, **named: P.kwargs) -> T:
        """Wait for something that ends when the client is closed."""
        self._rules.client.lifecycle.enter()
        async with self._rules.client.lifecycle.until_closed():
            return await asked(*args, **named)
        raise self._rules.client.lifecycle.closed_error()


class Ledgers:
    """The ledgers that a client has to do with: its own, and those it resumes from."""

    def __init__(self, durability: Durability, *, rules: PollRules, running: TaskRegistry) -> None:
        """Begin with none."""
        self._make = partial(Durable, durability=durability, rules=rules, running=running)
        self._running = running
        self._durables: list[Durable] = []

    def own(self, ledger: TaskLedger) -> Durable:
        """Return what starts by the client's own ledger, which is told of every end.

        Another one, which may be closed by then, hears of the tasks that came out of it.
        """
        durable = self.durable(ledger)
        self._running.tell(durable.recorder.ended)
        return durable

    def durable(self, ledger: TaskLedger) -> Durable:
        """Return what starts by this ledger, the same one each time."""
        for durable in self._durables:
            if durable.ledger is ledger:
                return durable
        self._durables.append(self._make(ledger))
        return self._durables[-1]

    async def aclose(self) -> None:
        """Write what is left to be written, for a bounded time."""
        await asyncio.gather(*(durable.recorder.aclose() for durable in self._durables))
