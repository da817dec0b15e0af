"""Polls one task while it has a waiter.

A poller without waiters is known to no scheduler and costs nothing. With the
first waiter it asks the poll policy for a delay and enters the scheduler, which
calls `run` at that time. `run` sends one poll. `poll_state` says what the answer
or failure means, and the poller acts on it: it ends the task, ends some waits,
or returns when to poll again. All waiters share these polls. With its last
waiter gone, the poller leaves the scheduler.

A poll under way belongs to the scheduler: removing a waiter never cancels it.
A waiter with a deadline gets one poll at the deadline, and is ended by a timer
of its own if that poll takes too long.

Nothing here sends requests, computes intervals or interprets answers.
"""

from __future__ import annotations

import logging
import math
from array import array
from collections.abc import Callable
from datetime import UTC
from typing import TypeVar

from altcraft_async.errors import (
    AltcraftError,
    PollingError,
    TaskError,
    TaskFailedError,
    TaskLostError,
    TaskStalledError,
    WaitTimeoutError,
)
from altcraft_async.models import TaskRef, TaskStatus
from altcraft_async.observer import about, logger
from altcraft_async.policies.base import SHORTEST_PAUSE
from altcraft_async.protocol.codecs import Document
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.observation import Observation
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.tasks.poll_state import (
    Track,
    Verdict,
    finished,
    note_answer,
    note_failure,
    pressing_at,
    remaining,
)
from altcraft_async.tasks.scheduler import Scheduler
from altcraft_async.tasks.task_errors import last_status, named, unusable_result
from altcraft_async.tasks.waiters import Audience, Limited, Watcher

__all__ = ["PollRules", "TaskPoller", "named"]

E = TypeVar("E", bound=TaskError)

LAST_POLL_SECONDS = 1.0
"""How long the poll that is made at a deadline may take before the wait ends without it."""

_CLOCK_SLACK = 1e-3  # seconds by which a poll may come before the deadline it is made for


class TaskPoller:
    """What is known of one task, and the polls of it while it has a waiter.

    Attributes:
        ref: The task.
        rules: What the pollers of the client share.
        track: What was seen; ``None`` until the first waiter of a task started elsewhere.
        over: Whether the task is over.
        value: Its decoded result, once it is over and has one.
        error: Why it has none.
        slot: The scheduler's note.
    """

    __slots__ = (
        "_audience",
        "_decode",
        "_lifecycle",
        "_observation",
        "_soon",
        "error",
        "over",
        "ref",
        "rules",
        "slot",
        "track",
        "value",
    )

    def __init__(
        self,
        ref: TaskRef,
        rules: PollRules,
        decode: Callable[[Document, TaskRef], object],
        *,
        started: float | None,
    ) -> None:
        """Remember the task and, if it was started here, the loop time of that; ask nothing yet.

        One that was started elsewhere may be long over, so its first waiter
        gets a poll at once.
        """
        self.ref = ref
        self.rules = rules
        self.track = None if started is None else Track(started=started)
        if self.track is not None and rules.learn is not None:
            self.track.history = array("f")
        self.over = False
        self.value: object = None
        self.error: AltcraftError | None = None
        self.slot = Scheduler.IDLE
        self._lifecycle = rules.client.lifecycle
        self._decode = decode
        self._soon = started is None
        self._audience = Audience()
        self._log("is attached" if started is None else "is started")
        notifier = rules.client.notifier
        self._observation = None if notifier is None else Observation(notifier, ref, started)

    @property
    def status(self) -> TaskStatus | None:
        """What the newest answered poll brought; ``None`` before the first."""
        answer = self.track and self.track.answer
        return answer.status if answer else None

    @property
    def watchers(self) -> tuple[Watcher, ...]:
        """Who watches now, in the order in which they came."""
        return tuple(self._audience)

    @property
    def awaited(self) -> bool:
        """Say whether somebody waits, rather than only wants to be called."""
        return self._audience.awaited > 0

    def rank(self) -> float:
        """Return when this poll is wanted most if not all can be made; later if nobody waits."""
        now = self._lifecycle.time()
        track = self.track or self._new_track(now)
        age = now - track.started
        pressing = pressing_at(now, age, remaining(track, now))
        return pressing if self.awaited else pressing + age

    def news_age(self) -> float:
        """Return for how many seconds nothing has been heard of the task."""
        if self._audience:
            return 0.0
        now = self._lifecycle.time()
        track = self.track or self._new_track(now)
        return now - max(track.started, track.polled_at)

    def joined(self) -> None:
        """Learn that a second refresh of the same target was asked for."""
        self._log("is joined")
        if self._observation is not None:
            self._observation.joined()

    def watch(self, watcher: Watcher) -> None:
        """Poll from now on because of this watcher too; one that comes after the end hears of it.

        Raises:
            ClientClosedError: The client is closed.
            ConfigurationError: The client belongs elsewhere.
        """
        self._lifecycle.enter()
        now = self._lifecycle.time()
        if self.over:
            watcher.end(None)
            return
        if self.slot == Scheduler.IDLE or (watcher.awaited and not self.awaited):
            # A new waiter needs an earlier poll than a callback did.
            self._plan(self._first_moment(now))
        self._audience.come(watcher)
        if isinstance(watcher, Limited) and watcher.deadline < math.inf:
            self._plan(watcher.deadline)
            late = watcher.deadline + LAST_POLL_SECONDS
            watcher.timer = self._lifecycle.call_at(late, self.expire, watcher)
        if self._observation is not None:
            self._observation.waiters_changed(self._audience)

    def unwatch(self, watcher: Watcher, error: AltcraftError | None = None) -> None:
        """Forget a watcher, whose wait has ended for this reason; without any, polling stops."""
        if watcher not in self._audience:
            return
        self._audience.leave(watcher)
        if not self._audience:
            scheduler, polls = self.rules.scheduler, self.track.polls if self.track else 0
            if not polls and not scheduler.is_running(self):
                # Or waits that are all shorter than the delay would never get a poll.
                self._soon = True
            scheduler.drop(self)
        if self._observation is not None:
            self._observation.waiters_changed(self._audience, error)

    def poll_now(self) -> None:
        """Poll now, or join the poll that is under way."""
        if not self.rules.scheduler.is_running(self):
            self.hurry()

    def hurry(self) -> None:
        """Poll now, after the poll under way if there is one; without watchers, with the first."""
        self._soon = True
        if self._audience and not self._lifecycle.closed:
            self._lifecycle.enter()
            self._plan(self._lifecycle.time())

    async def run(self) -> float | None:
        """Make one poll and tell the waiters; return when to poll again."""
        if not self._audience:
            return None
        self._note_beginning()
        answer: TaskAnswer | None = None
        failure: AltcraftError | None = None
        try:
            answer = await self.rules.poll(self.ref.task_id)
        except AltcraftError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 -- whatever it is, the waiters have to hear
            return self._planned(self._break(error))
        return self._planned(self._polled(answer, failure))

    def refuse(self, error: AltcraftError) -> float | None:
        """Count a poll that may not be sent as one that has failed."""
        self._note_beginning()
        return self._planned(self._polled(None, error))

    def close(self) -> None:
        """End every wait because the client was closed."""
        self._end_watch(self._lifecycle.ended())

    def expire(self, watcher: Watcher) -> None:
        """End the wait of one whose time is over."""
        self._let_go(watcher, self._task_error(WaitTimeoutError, "was not over in time"))

    def _note_beginning(self) -> None:
        self._soon = False
        if self._observation is not None:
            self._observation.poll_began(self._lifecycle.time())

    def _planned(self, when: float | None) -> float | None:
        if self._observation is not None:
            self._observation.poll_planned(math.inf if when is None else when, anew=True)
        return when

    def _polled(self, answer: TaskAnswer | None, failure: AltcraftError | None) -> float | None:
        """Note what a poll has brought and tell the waiters; return when to poll again."""
        try:
            now = self._lifecycle.time()
            track = self.track or self._new_track(now)
            if self._observation is not None:
                self._observation.polled(track, now, answer=answer, failure=failure)
            if answer is not None:
                self._note_answer(track, answer, now)
            elif failure is not None:
                self._note_failure(track, failure, now)
            if self._audience.curious:
                self._tell(failure)
            return self._next_moment(track, failure, now) if self._audience else None
        except Exception as error:  # noqa: BLE001 -- whatever it is, the waiters have to hear
            return self._break(error)

    def _tell(self, failure: AltcraftError | None) -> None:
        """Let those know who want to hear of each poll."""
        for watcher in tuple(self._audience):
            watcher.polled(failure)

    def _break(self, error: Exception) -> float | None:
        """Go on for callbacks alone after something, most likely the policy, has failed."""
        self._end_watch(self._broken(error), but_patient=True)
        retry = self.rules.client.retry
        return self._lifecycle.time() + retry.ceiling if self._audience else None

    def _broken(self, error: Exception) -> PollingError:
        return self._task_error(PollingError, "cannot be followed, is it the poll policy?", error)

    def _let_go(self, watcher: Watcher, error: AltcraftError) -> None:
        self.unwatch(watcher, error)
        watcher.end(error)

    def _plan(self, moment: float) -> None:
        if self._observation is not None:
            self._observation.poll_planned(moment, anew=self.slot == Scheduler.IDLE)
        self.rules.scheduler.at_latest(self, moment)

    def _new_track(self, now: float) -> Track:
        started_at = self.ref.started_at
        if started_at is not None and started_at.tzinfo is None:
            started_at = started_at.replace(tzinfo=UTC)
        age = (self._lifecycle.now() - started_at).total_seconds() if started_at else 0.0
        self.track = Track(started=now - max(0.0, age))
        return self.track

    def _note_answer(self, track: Track, answer: TaskAnswer, now: float) -> None:
        verdict = note_answer(track, answer, now, self.rules.failure_statuses)
        if verdict is Verdict.GO_ON:
            if self._observation is not None:
                self._observation.found_running(now)
            if self._audience.limited:
                self._end_overdue(track, now)
        elif verdict is Verdict.COMPLETED:
            self._complete(answer)
            self._learn(track, now)
        else:
            self._finish(error=self._task_error(TaskFailedError, "failed"))

    def _learn(self, track: Track, now: float) -> None:
        if self.rules.learn is not None and track.history is not None:
            try:
                self.rules.learn(finished(track, self.ref, now))
            except Exception:  # a policy is the user's code, and the result is there already
                words = "this poll policy cannot learn from %s"
                logger.exception(words, named(self.ref), extra=about(self.ref))
            track.history = None

    def _note_failure(self, track: Track, failure: AltcraftError, now: float) -> None:
        verdict = note_failure(track, failure, now, self.rules.patience)
        self._log("could not be polled", failure)
        if track.failures == 1:
            self._audience.warned = False
        if verdict is Verdict.LOST:
            words = "is not known to the server (any more)"
            self._finish(error=self._task_error(TaskLostError, words, failure))
        elif verdict is Verdict.REFUSED:
            self._end_watch(failure, but_patient=True)
        elif verdict is Verdict.GIVE_UP:
            words = f"could not be polled, {track.failures} times in a row"
            error = self._task_error(PollingError, words, failure)
            self._tell(failure)  # who asked for one poll hears of that poll
            self._end_watch(error, but_patient=True)
        elif self._audience.limited:
            self._end_overdue(track, now)

    def _complete(self, answer: TaskAnswer) -> None:
        try:
            value = self._decode(answer.result, self.ref)
        except Exception as refused:  # noqa: BLE001 -- a decoder may be the user's code
            self._finish(error=unusable_result(self.ref, answer, refused, self.rules.hide))
        else:
            self._finish(value=value)

    def _finish(self, *, value: object = None, error: AltcraftError | None = None) -> None:
        self.over, self.value, self.error = True, value, error
        self._log("is over", error)
        audience, self._audience = self._audience, Audience()
        if self.rules.over is not None:
            self.rules.over(self.ref)
        for watcher in audience:
            watcher.rest()
            watcher.end(None)
        if self._observation is not None:
            self._observation.ended(self._lifecycle.time(), error)

    def _end_watch(self, error: AltcraftError, *, but_patient: bool = False) -> None:
        """End the waits though the task is not over; the patient ones may go on."""
        audience = self._audience
        self._audience = Audience(one for one in audience if but_patient and one.patient)
        for watcher in audience:
            if not (but_patient and watcher.patient):
                watcher.rest()
                watcher.end(error.fresh())
        if self._audience and not audience.warned:
            words = "still polling, for callbacks only: %s"
            logger.warning(words, error, extra=about(self.ref))
        self._audience.warned = True
        if self._observation is not None:
            self._observation.waiters_changed(self._audience, error)

    def _end_overdue(self, track: Track, now: float) -> None:
        """End the waits whose deadline or patience with a stalled task is over."""
        late = now + _CLOCK_SLACK
        for watcher in tuple(self._audience):
            if watcher.deadline <= late:
                self.expire(watcher)
            elif watcher.stalls_at(track.moved_at) <= late:
                words = f"has not moved for {watcher.stall:g} s"
                self._let_go(watcher, self._task_error(TaskStalledError, words))

    def _first_moment(self, now: float) -> float:
        """Return when to poll for the first waiter."""
        track = self.track or self._new_track(now)
        track.failures = 0
        if track.polls:
            # When it ended while nobody polled says nothing about how long it took.
            track.history = None
        if self._soon:
            return now
        last = track.polled_at if track.polls else now
        try:
            return max(now, last + self.rules.interval(track, self.ref, last))
        except Exception as error:  # noqa: BLE001 -- a policy is the user's code
            broken = self._broken(error)
        raise broken

    def _next_moment(self, track: Track, failure: AltcraftError | None, now: float) -> float:
        if self._soon:
            return now
        if failure is None:
            moment = now + self.rules.interval(track, self.ref, now)
        else:
            moment = now + self.rules.interval_after(failure, track, self.ref, now)
        if not self._audience.limited:
            return moment
        asked = failure.retry_after or 0.0 if failure else 0.0
        moment = min(moment, self._audience.first_limit(track.moved_at))
        return max(moment, now + max(SHORTEST_PAUSE, asked))

    def _log(self, words: str, why: AltcraftError | None = None) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            said = f"{words}: {why}" if why else words
            logger.debug("%s %s", named(self.ref), said, extra=about(self.ref))

    def _task_error(self, kind: type[E], words: str, cause: Exception | None = None) -> E:
        status = self.status
        said = self.rules.hide(last_status(status))
        why = f": {cause}" if cause else ""
        error = kind(
            f"tasks/status: {named(self.ref)} {words}{said}{why}", ref=self.ref, status=status
        )
        error.__cause__ = cause
        return error
