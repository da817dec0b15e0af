"""What all parts of one client share."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from altcraft_async.observer import Notifier
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage import Outage
from altcraft_async.transport.retry import Retry, RetryBudget

__all__ = ["ClientContext"]


class ClientContext(msgspec.Struct, frozen=True, kw_only=True):
    """What all parts of one client share.

    Attributes:
        lifecycle: Its event loop, its clock, and whether it is closed.
        retry: How often and how long a failed request is retried.
        retry_budget: How many retries all calls share.
        random: Random numbers, 0 <= random < 1, for jitter.
        notifier: Tells the client's observer; ``None`` without one.
        outage: Whether the platform answers.
    """

    lifecycle: Lifecycle
    retry: Retry
    retry_budget: RetryBudget
    random: Callable[[], float]
    notifier: Notifier | None = None
    outage: Outage
