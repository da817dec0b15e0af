"""What is told about an outage: its status, and the error of a call that is not sent."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from altcraft_async.errors import (
    AltcraftError,
    PlatformUnavailableError,
    ProtocolError,
    ServerError,
)
from altcraft_async.transport.breaker import FIRST_DELAY, Breaker
from altcraft_async.transport.lifecycle import Lifecycle

__all__ = ["OutageStatus", "open_since", "status_of", "unavailable"]


class OutageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An outage that goes on.

    Attributes:
        since: When the first request failed, aware.
        reason: Why the newest request failed, in a few words.
        requests: Requests without an answer so far.
        retry_after: Seconds until the next probe.
    """

    since: datetime
    reason: str
    requests: int
    retry_after: float


def open_since(breaker: Breaker, lifecycle: Lifecycle) -> datetime:
    """Return when the first request failed."""
    return lifecycle.now() - timedelta(seconds=lifecycle.time() - breaker.since)


def status_of(breaker: Breaker, lifecycle: Lifecycle) -> OutageStatus | None:
    """Return the outage that goes on; ``None`` while the breaker is closed."""
    if not breaker.is_open:
        return None
    return OutageStatus(
        since=open_since(breaker, lifecycle),
        reason=_in_short(breaker.reason),
        requests=breaker.failures,
        retry_after=max(0.0, breaker.probe_at - lifecycle.time()),
    )


def unavailable(
    breaker: Breaker, lifecycle: Lifecycle, path: str, what: str = "the platform has not answered"
) -> PlatformUnavailableError:
    """Return the error of a call that is not sent, as ``what`` tells."""
    began = open_since(breaker, lifecycle)
    wait = max(FIRST_DELAY, breaker.probe_at - lifecycle.time())
    return PlatformUnavailableError(
        f"{path}: not sent, as {what} since "
        f"{began:%Y-%m-%d %H:%M:%S} UTC ({breaker.reason}); trying again in {wait:.1f} s",
        path=path,
        since=began,
        retry_after=wait,
    )


def _in_short(error: AltcraftError | None) -> str:
    """Leave out the API method and the details in parentheses."""
    if isinstance(error, (ProtocolError, ServerError)):
        return f"HTTP {error.http_status}"
    method, colon, reason = str(error).partition(": ")
    return (reason if colon else method).partition(" (")[0]
