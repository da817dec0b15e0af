"""Coming back to what a ledger knows of and nobody waits for any more."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from altcraft_async.errors import StartUnknownError
from altcraft_async.models import LedgerEntry
from altcraft_async.starts.durable import Durable
from altcraft_async.starts.registry import Handle
from altcraft_async.starts.transitions import start_unknown

__all__ = ["resume"]


async def resume(durable: Durable) -> AsyncGenerator[Handle, None]:
    """Iterate over the tasks of one install that are not known to be over.

    Raises:
        StartUnknownError: At the end, for the starts of which nobody knows.
        LedgerError: The ledger cannot be used.
        ClientClosedError: The client is closed.
    """
    unknown: list[StartUnknownError] = []
    # The tasks first, then the starts in the order in which they can be told.
    for entry in sorted(await durable.entries(), key=_certainty):
        try:
            handle = await durable.find_again(entry)
        except StartUnknownError as error:
            unknown.append(error)
        else:
            if handle is not None:
                yield handle
    if len(unknown) == 1:
        raise unknown[0]
    if unknown:
        raise start_unknown(tuple(error.entries[0] for error in unknown))


def _certainty(entry: LedgerEntry) -> tuple[bool, float]:
    return entry.ref is None, entry.lease_until.timestamp()
