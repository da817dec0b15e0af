"""Makes handles for what a ledger has running, for example after a crash."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from altcraft_async.errors import StartUnknownError
from altcraft_async.models import LedgerEntry
from altcraft_async.starts.ledger_starter import LedgerStarter
from altcraft_async.starts.registry import Handle
from altcraft_async.starts.transitions import start_unknown

__all__ = ["resume"]


async def resume(ledger_starter: LedgerStarter) -> AsyncGenerator[Handle, None]:
    """Iterate over the tasks of one install that are not known to be over.

    Raises:
        StartUnknownError: At the end, for the starts whose outcome is unknown.
        LedgerError: The ledger cannot be used.
        ClientClosedError: The client is closed.
    """
    unknown: list[StartUnknownError] = []
    for entry in sorted(await ledger_starter.entries(), key=_order):
        try:
            handle = await ledger_starter.handle_of(entry)
        except StartUnknownError as error:
            unknown.append(error)
        else:
            if handle is not None:
                yield handle
    if len(unknown) == 1:
        raise unknown[0]
    if unknown:
        raise start_unknown(tuple(error.entries[0] for error in unknown))


def _order(entry: LedgerEntry) -> tuple[bool, float]:
    """Sort tasks first, then intents by the end of their lease."""
    return entry.ref is None, entry.lease_until.timestamp()
