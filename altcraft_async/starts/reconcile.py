"""Asks the platform whether a start without an answer happened, by the newest counters.

The counters before a start leave a fingerprint in its intent. Once the lease
is over, `transitions.reconciled` compares it with the counters of then.
"""

from __future__ import annotations

from collections.abc import Mapping

from altcraft_async.errors import AltcraftError, ClientClosedError
from altcraft_async.models import CounterGroup, CountersReport, LedgerEntry, TaskKind
from altcraft_async.models.targets import ids_of
from altcraft_async.observer import logger
from altcraft_async.protocol.counter_responses import LastCounters, last_report
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.starts.transitions import fingerprint, group_of, reconciled, start_unknown
from altcraft_async.transport.sender import Sender

__all__ = ["Reconciler"]


class Reconciler:
    """Compares the counters before a start with those after its lease."""

    def __init__(
        self, sender: Sender, endpoints: Mapping[TaskKind, Endpoint[LastCounters]]
    ) -> None:
        """Use the client's sender and, for each kind of target, this ``get_counters``."""
        self._sender = sender
        self._endpoints = endpoints

    async def before(
        self, kind: TaskKind, target: tuple[int, ...], *, patience: float = 0.0
    ) -> str:
        """Return the fingerprint of the counters before a start; ``""`` where they cannot be read.

        Raises:
            ClientClosedError: The client was closed.
        """
        try:
            group, _ = await self._last_counters(kind, target, patience)
        except ClientClosedError:
            raise
        except AltcraftError as failed:
            # The start may go well; without a fingerprint it can only be found if it runs.
            fields = {"altcraft_kind": kind, "altcraft_target": target}
            logger.info("cannot read the counters before a start: %s", failed, extra=fields)
            return ""
        return fingerprint(group)

    async def reconcile(
        self, intent: LedgerEntry, *, is_new_request: bool, patience: float = 0.0
    ) -> LedgerEntry:
        """Return the entry that follows an intent whose lease is over, or the intent itself.

        Args:
            intent: Its task is not known.
            is_new_request: Whether a start follows that is another request.
            patience: Seconds for which it waits out an outage.

        Raises:
            StartUnknownError: The counters prove nothing, or cannot be read.
            ClientClosedError: The client was closed.
        """
        try:
            group, report = await self._last_counters(intent.kind, intent.target, patience)
        except ClientClosedError:
            raise
        except AltcraftError as failed:
            unknown = start_unknown((intent,), why=failed)
        else:
            entry = reconciled(intent, group, is_new_request=is_new_request)
            if entry is not None:
                return entry
            unknown = start_unknown((intent,), report=report)
        raise unknown

    async def _last_counters(
        self, kind: TaskKind, target: tuple[int, ...], patience: float
    ) -> tuple[CounterGroup | None, CountersReport]:
        ids = ids_of(kind, target)
        counters = await self._sender.send(self._endpoints[kind], ids, patience=patience)
        report = last_report(counters, kind, target)
        database_id = ids.get("database_id")
        group = group_of(counters.groups, database_id) if counters.says_what_runs else None
        return group, report
