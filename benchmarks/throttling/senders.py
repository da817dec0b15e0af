"""Senders that meet refusals: this library's rate, and two published rules."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Protocol

from altcraft_async.transport.rate import Rate

__all__ = ["SENDERS", "Sender"]


class Sender(Protocol):
    """Says when each request may be sent. A worker sends one request at a time."""

    def delay(self, now: float) -> float:
        """Return the seconds until a request may be sent."""
        ...

    def sent(self, now: float) -> None:
        """Note a request."""
        ...

    def answered(self, now: float, target: int, *, accepted: bool, attempt: int) -> float:
        """Note an answer; return the seconds until the request for this target is sent again."""
        ...


class Ours:
    """The client's rate, and full jitter for the request that was refused."""

    def __init__(self) -> None:
        """Begin without a limit."""
        self._rate = Rate()
        self._random = random.Random(1)  # noqa: S311 -- no secret

    def delay(self, now: float) -> float:
        """Ask the rate."""
        return self._rate.wait(now)

    def sent(self, now: float) -> None:
        """Tell the rate."""
        self._rate.sent(now)

    def answered(self, now: float, target: int, *, accepted: bool, attempt: int) -> float:
        """Tell the rate, and back off."""
        if accepted:
            self._rate.accepted(target)
            return 0.0
        self._rate.refused(now, target)
        return self._random.random() * min(20.0, 0.25 * 2.0**attempt)


class Jitter:
    """Tenacity's ``wait_random_exponential``: each request for itself."""

    def __init__(self) -> None:
        """Begin."""
        self._random = random.Random(2)  # noqa: S311 -- no secret

    def delay(self, now: float) -> float:  # noqa: ARG002 -- the interface
        """Wait for nothing."""
        return 0.0

    def sent(self, now: float) -> None:
        """Note nothing."""

    def answered(  # the interface
        self,
        now: float,  # noqa: ARG002
        target: int,  # noqa: ARG002
        *,
        accepted: bool,
        attempt: int,
    ) -> float:
        """Back off."""
        return 0.0 if accepted else self._random.uniform(0, min(20.0, 0.25 * 2.0**attempt))


class AwsAdaptive:
    """The rule of the AWS SDKs' adaptive mode, as their reference page gives it.

    A refusal sets the rate to 0.7 of the measured one, and CUBIC with scale
    0.4 brings it back; the measured rate is smoothed by 0.8.
    """

    def __init__(self) -> None:
        """Begin without a limit, as that mode does until the first refusal."""
        self._random = random.Random(3)  # noqa: S311 -- no secret
        self._is_limited = False
        self._rate, self._most, self._cut_at, self._window = 0.5, 0.0, 0.0, 0.0
        self._measured, self._count, self._bucket_at = 0.0, 0, 0.0
        self._next = 0.0

    def delay(self, now: float) -> float:
        """Wait for a token."""
        return max(0.0, self._next - now) if self._is_limited else 0.0

    def sent(self, now: float) -> None:
        """Take a token."""
        if self._is_limited:
            self._next = max(now, self._next) + 1 / self._rate

    def answered(self, now: float, target: int, *, accepted: bool, attempt: int) -> float:  # noqa: ARG002 -- the interface
        """Update the measured rate and the allowed one."""
        self._count += 1
        bucket = math.floor(now * 2) / 2
        if bucket > self._bucket_at:
            current = self._count / (bucket - self._bucket_at)
            self._measured = 0.8 * current + 0.2 * self._measured
            self._count, self._bucket_at = 0, bucket
        if not accepted:
            base = min(self._measured, self._rate) if self._is_limited else self._measured
            self._most, self._cut_at, self._is_limited = base, now, True
            self._window = (self._most * 0.3 / 0.4) ** (1 / 3)
            calculated = base * 0.7
        else:
            after = now - self._cut_at - self._window
            calculated = 0.4 * after**3 + self._most
        self._rate = max(0.5, min(calculated, 2 * self._measured))
        return 0.0 if accepted else self._random.random() * min(20.0, 2.0**attempt)


SENDERS: Mapping[str, Callable[[], Sender]] = {
    "ours": Ours,
    "tenacity, jitter": Jitter,
    "AWS adaptive": AwsAdaptive,
}
