"""Times and durations as the platform prints them."""

from __future__ import annotations

import re
from datetime import MINYEAR, UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

__all__ = ["parse_go_duration", "parse_time"]

# Microseconds in Go's units; both micro signs occur.
_GO_UNITS = {
    "h": Decimal(3_600_000_000),
    "m": Decimal(60_000_000),
    "s": Decimal(1_000_000),
    "ms": Decimal(1_000),
    "µs": Decimal(1),
    "μs": Decimal(1),
    "us": Decimal(1),
    "ns": Decimal("0.001"),
}
_GO_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|µs|μs|us|ns)")
_GO_DURATION = re.compile(rf"-?(?:0|(?:{_GO_PART.pattern})+)")


def parse_time(text: str) -> datetime | None:
    """Read an RFC 3339 time as an aware one; ``None`` where it is none.

    A date alone is no time. A time without an offset is UTC, as in every
    documented sample. Go's zero time, which stands for no time, is none either.
    """
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    # Printed in a local zone, the zero time is some hours and seconds off.
    if ":" not in text or at.year == MINYEAR:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def parse_go_duration(text: str) -> timedelta | None:
    """Read a duration as Go prints it (``2m3.04s``); ``None`` where it is none."""
    if not _GO_DURATION.fullmatch(text):
        return None
    parts = (Decimal(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(text))
    try:
        duration = timedelta(microseconds=round(sum(parts)))
    except (OverflowError, InvalidOperation):
        return None
    return -duration if text.startswith("-") else duration
