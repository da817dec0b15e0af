"""One poll loop per task, however many watch it, and none while nobody does."""

from __future__ import annotations

import logging
import math
from array import array
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC
from typing import TypeVar

import msgspec

from altcraft_async.errors import (
    AltcraftError,
    PollingError,
    ProtocolError,
    TaskError,
    TaskFailedError,
    TaskLostError,
    TaskStalledError,
    WaitTimeoutError,
)
from altcraft_async.models import TaskRef, TaskStatus
from altcraft_async.observer import about, logger
from altcraft_async.policies.base import (
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    FinishedTask,
    PollPolicy,
    pause,
)
from altcraft_async.protocol.codecs import Document, UnreadableError
from altcraft_async.protocol.envelope import snippet
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.poll_state import (
    Patience,
    Track,
    Verdict,
    finished,
    note_answer,
    note_failure,
    pressing_at,
    remaining,
    seen,
)
from altcraft_async.tasks.scheduler import Scheduler
from altcraft_async.tasks.waiters import Audience, Limited, Watcher
from altcraft_async.transport.context import ClientContext
from altcraft_async.transport.retry import backoff

__all__ = ["PollRules", "TaskPoller", "named"]

E = TypeVar("E", bound=TaskError)

LAST_POLL_SECONDS = 1.0
"""How long the poll that is made at a deadline may take before the wait ends without it."""

_CLOCK_SLACK = 1e-3  # seconds by which a poll may come before the deadline it is made for


class PollRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the pollers of a client share.

    Attributes:
        client: What all parts of the client share.
        scheduler: Runs the polls.
        poll: Sends one poll.
        policy: Decides when to poll next.
        learn: Tells the policy how a task went; ``None`` where it does not learn.
        over: Called with each task that is known to be over.
        patience: How long a wait outlives polls that fail.
        failure_statuses: Lower-case names of statuses that mean failure.
        hide: Removes the token from text that the server sent.
    """

    client: ClientContext
    scheduler: Scheduler
    poll: Callable[[str], Awaitable[TaskAnswer]]
    policy: PollPolicy
    learn: Callable[[FinishedTask], None] | None = None
    over: Callable[[TaskRef], None] | None = None
    patience: Patience
    failure_statuses: Collection[str]
    hide: Callable[[str], str]


class TaskPoller:
    """What is known of one task, and the polls it while somebody watches.

    Attributes:
        ref: The task.
        track: What was seen; ``None`` until somebody watches one started elsewhere.
        over: Whether the task is over.
        value: Its decoded result, once it is over and has one.
        error: Why it has none.
        slot: The scheduler's note.
    """

    __slots__ = (
        "_audience",
        "_client",
        "_decode",
        "_rules",
        "_soon",
        "error",
        "over",
        "ref",
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

        One that was started elsewhere may be long over, so it is polled as
        soon as somebody watches.
        """
        self.ref = ref
        self.track = None if started is None else Track(started=started)
        if self.track is not None and rules.learn is not None:
            self.track.history = array("f")
        self.over = False
        self.value: object = None
        self.error: AltcraftError | None = None
        self.slot = Scheduler.IDLE
        self._rules = rules
        self._client = rules.client
        self._decode = decode
        self._soon = started is None
        self._audience = Audience()
        self._log("is attached" if started is None else "is started")

    @property
    def rules(self) -> PollRules:
        """What the client's poll loops share."""
        return self._rules

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
        now = self._client.lifecycle.time()
        track = self.track or self._new_track(now)
        age = now - track.started
        pressing = pressing_at(now, age, remaining(track, now))
        return pressing if self.awaited else pressing + age

    def news_age(self) -> float:
        """Return for how many seconds nothing has been heard of the task."""
        if self._audience:
            return 0.0
        now = self._client.lifecycle.time()
        track = self.track or self._new_track(now)
        return now - max(track.started, track.polled_at)

    def joined(self) -> None:
        """Learn that a second refresh of the same target was asked for."""
        self._log("is joined")

    def watch(self, watcher: Watcher) -> None:
        """Poll from now on because of this watcher too; one that comes after the end hears of it.

        Raises:
            ClientClosedError: The client is closed.
            ConfigurationError: The client belongs elsewhere.
        """
        self._client.lifecycle.enter()
        now = self._client.lifecycle.time()
        if self.over:
            watcher.end(None)
            return
        if self.slot == Scheduler.IDLE or (watcher.awaited and not self.awaited):
            # A callback may have been left with a long pause that is none for who waits.
            self._plan(self._first_moment(now))
        self._audience.come(watcher)
        if isinstance(watcher, Limited) and watcher.deadline < math.inf:
            self._plan(watcher.deadline)
            late = watcher.deadline + LAST_POLL_SECONDS
            watcher.timer = self._client.lifecycle.call_at(late, self.expire, watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Forget a watcher; without any, polling stops."""
        if watcher in self._audience:
            self._audience.leave(watcher)
            if not self._audience:
                scheduler, polls = self._rules.scheduler, self.track.polls if self.track else 0
                if not polls and not scheduler.is_running(self):
                    # Or those who never stay for a whole pause would never get a poll.
                    self._soon = True
                scheduler.drop(self)

    def poll_now(self) -> None:
        """Poll now, or join the poll that is under way."""
        if not self._rules.scheduler.is_running(self):
            self.hurry()

    def hurry(self) -> None:
        """Poll now, after the poll under way if there is one; without watchers, with the first."""
        self._soon = True
        if self._audience and not self._client.lifecycle.closed:
            self._client.lifecycle.enter()
            self._plan(self._client.lifecycle.time())

    async def run(self) -> float | None:
        """Make one poll and tell whoever watches; return when to poll again."""
        if not self._audience:
            return None
        self._soon = False
        answer: TaskAnswer | None = None
        failure: AltcraftError | None = None
        try:
            answer = await self._rules.poll(self.ref.task_id)
        except AltcraftError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 -- whatever it is, whoever waits has to hear
            return self._break(error)
        return self._polled(answer, failure)

    def refuse(self, error: AltcraftError) -> float | None:
        """Count a poll that may not be sent as one that has failed."""
        self._soon = False
        return self._polled(None, error)

    def _polled(self, answer: TaskAnswer | None, failure: AltcraftError | None) -> float | None:
        """Note what a poll has brought and tell whoever watches; return when to poll again."""
        try:
            now = self._client.lifecycle.time()
            track = self.track or self._new_track(now)
            if answer is not None:
                self._note_answer(track, answer, now)
            elif failure is not None:
                self._note_failure(track, failure, now)
            if self._audience.curious:
                self._tell(failure)
            return self._next_moment(track, failure, now) if self._audience else None
        except Exception as error:  # noqa: BLE001 -- whatever it is, whoever waits has to hear
            return self._break(error)

    def _tell(self, failure: AltcraftError | None) -> None:
        """Let those know who want to hear of each poll."""
        for watcher in tuple(self._audience):
            watcher.polled(failure)

    def _break(self, error: Exception) -> float | None:
        """Go on for callbacks alone after something, most likely the policy, has failed."""
        self._end_watch(self._broken(error), but_patient=True)
        return (
            self._client.lifecycle.time() + self._client.retry.ceiling if self._audience else None
        )

    def _broken(self, error: Exception) -> PollingError:
        return self._task_error(PollingError, "cannot be followed, is it the poll policy?", error)

    def close(self) -> None:
        """End every wait because the client was closed."""
        self._end_watch(self._client.lifecycle.ended())

    def expire(self, watcher: Watcher) -> None:
        """End the wait of one whose time is over."""
        self._let_go(watcher, self._task_error(WaitTimeoutError, "was not over in time"))

    def _let_go(self, watcher: Watcher, error: AltcraftError) -> None:
        self.unwatch(watcher)
        watcher.end(error)

    def _plan(self, moment: float) -> None:
        self._rules.scheduler.at_latest(self, moment)

    def _new_track(self, now: float) -> Track:
        started_at = self.ref.started_at
        if started_at is not None and started_at.tzinfo is None:
            started_at = started_at.replace(tzinfo=UTC)
        age = (self._client.lifecycle.now() - started_at).total_seconds() if started_at else 0.0
        self.track = Track(started=now - max(0.0, age))
        return self.track

    def _note_answer(self, track: Track, answer: TaskAnswer, now: float) -> None:
        verdict = note_answer(track, answer, now, self._rules.failure_statuses)
        if verdict is Verdict.GO_ON:
            if self._audience.limited:
                self._end_overdue(track, now)
        elif verdict is Verdict.COMPLETED:
            self._complete(answer)
            self._learn(track, now)
        else:
            self._finish(error=self._task_error(TaskFailedError, "failed"))

    def _learn(self, track: Track, now: float) -> None:
        if self._rules.learn is not None and track.history is not None:
            try:
                self._rules.learn(finished(track, self.ref, now))
            except Exception:  # a policy is the user's code, and the result is there already
                words = "this poll policy cannot learn from %s"
                logger.exception(words, named(self.ref), extra=about(self.ref))
            track.history = None

    def _note_failure(self, track: Track, failure: AltcraftError, now: float) -> None:
        verdict = note_failure(track, failure, now, self._rules.patience)
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
            error = ProtocolError(
                f"tasks/status: {named(self.ref)} is completed, but its result cannot be used: "
                f"{self._rules.hide(str(refused))}",
                path="tasks/status",
                http_status=200,
                snippet=snippet(answer.data, self._rules.hide),
            )
            error.__cause__ = None if isinstance(refused, UnreadableError) else refused
            self._finish(error=error)
        else:
            self._finish(value=value)

    def _finish(self, *, value: object = None, error: AltcraftError | None = None) -> None:
        self.over, self.value, self.error = True, value, error
        self._log("is over", error)
        audience, self._audience = self._audience, Audience()
        if self._rules.over is not None:
            self._rules.over(self.ref)
        for watcher in audience:
            watcher.rest()
            watcher.end(None)

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

    def _end_overdue(self, track: Track, now: float) -> None:
        """End the waits whose deadline or patience with a stalled task is over."""
        late = now + _CLOCK_SLACK
        for watcher in tuple(self._audience):
            if not watcher.limited:
                continue
            if watcher.deadline <= late:
                self.expire(watcher)
            elif self._stalls_at(track, watcher) <= late:
                words = f"has not moved for {watcher.stall:g} s"
                self._let_go(watcher, self._task_error(TaskStalledError, words))

    def _first_moment(self, now: float) -> float:
        """Return when to poll for the first of those who watch now."""
        track = self.track or self._new_track(now)
        track.failures = 0
        if track.polls:
            # When it ended while nobody polled says nothing about how long it took.
            track.history = None
        if self._soon:
            return now
        last = track.polled_at if track.polls else now
        try:
            return max(now, last + self._pause(track, last))
        except Exception as error:  # noqa: BLE001 -- a policy is the user's code
            broken = self._broken(error)
        raise broken

    def _next_moment(self, track: Track, failure: AltcraftError | None, now: float) -> float:
        if self._soon:
            return now
        if failure is None:
            moment = now + self._pause(track, now)
        else:
            moment = now + self._pause_after(failure, track, now)
        if not self._audience.limited:
            return moment
        asked = failure.retry_after or 0.0 if failure else 0.0
        for watcher in self._audience:
            if watcher.limited:
                moment = min(moment, watcher.deadline, self._stalls_at(track, watcher))
        return max(moment, now + max(SHORTEST_PAUSE, asked))

    def _pause(self, track: Track, now: float) -> float:
        return pause(self._rules.policy, seen(track, self.ref, now, self._client.random()))

    def _pause_after(self, failure: AltcraftError, track: Track, now: float) -> float:
        """Poll again soon after one failed poll; while very many fail, no sooner than else."""
        soon = backoff(track.failures - 1, failure, self._client.retry, self._client.random())
        usual = 0.0 if self._client.retry_budget.spend() else self._pause(track, now)
        return min(max(soon, usual, SHORTEST_PAUSE), LONGEST_PAUSE)

    @staticmethod
    def _stalls_at(track: Track, watcher: Watcher) -> float:
        """Return when the watcher gives up; never, as long as nothing was seen to move."""
        if track.moved_at is None:
            return math.inf
        return max(track.moved_at, watcher.since) + watcher.stall

    def _log(self, words: str, why: AltcraftError | None = None) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            said = f"{words}: {why}" if why else words
            logger.debug("%s %s", named(self.ref), said, extra=about(self.ref))

    def _task_error(self, kind: type[E], words: str, cause: Exception | None = None) -> E:
        status = self.status
        said = f", last status {status.status!r} {_percent(status)}" if status else ""
        said = self._rules.hide(said)
        why = f": {cause}" if cause else ""
        error = kind(
            f"tasks/status: {named(self.ref)} {words}{said}{why}", ref=self.ref, status=status
        )
        error.__cause__ = cause
        return error


def named(ref: TaskRef) -> str:
    """Name a task for people: id, and what it counts where that is known."""
    target = f" of {ref.kind} {', '.join(map(str, ref.target))}" if ref.target else ""
    return f"task {ref.task_id}{target}"


def _percent(status: TaskStatus) -> str:
    return "without progress" if status.progress is None else f"at {status.progress} %"
