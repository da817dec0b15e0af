"""The policies that are compared: the library's own, and some to place them by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from altcraft_async import Adaptive, Constant, Exponential, PollPolicy, PollState
from benchmarks.simulation.schedule import KnownDurations


class Contestant(NamedTuple):
    """A policy.

    Attributes:
        title: For tables.
        label: For the plot, and
        place: where it stands there beside its point: right, left, above or below.
        make: Returns a new one, without history.
        ours: Whether it is the library's default.
    """

    title: str
    label: str
    place: str
    make: Callable[[], PollPolicy]
    ours: bool = False


class Proportional:
    """Pauses in proportion to the time waited."""

    def next_poll(self, seen: PollState) -> float:
        """Return a quarter of it."""
        return seen.waited / 4 if seen.polls else 0.25


class Trusting:
    """Believes the bar: polls when it would be full if it went on as before."""

    def next_poll(self, seen: PollState) -> float:
        """Return what seems to be left."""
        if not seen.progress:
            return seen.waited / 4 if seen.polls else 0.25
        return max(seen.waited * 100 / seen.progress - seen.waited, seen.waited / 50)


CONTESTANTS: Sequence[Contestant] = (
    Contestant("`Adaptive()`, the default", "Adaptive()", "below", Adaptive, ours=True),
    Contestant("`Adaptive(poll_cost=0.03)`", "0.03", "left", lambda: Adaptive(poll_cost=0.03)),
    Contestant("`Adaptive(poll_cost=0.003)`", "0.003", "right", lambda: Adaptive(poll_cost=0.003)),
    Contestant("`Constant(1)`", "Constant(1)", "above", lambda: Constant(1)),
    Contestant("`Constant(5)`", "Constant(5)", "right", lambda: Constant(5)),
    Contestant("`Exponential()`", "Exponential()", "right", Exponential),
    Contestant("a quarter of the time waited", "a quarter", "right", Proportional),
    Contestant("progress trusted blindly", "trusting", "above", Trusting),
    Contestant("best schedule for known durations", "durations known", "left", KnownDurations),
)
