"""Hints that make the handles of a target poll.

A hint polls all handles of its target, at most once per interval. A hint that comes before
its handle, because the start has not returned yet, is kept for a minute. Handles are
referenced weakly: a handle that nothing else holds is dropped.

Each hint is also the call that the target's tasks expect, see `policies.callbacks`.
After the end of a task its client keeps the expected call until it is counted.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from altcraft_async.models import TaskKind
from altcraft_async.policies.callbacks import ExpectedCall
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.transport.lifecycle import Lifecycle

__all__ = ["Handle", "Hints", "Target"]

Handle: TypeAlias = TaskHandle[Any]
Target: TypeAlias = tuple[TaskKind, tuple[int, ...]]

EARLY_SECONDS = 60.0
"""How long a hint waits for its handle: twice the default ``request_timeout``."""

MAX_EARLY = 10_000
"""Newest hints that wait for a handle."""


class Hints:
    """Polls the handles of a target on each hint."""

    def __init__(self, *, interval: float) -> None:
        """Poll the handles of one target at most once in so many seconds."""
        self._interval = interval
        self._groups: WeakValueDictionary[Target, _HandleGroup] = WeakValueDictionary()
        self._group_of: WeakKeyDictionary[Handle | ExpectedCall, _HandleGroup] = WeakKeyDictionary()
        self._early: OrderedDict[Target, float] = OrderedDict()

    def watch(self, target: Target, handle: Handle) -> None:
        """Poll this handle on each hint from now on; at once if its hint has just come."""
        group = self._groups.get(target)
        if group is None:
            group = self._groups[target] = _HandleGroup(self._interval)
        came_at = self._early.pop(target, None)
        is_early = came_at is not None and _now() - came_at <= EARLY_SECONDS
        group.handles.add(handle)
        call = handle.poller.expect_call(early=is_early)
        group.calls[call] = handle.poller.rules.client.lifecycle
        # Keeps the group alive as long as one of its handles or calls.
        self._group_of[handle] = self._group_of[call] = group
        if is_early:
            handle.nudge()

    def hint(self, target: Target) -> None:
        """Poll the handles of a target, and the next one if its start has not returned yet."""
        group = self._groups.get(target)
        if group is None or not group.is_running:
            self._early[target] = _now()
            self._early.move_to_end(target)
            if len(self._early) > MAX_EARLY:
                self._early.popitem(last=False)
        if group is not None:
            group.receive()
            group.poll()


class _HandleGroup:
    """The handles of one target, and when they were last polled by a hint."""

    __slots__ = ("__weakref__", "_interval", "_polled_at", "_timer", "calls", "handles")

    def __init__(self, interval: float) -> None:
        self.handles: WeakSet[Handle] = WeakSet()
        self.calls: WeakKeyDictionary[ExpectedCall, Lifecycle] = WeakKeyDictionary()
        self._interval = interval
        self._polled_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether a task is not known to be over, so that a hint is most likely for it."""
        return not all(handle.done() for handle in self.handles)

    def receive(self) -> None:
        """Note the call that every task of the target may expect."""
        for call, lifecycle in tuple(self.calls.items()):
            call.receive(lifecycle.time())

    def poll(self) -> None:
        """Poll now, or when the interval is over, so that the last of several hints counts."""
        if self._timer is not None or not self.is_running:
            return
        delay = self._polled_at + self._interval - _now()
        if delay > 0:
            self._timer = asyncio.get_running_loop().call_later(delay, self._poll_now)
        else:
            self._poll_now()

    def _poll_now(self) -> None:
        self._timer = None
        self._polled_at = _now()
        for handle in tuple(self.handles):
            handle.nudge()


def _now() -> float:
    return asyncio.get_running_loop().time()
