"""Draws by seed which fault, if any, befalls a request; three of ten requests have one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from enum import Enum

__all__ = ["PROCESSED", "Fault", "Faults"]


class Fault(Enum):
    """The kinds of faults; the values are their labels."""

    RESET_BEFORE = "reset before processing"
    RESET_AFTER = "processed, then reset"
    CUT = "processed, body cut off"
    PROXY_PAGE = "processed, 502 with a proxy's HTML page"
    BUSY_FORMATTED = "503 in the platform's format"
    BUSY_EMPTY = "503 without a body"
    STALLED = "processed, never answered"
    GARBAGE = "processed, answered with garbage"
    HALVED = "processed, answered with half a document"
    UNKNOWN = "404 from a replica that does not know the task yet"
    THROTTLED = "429"
    THROTTLED_FOR = "429 with Retry-After"


PROCESSED = frozenset(
    {Fault.RESET_AFTER, Fault.CUT, Fault.PROXY_PAGE, Fault.STALLED, Fault.GARBAGE, Fault.HALVED}
)

_PER_MILLE: Mapping[Fault, int] = {
    Fault.RESET_BEFORE: 50,
    Fault.RESET_AFTER: 45,
    Fault.CUT: 45,
    Fault.PROXY_PAGE: 50,
    Fault.BUSY_FORMATTED: 25,
    Fault.BUSY_EMPTY: 25,
    Fault.STALLED: 20,  # each costs its client a whole timeout
    Fault.GARBAGE: 30,
    Fault.HALVED: 30,
}
_UNDISTURBED = 1000 - sum(_PER_MILLE.values())

# An overloaded platform refuses every request for a moment. Refusals scattered
# evenly would slow down a client at any rate, however low.
_FIRST_WAVE, _BETWEEN_WAVES = 500, 5_000  # requests
_WAVE = 0.1  # seconds
_MIN_WAVE = 2  # requests, one for each kind of refusal


class Faults:
    """Draws faults, and counts how often each occurred."""

    def __init__(self, seed: int) -> None:
        """Begin at the first request."""
        self.counts: Counter[Fault] = Counter()
        self.requests = 0
        self._random = random.Random(seed)  # noqa: S311 -- the same faults in every run
        self._faults = (*_PER_MILLE, None)
        self._weights = (*_PER_MILLE.values(), _UNDISTURBED)
        self._next_wave = _FIRST_WAVE
        self._wave_ends = 0.0
        self._refused = _MIN_WAVE

    def draw(self, now: float, *, task_unknown: bool) -> Fault | None:
        """Return the fault of the next request.

        Args:
            now: Seconds on any clock.
            task_unknown: Whether it polls a task that the replica does not know yet.
        """
        self.requests += 1
        fault = self._refusal(now)
        if fault is None:
            (fault,) = self._random.choices(self._faults, self._weights)
        if fault is None and task_unknown:
            fault = Fault.UNKNOWN
        if fault is not None:
            self.counts[fault] += 1
        return fault

    def garbage(self) -> bytes:
        """Return bytes that are invalid in every format."""
        return b"\x00" + self._random.randbytes(200)

    def _refusal(self, now: float) -> Fault | None:
        """Refuse every request during a wave."""
        if self.requests >= self._next_wave:
            self._next_wave += _BETWEEN_WAVES
            self._wave_ends = now + _WAVE
            self._refused = 0
        if now >= self._wave_ends and self._refused >= _MIN_WAVE:
            return None
        self._refused += 1
        return Fault.THROTTLED if self._refused % 2 else Fault.THROTTLED_FOR
