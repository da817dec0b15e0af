"""Who is to be woken by which hint: handles by their target, hints that came too early, a rate."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from altcraft_async.models import TaskKind
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["Handle", "Hints", "Key"]

Handle: TypeAlias = TaskHandle[Any]  # of whatever result: it is only nudged
Key: TypeAlias = tuple[TaskKind, tuple[int, ...]]

EARLY_SECONDS = 60.0
"""How long a hint is remembered for handles to come: twice what a request may take by default."""

MOST_EARLY = 10_000
"""Hints remembered, the newest of them."""


class Hints:
    """Wakes the handles of a target, gently.

    A handle is here for as long as anybody else holds it, and nobody has to
    take it out: whoever waits for it does hold it.
    """

    def __init__(self, *, pause: float) -> None:
        """Wake the handles of one target no more often than once in so many seconds."""
        self._pause = pause
        self._bells: WeakValueDictionary[Key, _Bell] = WeakValueDictionary()
        self._bell_of: WeakKeyDictionary[Handle, _Bell] = WeakKeyDictionary()
        self._early: OrderedDict[Key, float] = OrderedDict()

    def watch(self, key: Key, handle: Handle) -> None:
        """Wake this handle from now on; at once if its hint came before it."""
        bell = self._bells.get(key)
        if bell is None:
            bell = self._bells[key] = _Bell(self._pause)
        bell.handles.add(handle)
        self._bell_of[handle] = bell  # which lives as long as one of its handles
        heard = self._early.pop(key, None)
        if heard is not None and _now() - heard <= EARLY_SECONDS:
            handle.nudge()

    def ring(self, key: Key) -> None:
        """Wake the handles of a target, and the one whose start may not have returned yet."""
        self._early[key] = _now()
        self._early.move_to_end(key)
        if len(self._early) > MOST_EARLY:
            self._early.popitem(last=False)
        bell = self._bells.get(key)
        if bell is not None:
            bell.ring()


class _Bell:
    """The handles of one target, and when they were woken."""

    __slots__ = ("__weakref__", "_again", "_pause", "_rung", "handles")

    def __init__(self, pause: float) -> None:
        self.handles: WeakSet[Handle] = WeakSet()
        self._pause = pause
        self._rung = float("-inf")
        self._again: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Wake them now, or once the pause is over: the last hint of several counts as well."""
        if self._again is not None or all(handle.done() for handle in self.handles):
            return
        wait = self._rung + self._pause - _now()
        if wait > 0:
            self._again = asyncio.get_running_loop().call_later(wait, self._wake)
        else:
            self._wake()

    def _wake(self) -> None:
        self._again = None
        self._rung = _now()
        for handle in tuple(self.handles):
            handle.nudge()


def _now() -> float:
    return asyncio.get_running_loop().time()
