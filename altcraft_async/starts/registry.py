"""The tasks that one client has started and does not know to be over, by target."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec

from altcraft_async.models import CountersReport, Feedback, TaskKind, TaskRef
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["Handle", "Start", "TaskRegistry"]

Handle = TaskHandle[CountersReport]

_OnEnd = Callable[[TaskRef], None]

MOST_TASKS = 10_000
"""Tasks kept for joining, the newest of them; a handle weighs below a kilobyte."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What to start.

    Attributes:
        endpoint: The ``refresh_counters`` to call.
        kind: What it refreshes.
        target: Ids, as a target of ``refresh_many``.
        values: Parameters by their Python names.
        feedback: Where the platform shall report.
        idempotency_key: The caller's own name for this start; ``""`` for none.
        outage_patience: Seconds for which it waits out an outage.
        timeout: Seconds for which it waits for another process that starts the same
            target; ``None`` for as long as that can take.
    """

    endpoint: Endpoint[str]
    kind: TaskKind
    target: tuple[int, ...]
    values: Mapping[str, object]
    feedback: Feedback | None = None
    idempotency_key: str = ""
    outage_patience: float = 0.0
    timeout: float | None = None


class TaskRegistry:
    """Finds the running task of a target, and calls functions when tasks are polled or end.

    Attributes:
        on_poll: Called with each poll of a task; ``None`` for nothing.
    """

    def __init__(self) -> None:
        """Begin with no task."""
        self.on_poll: Callable[[], None] | None = None
        self._by_target: OrderedDict[object, tuple[Handle, Feedback | None, str]] = OrderedDict()
        self._on_end: set[_OnEnd] = set()
        self._on_end_of: dict[str, _OnEnd] = {}

    def add(
        self,
        kind: TaskKind,
        target: tuple[int, ...],
        handle: Handle,
        feedback: Feedback | None = None,
        idempotency_key: str = "",
    ) -> None:
        """Keep the task of this target, and with which feedback and name it was started."""
        self._by_target[kind, target] = handle, feedback, idempotency_key
        self._by_target.move_to_end((kind, target))
        if len(self._by_target) > MOST_TASKS:
            self._by_target.popitem(last=False)

    def find(self, start: Start) -> Handle | None:
        """Return the task that this start can join.

        A start with feedback or a name joins only a task that was started with the same one.
        """
        handle, feedback, name = self._by_target.get((start.kind, start.target), (None, None, ""))
        is_same = start.feedback in (None, feedback) and start.idempotency_key in ("", name)
        return handle if is_same else None

    def handle_of(self, ref: TaskRef) -> Handle | None:
        """Return the handle of this very task; ``None`` where it is not kept."""
        handle, *_ = self._by_target.get((ref.kind, ref.target), (None,))
        return handle if handle is not None and handle.ref.task_id == ref.task_id else None

    def on_end(self, call: _OnEnd) -> None:
        """Call a function with every task that ends from now on."""
        self._on_end.add(call)

    def on_end_of(self, ref: TaskRef, call: _OnEnd) -> None:
        """Call a function with this task when it ends."""
        self._on_end_of[ref.task_id] = call

    def end(self, ref: TaskRef) -> None:
        """Forget a task that is over, and call the functions."""
        own = self._on_end_of.pop(ref.task_id, None)
        for call in self._on_end if own is None else {*self._on_end, own}:
            call(ref)
        if self.handle_of(ref) is not None:
            del self._by_target[ref.kind, ref.target]
