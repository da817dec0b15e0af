"""What a client starts, and which of it runs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec

from altcraft_async.models import CountersReport, Feedback, TaskKind, TaskRef
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["Handle", "Start", "TaskRegistry"]

Handle = TaskHandle[CountersReport]

_Told = Callable[[TaskRef], None]

MOST_RUNNING = 10_000
"""Tasks remembered for joining, the newest of them; a handle weighs below a kilobyte."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What to start.

    Attributes:
        endpoint: The ``refresh_counters`` to call.
        kind: What it counts.
        target: Ids, as a target of ``refresh_many``.
        values: Parameters by their Python names.
        feedback: Where the platform shall report.
        idempotency_key: The caller's own name for this start; ``""`` for none.
        outage_patience: Seconds for which it waits out an outage.
    """

    endpoint: Endpoint[str]
    kind: TaskKind
    target: tuple[int, ...]
    values: Mapping[str, object]
    feedback: Feedback | None = None
    idempotency_key: str = ""
    outage_patience: float = 0.0


class TaskRegistry:
    """The tasks that a client has started and does not know to be over, by target."""

    def __init__(self) -> None:
        """Begin with none."""
        self._told: set[_Told] = set()
        self._told_of: dict[str, _Told] = {}
        self._by_target: OrderedDict[object, tuple[Handle, Feedback | None]] = OrderedDict()

    def add(
        self,
        kind: TaskKind,
        target: tuple[int, ...],
        handle: Handle,
        feedback: Feedback | None = None,
    ) -> None:
        """Remember a task of this target, and with which feedback it was started."""
        self._by_target[kind, target] = handle, feedback
        self._by_target.move_to_end((kind, target))
        if len(self._by_target) > MOST_RUNNING:
            self._by_target.popitem(last=False)

    def find(self, start: Start) -> Handle | None:
        """Return the task that this start would repeat.

        One that was started without the feedback that is wanted now is none.
        """
        handle, feedback = self._by_target.get((start.kind, start.target), (None, None))
        return handle if start.feedback in (None, feedback) else None

    def handle_of(self, ref: TaskRef) -> Handle | None:
        """Return the handle of this very task, if it is remembered."""
        handle, _ = self._by_target.get((ref.kind, ref.target), (None, None))
        return handle if handle is not None and handle.ref.task_id == ref.task_id else None

    def tell(self, ended: _Told) -> None:
        """Call a function with every task that is over, from now on."""
        self._told.add(ended)

    def tell_of(self, ref: TaskRef, ended: _Told) -> None:
        """Call a function with this task when it is over."""
        self._told_of[ref.task_id] = ended

    def over(self, ref: TaskRef) -> None:
        """Forget a task that is over, and tell who wants to know."""
        own = self._told_of.pop(ref.task_id, None)
        for ended in self._told if own is None else {*self._told, own}:
            ended(ref)
        if self.handle_of(ref) is not None:
            del self._by_target[ref.kind, ref.target]
