"""The interface of a clock that replaces the event loop's time, as tests do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context
from datetime import datetime
from typing import Protocol, TypeVarTuple, Unpack, runtime_checkable

__all__ = ["TIMER_SLACK", "Clock", "Timer"]

TIMER_SLACK = 1e-5
"""Seconds by which a timer may come early: a loop runs it up to its clock's resolution early."""

Ts = TypeVarTuple("Ts")


class Timer(Protocol):
    """A planned call, such as an ``asyncio.TimerHandle``."""

    def cancel(self) -> None:
        """Do not make the call."""
        ...


@runtime_checkable
class Clock(Protocol):
    """A time that a client uses instead of the event loop's, such as ``simulator.PretendClock``.

    A client asks it when to poll again, when to retry a request and when a
    wait has taken too long. The duration of a request itself is real time.
    """

    @property
    def busy(self) -> AbstractContextManager[object]:
        """A context entered while a request is under way; time must not pass in it.

        Several requests may be in it together.
        """
        ...

    def time(self) -> float:
        """Return its seconds; they never go back."""
        ...

    def now(self) -> datetime:
        """Return the time of day, with a time zone."""
        ...

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> Timer:
        """Call a function in the running event loop at this time."""
        ...
