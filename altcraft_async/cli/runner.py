"""Runs a command's coroutine; Ctrl-C and SIGTERM become exit codes."""

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
    """Run a command's coroutine; Ctrl-C and SIGTERM cancel it.

    Raises:
        Exit: A signal ended it.
    """
    try:
        # With a loop factory, the runner leaves the caller's current event loop set.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(_cancelled_by_sigterm(work))
    except KeyboardInterrupt:
        raise Exit(INTERRUPTED) from None
    except asyncio.CancelledError:
        # Only SIGTERM ends the coroutine like this; Ctrl-C becomes a KeyboardInterrupt.
        raise Exit(TERMINATED) from None


async def _cancelled_by_sigterm(work: Coroutine[object, object, T]) -> T:
    task = asyncio.ensure_future(work)
    # On Windows and outside the main thread there are no handlers: SIGTERM kills the process.
    with suppress(RuntimeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
