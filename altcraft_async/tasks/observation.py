"""Tells the observer of a client about one task.

A poller has an `Observation` only if its client has an observer, and calls it
at each event. This module keeps what events need and the poller does not know:
when the next poll is planned, when the task was last known to be running, and
whether the observer believes that the task is watched.

Nothing here decides anything about the task.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from altcraft_async.errors import AltcraftError
from altcraft_async.models import TaskRef
from altcraft_async.observer import Notifier, ObservedTask, PollEvent
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.poll_state import Track
from altcraft_async.tasks.waiters import Waiter

__all__ = ["Observation"]


class Observation:
    """What an observer is told about one task."""

    __slots__ = (
        "_began",
        "_due",
        "_known_running",
        "_late",
        "_notifier",
        "_observer",
        "_task",
        "_watched",
    )

    def __init__(self, notifier: Notifier, ref: TaskRef, started: float | None) -> None:
        """Report the task in the context of the caller that started or attached it."""
        self._notifier = notifier
        self._observer = observer = notifier.observer
        self._task = ObservedTask(ref)
        self._due = math.inf  # when the next poll is planned
        self._began = self._late = 0.0  # of the newest poll
        self._known_running = started  # when it was last known to be running
        self._watched = False
        notifier.notify(observer.attached if started is None else observer.started, self._task)

    def joined(self) -> None:
        """Report that a start returned this task instead of sending a request."""
        self._notifier.notify(self._observer.joined, self._task)

    def waiters_changed(
        self, waiters: Collection[Waiter], error: AltcraftError | None = None
    ) -> None:
        """Report the first waiter that stays for more than one poll, and the removal of the last.

        Args:
            waiters: Those that are left.
            error: Why the last wait ended; ``None`` if it was cancelled.
        """
        self._task.waiters = len(waiters)
        watched = any(not waiter.once for waiter in waiters)
        if watched == self._watched:
            return
        self._watched = watched
        if watched:
            self._notifier.notify(self._observer.watched, self._task)
        else:
            self._notifier.notify(self._observer.unwatched, self._task, error)

    def poll_planned(self, when: float | None, *, anew: bool) -> None:
        """Note when the next poll is planned; the earlier time holds unless planned anew."""
        planned = math.inf if when is None else when
        self._due = planned if anew else min(self._due, planned)

    def poll_began(self, now: float) -> None:
        """Note how late the poll begins."""
        self._began = now
        self._late = max(0.0, now - self._due)

    def polled(
        self,
        track: Track,
        now: float,
        *,
        answer: TaskAnswer | None = None,
        failure: AltcraftError | None = None,
    ) -> None:
        """Report one poll, before anything follows from it."""
        task = self._task
        task.polls += 1
        task.seconds = now - track.started
        if answer is not None:
            task.status, task.progress = answer.name, answer.progress
        if failure is not None:
            task.faults += 1
        event = PollEvent(
            status=answer.name if answer else None,
            progress=answer.progress if answer else None,
            error=failure,
            seconds=now - self._began,
            late=self._late,
        )
        self._notifier.notify(self._observer.polled, task, event)

    def found_running(self, now: float) -> None:
        """Note that the task was running at this time."""
        self._known_running = now

    def ended(self, now: float, error: AltcraftError | None, result: object) -> None:
        """Report the end of the task."""
        task = self._task
        if self._known_running is not None:
            task.lateness = now - self._known_running
        if error is None:
            task.result = result
        task.waiters = 0
        self._watched = False
        self._notifier.notify(self._observer.ended, task, error)
