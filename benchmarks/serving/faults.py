"""What befalls a request, by a seed: three of ten do not get the answer that they should."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from enum import Enum

__all__ = ["ACTED_ON", "Fault", "Faults"]


class Fault(Enum):
    """The kinds."""

    RESET_BEFORE = "reset before it is acted on"
    RESET_AFTER = "reset after it was acted on"
    CUT = "acted on, body cut off"
    PAGE = "acted on, 502 with a proxy's HTML page"
    BUSY_SAYING = "503 in the format of the platform"
    BUSY_EMPTY = "503 without a body"
    STALLED = "acted on, never answered"
    GARBAGE = "acted on, answered with garbage"
    HALVED = "acted on, answered with half a document"
    UNKNOWN = "404, a replica does not know the task yet"
    THROTTLED = "429"
    THROTTLED_FOR = "429 with Retry-After"


ACTED_ON = frozenset(
    {Fault.RESET_AFTER, Fault.CUT, Fault.PAGE, Fault.STALLED, Fault.GARBAGE, Fault.HALVED}
)

_PER_MILLE: Mapping[Fault, int] = {
    Fault.RESET_BEFORE: 50,
    Fault.RESET_AFTER: 45,
    Fault.CUT: 45,
    Fault.PAGE: 50,
    Fault.BUSY_SAYING: 25,
    Fault.BUSY_EMPTY: 25,
    Fault.STALLED: 20,  # each costs its client a whole timeout
    Fault.GARBAGE: 30,
    Fault.HALVED: 30,
}
_SPARED = 1000 - sum(_PER_MILLE.values())

# A platform that is too busy refuses whatever comes for a moment. Refusals
# scattered evenly would tell a client at any rate that it is too fast.
_FIRST_WAVE, _BETWEEN_WAVES = 500, 5_000  # requests
_WAVE = 0.1  # seconds
_LEAST_OF_WAVE = 2  # requests, one for each kind of refusal


class Faults:
    """Draws them, and counts how often each came true."""

    def __init__(self, seed: int) -> None:
        """Begin at the first request."""
        self.counts: Counter[Fault] = Counter()
        self.requests = 0
        self._dice = random.Random(seed)  # noqa: S311 -- the same faults in every run
        self._drawn = (*_PER_MILLE, None)
        self._weights = (*_PER_MILLE.values(), _SPARED)
        self._next_wave = _FIRST_WAVE
        self._wave_ends = 0.0
        self._refused = _LEAST_OF_WAVE

    def draw(self, now: float, *, lags: bool) -> Fault | None:
        """Return what befalls the next request.

        Args:
            now: Seconds on any clock.
            lags: Whether it is a poll that asks too early.
        """
        self.requests += 1
        fault = self._wave(now)
        if fault is None:
            (fault,) = self._dice.choices(self._drawn, self._weights)
        if fault is None and lags:
            fault = Fault.UNKNOWN
        if fault is not None:
            self.counts[fault] += 1
        return fault

    def garbage(self) -> bytes:
        """Return what is no document in any format."""
        return b"\x00" + self._dice.randbytes(200)

    def _wave(self, now: float) -> Fault | None:
        """Refuse everything for a moment, every so many requests."""
        if self.requests >= self._next_wave:
            self._next_wave += _BETWEEN_WAVES
            self._wave_ends = now + _WAVE
            self._refused = 0
        if now >= self._wave_ends and self._refused >= _LEAST_OF_WAVE:
            return None
        self._refused += 1
        return Fault.THROTTLED if self._refused % 2 else Fault.THROTTLED_FOR
