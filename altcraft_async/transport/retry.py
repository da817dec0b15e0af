"""Whether to repeat a failed request, and after how long.

A start is not idempotent and the platform documents no idempotency key, so it
is repeated only where it surely was not acted on. Everything else is a read.
"""

from __future__ import annotations

import msgspec

from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    TransportError,
)
from altcraft_async.models.validation import checked_id, checked_seconds

__all__ = ["LONGEST_RETRY_AFTER", "Retry", "RetryBudget", "backoff", "is_passing", "may_repeat"]

LONGEST_RETRY_AFTER = 120.0
"""Seconds; a server that asks for more is not waited for, as in OpenAI's client."""

# 408 and 425 say "try again" by definition.
_PASSING_CODES = frozenset({408, 425})


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long one call is repeated.

    The pause before repeat ``n`` is random between 0 and ``first * 2 ** n``
    seconds, at most ``ceiling``; a ``Retry-After`` of the server is obeyed.

    Attributes:
        attempts: Requests sent at most, the first one included.
        first: Seconds, the scale of the first pause.
        ceiling: Longest pause in seconds.
        total: Seconds within which the last repeat has to begin.
        ambiguous_starts: Whether a start is repeated also where it may have
            been acted on. It may then run twice.
    """

    attempts: int = 3
    first: float = 0.25
    ceiling: float = 20.0
    total: float = 120.0
    ambiguous_starts: bool = False

    def __post_init__(self) -> None:
        """Refuse what could not be obeyed."""
        checked_id("attempts", self.attempts)
        for name in ("first", "ceiling", "total"):
            checked_seconds(name, getattr(self, name))


class RetryBudget:
    """How many more repeats a client may send, over all its calls and waits.

    So that an outage does not multiply the load: a repeat spends some of it,
    and a request that goes well gives a little back, as in the AWS SDKs'
    standard mode, whose numbers these are.
    """

    __slots__ = ("left",)

    FULL, COST, REWARD = 500, 5, 1

    def __init__(self) -> None:
        """Begin with a hundred repeats."""
        self.left = self.FULL

    def spend(self) -> bool:
        """Take what a repeat costs, if it is there."""
        if self.left < self.COST:
            return False
        self.left -= self.COST
        return True

    def reward(self) -> None:
        """Note that a request went well."""
        if self.left < self.FULL:
            self.left += self.REWARD


def is_passing(error: AltcraftError) -> bool:
    """Tell whether the same request may well succeed a little later."""
    if (error.retry_after or 0) > LONGEST_RETRY_AFTER:
        return False
    match error:
        case TransportError():
            return not error.permanent
        case ProtocolError():
            return not error.permanent
        case ApiError():
            of_kind = isinstance(error, (RateLimitedError, ServerError))
            return of_kind or not _PASSING_CODES.isdisjoint((error.code, error.http_status))
        case _:
            return False


def may_repeat(error: AltcraftError, *, starts: bool, ambiguous_starts: bool = False) -> bool:
    """Tell whether this failure of a request may be answered with the same request."""
    if not is_passing(error):
        return False
    return not starts or ambiguous_starts or not error.maybe_delivered


def backoff(repeat: int, error: BaseException | None, retry: Retry, chance: float) -> float:
    """Return the seconds to wait before a repeat, counted from 0.

    Full jitter, as in the AWS SDKs' standard mode; a ``Retry-After`` is the
    least that is waited.
    """
    scale = min(retry.ceiling, retry.first * 2.0 ** min(repeat, 32))
    asked = error.retry_after or 0.0 if isinstance(error, AltcraftError) else 0.0
    return max(asked, scale * chance)
