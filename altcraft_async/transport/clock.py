"""What a client needs of time, so that tests can give it another one than the event loop's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context
from datetime import datetime
from typing import Protocol, TypeVarTuple, Unpack, runtime_checkable

__all__ = ["Clock", "Timer"]

Ts = TypeVarTuple("Ts")


class Timer(Protocol):
    """A call that is still to come, such as an ``asyncio.TimerHandle``."""

    def cancel(self) -> None:
        """Do not make the call."""
        ...


@runtime_checkable
class Clock(Protocol):
    """A time to go by in place of the event loop's; see ``simulator.PretendClock`` for one.

    A client asks it when to poll again, when to repeat a request and when a
    wait has taken too long. What a request itself takes is real time.
    """

    @property
    def busy(self) -> AbstractContextManager[object]:
        """Entered while a request is under way, by several at once: time is not to pass then."""
        ...

    def time(self) -> float:
        """Return the seconds that it shows; they never go back."""
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
        """Call a function in the running event loop when this time has come."""
        ...
