"""A process that starts one refresh with a SQLite ledger, and dies where it is told to.

Run as ``python -m tests.support.crashing_process URL TOKEN FILE POINT``; it prints the id of
the task, or the name of the error.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Literal, get_args

from altcraft_async import AltcraftClient, AltcraftError, Constant, LedgerEntry, SQLiteLedger

Point = Literal["before intent", "after intent", "before id", "after id", "after end", "nowhere"]
POINTS: tuple[Point, ...] = get_args(Point)

REQUEST_SECONDS = 0.5


class CrashingLedger(SQLiteLedger):
    """A ledger whose process is killed at one point of a start.

    Attributes:
        point: Where.
    """

    point: Point = "nowhere"

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Write, and die before or after it."""
        phase = "end" if entry.over else "intent" if entry.ref is None else "id"
        self._die(f"before {phase}")
        written = await super().write(entry, expected=expected)
        self._die(f"after {phase}")
        return written

    def _die(self, point: str) -> None:
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(url: str, token: str, file: str, point: Point) -> None:
    """Start and await one refresh."""
    async with CrashingLedger(file) as ledger:
        ledger.point = point
        async with AltcraftClient(
            url,
            token,
            ledger=ledger,
            poll=Constant(0.1),
            request_timeout=REQUEST_SECONDS,
            reconcile_starts="reconcile" in sys.argv,
        ) as client:
            resources = client.resources
            handle = await resources.refresh_counters(24, database_id=1, idempotency_key="once")
            await handle
            print(handle.ref.task_id)  # noqa: T201 -- what the test reads


if __name__ == "__main__":
    _, where_to, secret, ledger_file, where, *_words = sys.argv
    try:
        asyncio.run(main(where_to, secret, ledger_file, next(p for p in POINTS if p == where)))
    except AltcraftError as error:
        print(type(error).__name__)  # noqa: T201 -- what the test reads
