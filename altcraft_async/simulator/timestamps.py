"""Times and durations as the platform writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
"""The date at 0 seconds of the simulator's clock; in the future, to be told from real dates."""


def instant(now: float) -> datetime:
    """Return the date at ``now`` seconds of the clock, in whole milliseconds."""
    return EPOCH + timedelta(milliseconds=int(now * 1000))


def rfc3339(at: datetime) -> str:
    """Write a date as ``2030-01-02T03:04:05.678Z``."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def last_count_time(at: datetime, seconds: float) -> str:
    """Write the field of this name: ``counted at … in 231.374251ms``."""
    return f"counted at {at:%Y-%m-%dT%H:%M:%SZ} in {go_duration(seconds)}"


def go_duration(seconds: float) -> str:
    """Write a duration as Go does: ``850µs``, ``231.374251ms``, ``2m3.04s``, ``1h0m2s``."""
    nanoseconds = round(seconds * 1_000_000_000)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if 0 < nanoseconds < size * 1_000:
            return _decimal(nanoseconds, size) + unit
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    prefix = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{prefix}{_decimal(rest, 1_000_000_000)}s"


def _decimal(amount: int, unit: int) -> str:
    whole, part = divmod(amount, unit)
    digits = f"{part:0{len(str(unit)) - 1}}".rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)
