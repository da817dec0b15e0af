"""The gate of a start: no request is sent before its intent is in the ledger.

The sender enters the gate right before each attempt of a start, after its
waits for a slot and for the rate limiter, and leaves it with the answer or
the error. So an intent without a task means that the start may have been sent.

Entering writes the intent in place of the entry that the start was decided
by. If another process has changed that entry, `EntryChangedError` ends the
attempt, and the start is decided again. If the write took more than half of
`GRACE`, the intent is written again, as the request has to be over before the
lease is.

Leaving with an error that shows that the platform did not act on the request
withdraws the intent. So a start that waits for a retry has no intent.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from altcraft_async.errors import LedgerError
from altcraft_async.models import LedgerEntry
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.transitions import changed, intent_after, is_fresh, surely_not_started
from altcraft_async.starts.write_behind import BackgroundWriter

__all__ = ["EntryChangedError", "IntentGate"]

MOST_WRITES = 3
"""Times that an intent is written because writing it took too much of its lease."""


class EntryChangedError(Exception):
    """Another process has changed the entry; `LedgerStarter` decides again."""


class IntentGate:
    """Lets an attempt of a start pass once its intent is in the ledger.

    Attributes:
        entry: The newest entry of the target that is known to be stored.
    """

    def __init__(
        self,
        ledger: TaskLedger,
        writer: BackgroundWriter,
        entry: LedgerEntry | None,
        draft: LedgerEntry,
    ) -> None:
        """Write nothing yet.

        Args:
            ledger: The store.
            writer: Writes what cannot be written at once.
            entry: The stored entry of the target; ``None`` where there is none.
            draft: The intent, with a lease of the right length.
        """
        self.entry = entry
        self._ledger = ledger
        self._writer = writer
        self._draft = draft

    async def __aenter__(self) -> None:
        """Write the intent.

        Raises:
            EntryChangedError: Another process was quicker.
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
                self._writer.withdraw(intent)
        msg = "ledger: takes so long to write an intent that its lease may be over before the start"
        raise LedgerError(msg)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Withdraw the intent if the platform surely did not act on the request."""
        if error is None or self.entry is None or not surely_not_started(error):
            return
        intent, withdrawn = self.entry, changed(self.entry, over=True)
        try:
            if await self._ledger.write(withdrawn, expected=intent.revision):
                self.entry = withdrawn
        except BaseException as failed:
            self._writer.withdraw(intent)
            # The caller gets the error of the request, not that of the ledger.
            if not isinstance(failed, Exception):
                raise

    async def _write_intent(self) -> LedgerEntry:
        intent = intent_after(self.entry, self._draft, now=self._ledger.now())
        try:
            is_stored = await self._ledger.write(intent, expected=intent.revision - 1)
            # A store that retries a write may take its own first attempt for another's.
            is_stored = is_stored or await self._ledger.read(intent.key) == intent
        except BaseException:
            # It may be stored all the same, and nothing will be sent.
            self._writer.withdraw(intent)
            raise
        if not is_stored:
            raise EntryChangedError
        self.entry = intent
        return intent
