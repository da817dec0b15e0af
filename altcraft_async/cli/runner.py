"""Runs a command's coroutine; Ctrl-C, SIGTERM and SIGHUP become exit codes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import TypeVar

from click.exceptions import Exit

from altcraft_async.cli.exit_codes import HUNG_UP, INTERRUPTED, TERMINATED

__all__ = ["run"]

T = TypeVar("T")

_CODES = {"SIGHUP": HUNG_UP, "SIGTERM": TERMINATED}  # Windows has no SIGHUP


def run(work: Coroutine[object, object, T]) -> T:
    """Run a command's coroutine; Ctrl-C, SIGTERM and SIGHUP cancel it.

    Raises:
        Exit: A signal ended it.
    """
    ended: list[int] = []
    try:
        # With a loop factory, the runner leaves the caller's current event loop set.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(_cancelled_by_signals(work, ended))
    except KeyboardInterrupt:
        raise Exit(INTERRUPTED) from None
    except asyncio.CancelledError:
        # Only these signals end the coroutine like this; Ctrl-C becomes a KeyboardInterrupt.
        raise Exit(*ended[:1]) from None


async def _cancelled_by_signals(work: Coroutine[object, object, T], ended: list[int]) -> T:
    """Run the coroutine; a signal cancels it and notes the exit code."""
    task = asyncio.ensure_future(work)

    def end(code: int) -> None:
        ended.append(code)
        task.cancel()

    for name, code in _CODES.items():
        signum = getattr(signal, name, None)
        # What the caller ignores stays ignored, as under nohup.
        if signum is None or signal.getsignal(signum) is signal.SIG_IGN:
            continue
        # On Windows and outside the main thread there are no handlers: signals kill the process.
        with suppress(RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signum, partial(end, code))
    return await task
