"""The gate that each attempt of a start goes through: the intent is noted, or nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from types import TracebackType

from altcraft_async.errors import LedgerError
from altcraft_async.models import LedgerEntry
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.transitions import is_fresh, surely_not_started, withdrawn
from altcraft_async.starts.write_behind import Recorder

__all__ = ["IntentGate", "OvertakenError"]

MOST_WRITES = 3
"""Times that an intent is written because writing it took too much of its lease."""


class OvertakenError(Exception):
    """The ledger's entry has changed, so this start is to be decided on anew; never leaves here."""


class IntentGate:
    """Lets an attempt pass once its intent is in the ledger.

    Between that and the request there is nothing to wait for but the
    connection, so an intent without a task means that it may have been sent.
    An attempt that surely failed takes its intent back.

    Attributes:
        entry: The newest of this target that is in the ledger.
    """

    def __init__(
        self,
        ledger: TaskLedger,
        recorder: Recorder,
        entry: LedgerEntry | None,
        intend: Callable[[LedgerEntry | None, datetime], LedgerEntry],
    ) -> None:
        """Note nothing yet.

        Args:
            ledger: Where to.
            recorder: Writes what cannot be written at once.
            entry: What the ledger has of the target.
            intend: From that and the time of day to the intent.
        """
        self.entry = entry
        self._ledger = ledger
        self._recorder = recorder
        self._intend = intend

    async def __aenter__(self) -> None:
        """Write the intent.

        Raises:
            OvertakenError: Somebody else was quicker.
            LedgerError: It cannot be written, or not in time; nothing is sent.
        """
        # A lease goes by real time, whatever clock the client was given.
        time = asyncio.get_running_loop().time
        for left in reversed(range(MOST_WRITES)):
            began = time()
            intent = await self._write_intent()
            if is_fresh(intent, now=self._ledger.now(), passed=time() - began):
                return
            if not left:
                self._recorder.withdraw(intent)
        msg = "ledger: takes so long to note a start that another process may take it for lost"
        raise LedgerError(msg)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the intent back if the request surely was not acted on."""
        if error is None or self.entry is None or not surely_not_started(error):
            return
        intent = self.entry
        try:
            if await self._ledger.write(withdrawn(intent), expected=intent.revision):
                self.entry = withdrawn(intent)
        except BaseException as failed:
            self._recorder.withdraw(intent)
            # What the caller is to hear of is why the request failed.
            if not isinstance(failed, Exception):
                raise

    async def _write_intent(self) -> LedgerEntry:
        intent = self._intend(self.entry, self._ledger.now())
        try:
            is_stored = await self._ledger.write(intent, expected=intent.revision - 1)
            # A store that repeats a write may take its own first attempt for another's.
            is_stored = is_stored or await self._ledger.read(intent.key) == intent
        except BaseException:
            # It may be there all the same, and nothing will be sent.
            self._recorder.withdraw(intent)
            raise
        if not is_stored:
            raise OvertakenError
        self.entry = intent
        return intent
