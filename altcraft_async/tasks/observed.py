"""The poll loop of a task whose client has an observer."""

from __future__ import annotations

import math
from collections.abc import Callable

from altcraft_async.errors import AltcraftError
from altcraft_async.models import TaskRef
from altcraft_async.observer import Notifier, ObservedTask, PollEvent
from altcraft_async.protocol.codecs import Document
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.poll_state import Track
from altcraft_async.tasks.poller import PollRules, TaskPoller
from altcraft_async.tasks.scheduler import Scheduler
from altcraft_async.tasks.waiters import PollWaiter, Watcher

__all__ = ["ObservedPoller", "new_poll"]


def new_poll(
    ref: TaskRef,
    rules: PollRules,
    decode: Callable[[Document, TaskRef], object],
    *,
    started: float | None,
) -> TaskPoller:
    """Make the poll loop of a task: one that tells, where there is somebody to tell."""
    if rules.client.notifier is None:
        return TaskPoller(ref, rules, decode, started=started)
    return ObservedPoller(ref, rules, decode, started=started, notifier=rules.client.notifier)


class ObservedPoller(TaskPoller):
    """Tells an observer of what a `TaskPoller` does.

    A class of its own, so that a client without an observer does not even ask
    whether there is one.
    """

    __slots__ = ("_began", "_due", "_knew", "_late", "_notifier", "_task", "_watched", "_why")

    def __init__(
        self,
        ref: TaskRef,
        rules: PollRules,
        decode: Callable[[Document, TaskRef], object],
        *,
        started: float | None,
        notifier: Notifier,
    ) -> None:
        """Tell that there is a task, in the context of whoever started or attached it."""
        super().__init__(ref, rules, decode, started=started)
        self._notifier = notifier
        self._task = ObservedTask(ref)
        self._due = math.inf  # when the next poll is planned
        self._began = self._late = 0.0  # of the newest poll
        self._knew = started  # when it was last known to be running
        self._watched = False
        self._why: AltcraftError | None = None  # the last wait ended
        observer = notifier.observer
        notifier.notify(observer.attached if started is None else observer.started, self._task)

    def joined(self) -> None:
        """Tell that this task was joined instead of starting another."""
        super().joined()
        self._notifier.notify(self._notifier.observer.joined, self._task)

    def watch(self, watcher: Watcher) -> None:
        """Tell when the first comes who stays for more than one poll."""
        super().watch(watcher)
        if not self._watched and self._has_followers():
            self._watched = True
            self._notifier.notify(self._notifier.observer.watched, self._task)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell when the last has gone."""
        super().unwatch(watcher)
        self._note_leaving(self._why)

    async def run(self) -> float | None:
        """Note when the poll began, and when the next one is planned."""
        self._note_beginning()
        return self._planned(await super().run())

    def refuse(self, error: AltcraftError) -> float | None:
        """Note the same of a poll that may not be sent."""
        self._note_beginning()
        return self._planned(super().refuse(error))

    def _note_beginning(self) -> None:
        self._began = self._client.lifecycle.time()
        self._late = max(0.0, self._began - self._due)

    def _planned(self, again: float | None) -> float | None:
        self._due = math.inf if again is None else again
        return again

    def _plan(self, moment: float) -> None:
        dropped = self.slot == Scheduler.IDLE  # what was planned before, if anything
        self._due = moment if dropped else min(self._due, moment)
        super()._plan(moment)

    def _note_answer(self, track: Track, answer: TaskAnswer, now: float) -> None:
        self._task.status = answer.name
        self._note_poll(track, now, answer=answer)
        super()._note_answer(track, answer, now)
        self._knew = now

    def _note_failure(self, track: Track, failure: AltcraftError, now: float) -> None:
        self._task.faults += 1
        self._note_poll(track, now, failure=failure)
        super()._note_failure(track, failure, now)

    def _note_poll(
        self,
        track: Track,
        now: float,
        *,
        answer: TaskAnswer | None = None,
        failure: AltcraftError | None = None,
    ) -> None:
        self._task.polls += 1
        self._task.seconds = now - track.started
        poll = PollEvent(
            status=answer.name if answer else None,
            progress=answer.progress if answer else None,
            error=failure,
            seconds=now - self._began,
            late=self._late,
        )
        self._notifier.notify(self._notifier.observer.polled, self._task, poll)

    def _finish(self, *, value: object = None, error: AltcraftError | None = None) -> None:
        super()._finish(value=value, error=error)
        if self._knew is not None:
            self._task.lateness = self._client.lifecycle.time() - self._knew
        self._watched = False
        self._notifier.notify(self._notifier.observer.ended, self._task, error)

    def _let_go(self, watcher: Watcher, error: AltcraftError) -> None:
        self._why = error
        super()._let_go(watcher, error)
        self._why = None

    def _end_watch(self, error: AltcraftError, *, but_patient: bool = False) -> None:
        super()._end_watch(error, but_patient=but_patient)
        self._note_leaving(error)

    def _note_leaving(self, why: AltcraftError | None) -> None:
        if self._watched and not self._has_followers():
            self._watched = False
            self._notifier.notify(self._notifier.observer.unwatched, self._task, why)

    def _has_followers(self) -> bool:
        return any(not isinstance(watcher, PollWaiter) for watcher in self._audience)
