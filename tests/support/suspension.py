"""Suspending a worker process while it has no start under way."""

from __future__ import annotations

import asyncio
import os
import signal

from altcraft_async.integrations.redis import RedisLedger

__all__ = ["suspend_between_starts"]


async def suspend_between_starts(pid: int, ledger: RedisLedger) -> None:
    """Suspend a process when the ledger holds no intent to start.

    A process that dies or stands still between an intent and its answer leaves a start
    whose outcome nobody knows, or a request that was already sent. Tests of what must
    not be started again suspend, and kill, outside of that moment.
    """
    async with asyncio.timeout(60):
        while True:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(0.5)  # the other workers' requests end
            if not [entry async for entry in ledger.entries() if entry.ref is None]:
                return
            os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(0.1)
