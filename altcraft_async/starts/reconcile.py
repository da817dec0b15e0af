"""Asking the platform what became of a start, by the figures that were counted last."""

from __future__ import annotations

from collections.abc import Mapping

from altcraft_async.errors import AltcraftError, ClientClosedError
from altcraft_async.models import CounterGroup, CountersReport, LedgerEntry, TaskKind
from altcraft_async.models.targets import ids_of
from altcraft_async.observer import logger
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.protocol.task_responses import TellingCounts, last_report
from altcraft_async.starts.transitions import fingerprint, group_of, settled, start_unknown
from altcraft_async.transport.sender import Sender

__all__ = ["Reconciling"]


class Reconciling:
    """Compares the figures from before a start with those after its lease."""

    def __init__(
        self,
        sender: Sender,
        endpoints: Mapping[TaskKind, Endpoint[TellingCounts]],
    ) -> None:
        """Use the client's session and, for each kind of target, this ``get_counters``."""
        self._sender = sender
        self._endpoints = endpoints

    async def before(self, kind: TaskKind, target: tuple[int, ...]) -> str:
        """Return what tells the last count from the next; ``""`` where nobody can say.

        Raises:
            ClientClosedError: The client was closed.
        """
        try:
            group, _ = await self._last_counted(kind, target)
        except ClientClosedError:
            raise
        except AltcraftError as failed:
            # The start itself may go well; only, there is less to tell from later.
            fields = {"altcraft_kind": kind, "altcraft_target": target}
            logger.info("no figures from before a start: %s", failed, extra=fields)
            return ""
        return fingerprint(group)

    async def settle(self, intent: LedgerEntry, *, anew: bool) -> LedgerEntry:
        """Return what the ledger is to say of a start whose lease is over.

        Args:
            intent: Its task is not known.
            anew: Whether it does not matter if it was counted in the meantime.

        Raises:
            StartUnknownError: The figures do not tell, or cannot be had.
            ClientClosedError: The client was closed.
        """
        try:
            group, report = await self._last_counted(intent.kind, intent.target)
        except ClientClosedError:
            raise
        except AltcraftError as failed:
            unknown = start_unknown((intent,), why=failed)
        else:
            entry = settled(intent, group, anew=anew)
            if entry is not None:
                return entry
            unknown = start_unknown((intent,), report=report)
        raise unknown

    async def _last_counted(
        self, kind: TaskKind, target: tuple[int, ...]
    ) -> tuple[CounterGroup | None, CountersReport]:
        ids = ids_of(kind, target)
        database_id = ids.get("database_id")
        counts = await self._sender.send(self._endpoints[kind], ids)
        report = last_report(counts.groups, database_id=database_id, resource_id=ids["resource_id"])
        return group_of(counts.groups, database_id) if counts.tell else None, report
