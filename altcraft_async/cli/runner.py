"""From a command to its coroutine and back, whatever signal comes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import TypeVar

from click.exceptions import Exit

from altcraft_async.cli.exit_codes import INTERRUPTED, TERMINATED

__all__ = ["run"]

T = TypeVar("T")


def run(work: Coroutine[object, object, T]) -> T:
    """Run the work of a command; Ctrl-C and SIGTERM cancel it, so that it can tidy up.

    Raises:
        Exit: A signal ended it.
    """
    try:
        # With a loop of our own making, the one that a caller may have set stays set.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(_heeding_sigterm(work))
    except KeyboardInterrupt:
        raise Exit(INTERRUPTED) from None
    except asyncio.CancelledError:
        # Nothing but SIGTERM cancels the work as a whole: Ctrl-C comes out as the above.
        raise Exit(TERMINATED) from None


async def _heeding_sigterm(work: Coroutine[object, object, T]) -> T:
    task = asyncio.ensure_future(work)
    # Where the platform or the thread takes no handler, SIGTERM ends the process as ever.
    with suppress(RuntimeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
