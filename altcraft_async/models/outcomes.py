"""Outcomes of `refresh_many` and `refresh_all`, one per target."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from altcraft_async.models.base_errors import AltcraftError
from altcraft_async.models.counter_row import CounterRow
from altcraft_async.models.counters import CountersReport
from altcraft_async.models.targets import Target
from altcraft_async.models.tasks import TaskRef

__all__ = ["Completed", "Failed"]

T_co = TypeVar("T_co", covariant=True)


class Completed(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True):
    """One target of ``refresh_many``, refreshed.

    Attributes:
        target: Its ids by name, such as ``target.resource_id``; equal to the tuple that was given.
        ref: The task.
        value: Its result.
        polls: How many polls it took.
        seconds: From the start's answer to the result, as this client measured.
    """

    target: Target
    ref: TaskRef
    value: T_co
    polls: int
    seconds: float

    def rows(self: Completed[CountersReport], *, name: str | None = None) -> list[CounterRow]:
        """Return a flat row per group and channel, as `CountersReport.rows` does."""
        return self.value.rows(name=name)


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """One target of ``refresh_many`` that gave no result.

    Attributes:
        target: As given, even if wrong; as a tuple of ints once it was started.
        ref: The task, ``None`` where the start itself failed.
        error: Why; ``raise`` it or read its fields.
    """

    target: object
    ref: TaskRef | None
    error: AltcraftError
