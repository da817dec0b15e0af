"""Servers that refuse requests, as functions of simulated time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Protocol

__all__ = ["SERVERS", "Server"]


class Server(Protocol):
    """Decides about each request.

    Attributes:
        oracle: Requests a second that a sender who knew the server would have accepted,
            for a demand of so many a second.
    """

    def oracle(self, demand: float) -> float:
        """Return the accepted requests a second of a sender who knows the server."""
        ...

    def accepts(self, now: float, target: int) -> bool:
        """Say whether a request for this target that arrives now is accepted."""
        ...


class TokenBucket:
    """Accepts ``rate`` requests a second, and ``burst`` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        """Begin full."""
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, 0.0

    def oracle(self, demand: float) -> float:
        """Return its rate."""
        return min(demand, self._rate)

    def accepts(self, now: float, target: int) -> bool:  # noqa: ARG002 -- the interface
        """Take a token, if there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True


class Concurrency:
    """Works on ``most`` requests at once, each for ``seconds``."""

    def __init__(self, most: int, seconds: float) -> None:
        """Begin idle."""
        self._most, self._seconds = most, seconds
        self._busy_until: list[float] = []

    def oracle(self, demand: float) -> float:
        """Return what it can do."""
        return min(demand, self._most / self._seconds)

    def accepts(self, now: float, target: int) -> bool:  # noqa: ARG002 -- the interface
        """Take a place, if there is one."""
        self._busy_until = [end for end in self._busy_until if end > now]
        if len(self._busy_until) >= self._most:
            return False
        self._busy_until.append(now + self._seconds)
        return True


class Lock:
    """Refuses every second target for ten seconds out of forty, whatever their rate."""

    def oracle(self, demand: float) -> float:
        """Return the demand: the other targets make up for the locked ones."""
        return demand

    def accepts(self, now: float, target: int) -> bool:
        """Look at the target and the time."""
        return target % 2 == 0 or now % 40 >= 10  # noqa: PLR2004 -- as above


class Stray:
    """Refuses a share of the requests, whatever their rate."""

    def __init__(self, share: float) -> None:
        """Draw from a fixed seed."""
        self._share, self._random = share, random.Random(7)  # noqa: S311 -- no secret

    def oracle(self, demand: float) -> float:
        """Return what is accepted at full speed."""
        return demand * (1 - self._share)

    def accepts(self, now: float, target: int) -> bool:  # noqa: ARG002 -- the interface
        """Draw."""
        return self._random.random() >= self._share


SERVERS: Mapping[str, Callable[[], Server]] = {
    "bucket 20/s, burst 1": lambda: TokenBucket(20, 1),
    "bucket 20/s, burst 40": lambda: TokenBucket(20, 40),
    "8 at once, 50 ms each": lambda: Concurrency(8, 0.05),
    "locked targets": Lock,
    "stray 0.1 %": lambda: Stray(0.001),
    "stray 1 %": lambda: Stray(0.01),
    "stray 2 %": lambda: Stray(0.02),
    "stray 5 %": lambda: Stray(0.05),
    "stray 20 %": lambda: Stray(0.2),
}
