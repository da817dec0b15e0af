"""Whether to retry a failed request, and after how long.

A start is not idempotent and the platform documents no idempotency key, so it
is retried only if it surely was not acted on. Everything else is a read.

No clock and no randomness here: callers pass them in as numbers.
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

__all__ = ["LONGEST_RETRY_AFTER", "Retry", "RetryBudget", "backoff", "is_passing", "may_retry"]

LONGEST_RETRY_AFTER = 120.0
"""Seconds; a call without patience is not retried if the server asks for more, as OpenAI's."""

# 408 and 425 say "try again" by definition.
_PASSING_CODES = frozenset({408, 425})


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long one call is retried.

    The delay before retry ``n`` is random between 0 and ``first * 2 ** n``
    seconds, at most ``ceiling``; a ``Retry-After`` of the server is obeyed.

    Attributes:
        attempts: Requests sent at most, the first one included.
        first: Seconds, the scale of the first delay.
        ceiling: Longest delay in seconds.
        total: Seconds within which the last retry has to begin.
        ambiguous_starts: Whether a start is retried also if it may have
            been acted on. It may then run twice.
    """

    attempts: int = 3
    first: float = 0.25
    ceiling: float = 20.0
    total: float = 120.0
    ambiguous_starts: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that are negative or not finite."""
        checked_id("attempts", self.attempts)
        for name in ("first", "ceiling", "total"):
            checked_seconds(name, getattr(self, name))


class RetryBudget:
    """How many more retries a client may send, over all its calls and waits.

    It keeps an outage from multiplying the load. A retry spends some of it, and a
    request that goes well gives a little back, as in the AWS SDKs' standard mode,
    from which the numbers are.
    """

    __slots__ = ("left",)

    FULL, COST, REWARD = 500, 5, 1

    def __init__(self) -> None:
        """Start with a hundred retries."""
        self.left = self.FULL

    def spend(self) -> bool:
        """Take what a retry costs, if it is there; return whether."""
        if self.left < self.COST:
            return False
        self.left -= self.COST
        return True

    def reward(self) -> None:
        """Note that a request went well."""
        if self.left < self.FULL:
            self.left += self.REWARD


def is_passing(error: AltcraftError, longest: float = LONGEST_RETRY_AFTER) -> bool:
    """Return whether the same request may well succeed a little later.

    That is no more than ``longest`` seconds, if the server says when.
    """
    if (error.retry_after or 0) > longest:
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


def may_retry(
    error: AltcraftError, *, starts: bool, ambiguous_starts: bool = False, patience: float = 0.0
) -> bool:
    """Return whether a request that failed like this may be sent again.

    A caller with more patience than usual obeys a longer ``Retry-After``, too.
    """
    if not is_passing(error, max(patience, LONGEST_RETRY_AFTER)):
        return False
    return not starts or ambiguous_starts or not error.maybe_delivered


def backoff(retries: int, error: BaseException | None, retry: Retry, random: float) -> float:
    """Return the seconds to wait before the next retry, after so many.

    Full jitter, as in the AWS SDKs' standard mode. A ``Retry-After`` is the
    minimum.
    """
    scale = min(retry.ceiling, retry.first * 2.0 ** min(retries, 32))
    asked = error.retry_after or 0.0 if isinstance(error, AltcraftError) else 0.0
    return max(asked, scale * random)
