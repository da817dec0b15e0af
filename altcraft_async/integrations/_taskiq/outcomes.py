"""What follows from the end of an attempt: a result, an error, or another attempt. No I/O."""

from __future__ import annotations

import msgspec

from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    LedgerError,
    ProtocolError,
    RateLimitedError,
    TransportError,
    WaitError,
)
from altcraft_async.models import CountersReport, TaskRef

__all__ = ["RefreshError", "delay_after", "final_error", "may_pass", "result_of"]

_MAX_DELAY = 30.0
"""Seconds between attempts; the delay counts against the broker's ``idle_timeout``."""


class RefreshError(AltcraftError):
    """A job failed. If the cause is gone, enqueue the target again.

    It holds the worker's error in a form that survives JSON.

    Attributes:
        error: Class name of the worker's error, such as ``"TaskFailedError"``.
        ref: The task, if there was one; pass it to ``client.tasks.attach(ref)``.
    """

    def __init__(self, message: str, error: str = "", ref: str = "") -> None:
        """Keep everything in ``args``, from which taskiq rebuilds an error."""
        super().__init__(message, error, ref)
        self.error = error
        self.ref = TaskRef.from_json(ref) if ref else None

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


def may_pass(error: AltcraftError) -> bool:
    """Return whether another attempt may succeed.

    That includes a start that may have been delivered: at the next attempt the ledger
    finds its task, or reports that it cannot.
    """
    if isinstance(error, (LedgerError, WaitError, RateLimitedError)):
        return True
    may_have_started = isinstance(error, (ProtocolError, ApiError)) and error.maybe_delivered
    return (may_have_started or isinstance(error, TransportError)) and not error.permanent


def delay_after(failures: int) -> float:
    """Return the seconds before the next attempt: 1, 2, 4 and so on."""
    return min(2.0 ** min(failures - 1, 10), _MAX_DELAY)


def result_of(target: list[int], ref: TaskRef | None, report: CountersReport) -> dict[str, object]:
    """Return what a job returns, as plain data."""
    return {
        "target": target,
        "ref": msgspec.to_builtins(ref),
        "report": msgspec.to_builtins(report),
    }


def final_error(error: AltcraftError, ref: TaskRef | None) -> RefreshError:
    """Return the error that a job raises."""
    return RefreshError(str(error), type(error).__name__, ref.to_json() if ref else "")
