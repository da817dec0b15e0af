"""The compared policies: the library's own, and some simple ones for reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from altcraft_async import Adaptive, Constant, Exponential, PollPolicy, PollState
from benchmarks.simulation.schedule import OptimalSchedule


class ComparedPolicy(NamedTuple):
    """A policy.

    Attributes:
        title: For tables.
        label: For the plot.
        label_side: Side of the point on which the plot puts the label.
        make: Returns a new one, without history.
        ours: Whether it is the library's default.
    """

    title: str
    label: str
    label_side: str
    make: Callable[[], PollPolicy]
    ours: bool = False


class Proportional:
    """Polls at intervals in proportion to the time waited."""

    def next_poll(self, state: PollState) -> float:
        """Return a quarter of the time waited."""
        return state.waited / 4 if state.polls else 0.25


class Extrapolating:
    """Polls when the task would reach 100 % at constant speed."""

    def next_poll(self, state: PollState) -> float:
        """Return the seconds that seem to be left."""
        if not state.progress:
            return state.waited / 4 if state.polls else 0.25
        return max(state.waited * 100 / state.progress - state.waited, state.waited / 50)


POLICIES: Sequence[ComparedPolicy] = (
    ComparedPolicy("`Adaptive()`, the default", "Adaptive()", "below", Adaptive, ours=True),
    ComparedPolicy("`Adaptive(poll_cost=0.03)`", "0.03", "left", lambda: Adaptive(poll_cost=0.03)),
    ComparedPolicy(
        "`Adaptive(poll_cost=0.003)`", "0.003", "right", lambda: Adaptive(poll_cost=0.003)
    ),
    ComparedPolicy("`Constant(1)`", "Constant(1)", "above", lambda: Constant(1)),
    ComparedPolicy("`Constant(5)`", "Constant(5)", "right", lambda: Constant(5)),
    ComparedPolicy("`Exponential()`", "Exponential()", "right", Exponential),
    ComparedPolicy("a quarter of the time waited", "a quarter", "right", Proportional),
    ComparedPolicy("progress extrapolated", "extrapolated", "above", Extrapolating),
    ComparedPolicy(
        "optimal schedule for known durations", "durations known", "left", OptimalSchedule
    ),
)
