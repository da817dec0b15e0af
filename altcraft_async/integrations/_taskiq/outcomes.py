"""What follows from the end of one attempt of a job: its result, its error, or another attempt."""

from __future__ import annotations

import msgspec

from altcraft_async.errors import (
    AltcraftError,
    LedgerError,
    RateLimitedError,
    TransportError,
    WaitError,
)
from altcraft_async.models import CountersReport, TaskRef

__all__ = ["RefreshError", "final_error", "may_pass", "pause_after", "result_of"]

LONGEST_PAUSE = 30.0
"""Seconds; the pause before a next attempt counts against the broker's idle_timeout."""


class RefreshError(AltcraftError):
    """A job gave no result. Enqueue the target again if the cause is gone.

    What the worker raised, in a form that outlives JSON.

    Attributes:
        error: Name of the class of what was raised, such as ``"TaskFailedError"``.
        ref: The task, where there was one: ``client.tasks.attach(ref)`` comes back to it.
    """

    def __init__(self, message: str, error: str = "", ref: str = "") -> None:
        """Keep all in ``args``, as taskiq makes an error anew from these."""
        super().__init__(message, error, ref)
        self.error = error
        self.ref = TaskRef.from_json(ref) if ref else None

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


def may_pass(error: AltcraftError) -> bool:
    """Say whether another attempt may end otherwise.

    A start that may have been delivered is tried again as well: then the
    ledger knows of it, and settles it or says that nobody can.
    """
    if isinstance(error, (LedgerError, WaitError, RateLimitedError)):
        return True
    is_ambiguous: bool = getattr(error, "maybe_delivered", False)
    is_permanent: bool = getattr(error, "permanent", False)
    return (is_ambiguous or isinstance(error, TransportError)) and not is_permanent


def pause_after(failures: int) -> float:
    """Return the seconds before the next attempt: 1, 2, 4 and so on."""
    return min(2.0 ** min(failures - 1, 10), LONGEST_PAUSE)


def result_of(target: list[int], ref: TaskRef | None, report: CountersReport) -> dict[str, object]:
    """Return what a job returns: plain data."""
    return {
        "target": target,
        "ref": msgspec.to_builtins(ref),
        "report": msgspec.to_builtins(report),
    }


def final_error(error: AltcraftError, ref: TaskRef | None) -> RefreshError:
    """Return what a job raises."""
    return RefreshError(str(error), type(error).__name__, ref.to_json() if ref else "")
