"""Polls one task while it has a waiter.

A poller without waiters is unknown to the scheduler and costs nothing. With the
first waiter it asks the poll policy for a delay and enters the scheduler, which
calls `run` at that time. `run` sends one poll. `poll_state` says what the answer
or failure means, and the poller acts on it: it ends the task, ends some waits,
or returns when to poll again. All waiters share these polls. When its last
waiter is removed, the poller leaves the scheduler.

A poll under way belongs to the scheduler: removing a waiter never cancels it.
A waiter with a deadline gets one poll at the deadline. `AwaitedTask` ends the waits.

Nothing here sends requests, computes intervals or interprets answers.
"""

from __future__ import annotations

import math
from asyncio import to_thread
from collections.abc import Callable

from altcraft_async.errors import (
    AltcraftError,
    PollingError,
    TaskFailedError,
    TaskLostError,
)
from altcraft_async.models import TaskRef
from altcraft_async.policies.base import SHORTEST_INTERVAL
from altcraft_async.policies.callbacks import ExpectedCall
from altcraft_async.protocol.codecs import Document
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.awaited_task import LAST_POLL_SECONDS, AwaitedTask
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.tasks.poll_state import (
    Track,
    Verdict,
    note_answer,
    note_failure,
    poll_priority,
    seconds_left,
)
from altcraft_async.tasks.record import Decoded
from altcraft_async.tasks.scheduler import Scheduler
from altcraft_async.tasks.waiters import LimitedWaiter, Waiter
from altcraft_async.transport.breaker import got_no_answer
from altcraft_async.transport.retry import LONGEST_RETRY_AFTER, is_passing

__all__ = ["TaskPoller"]

CALLBACK_SECONDS = 30.0
"""How much later a poll for callbacks only is wanted."""


class TaskPoller(AwaitedTask):
    """Polls one task while it has a waiter.

    Attributes:
        slot: The scheduler's note.
    """

    __slots__ = ("_poll_at_once", "slot")

    def __init__(
        self,
        ref: TaskRef,
        rules: PollRules,
        decode: Callable[[Document, TaskRef], object],
        *,
        started: float | None,
    ) -> None:
        """Remember the task; its first waiter gets a poll at once if it was started elsewhere."""
        super().__init__(ref, rules, decode, started=started)
        self.slot = Scheduler.IDLE
        self._poll_at_once = started is None  # it may be long over

    def priority(self) -> float:
        """Return the time by which this poll is wanted; later if no coroutine waits."""
        track = self._seen()
        wanted = now = self._lifecycle.time()
        # The first poll that a waiter sees goes before the next one of any other.
        if track.polls and all(waiter.since <= track.polled_at for waiter in self._waiters):
            wanted = poll_priority(now, now - track.started, seconds_left(track, now))
        return wanted if self.awaited else wanted + CALLBACK_SECONDS

    def seconds_unpolled(self) -> float:
        """Return for how many seconds nothing has been heard of the task; 0 with a waiter."""
        if self._waiters:
            return 0.0
        track = self._seen()
        return self._lifecycle.time() - max(track.started, track.polled_at)

    def expect_call(self, *, early: bool) -> ExpectedCall:
        """Expect a call of the platform at the end; ``early`` if one may have come already."""
        track = self._seen()
        if track.call is None:
            sure = not self._poll_at_once  # else it may be long over
            track.call = self.rules.callbacks.expect(sure=sure, early=early)
        return track.call

    def joined(self) -> None:
        """Note that a start returned this task instead of sending a request."""
        self._log("is joined")
        if self._observation is not None:
            self._observation.joined()

    def add_waiter(self, waiter: Waiter) -> None:
        """Keep polling for this waiter; end it at once if the task is over.

        Raises:
            ClientClosedError: The client is closed.
            ConfigurationError: The client belongs to another loop or process.
        """
        self._lifecycle.enter()
        if self.over:
            waiter.end(None)
            return
        if self.slot == Scheduler.IDLE or (waiter.awaited and not self.awaited):
            # A coroutine may need an earlier poll than a callback did.
            self._plan(self._first_poll_at())
        self._waiters.append(waiter)
        if isinstance(waiter, LimitedWaiter) and waiter.deadline < math.inf:
            self._plan(waiter.deadline)
            late = waiter.deadline + LAST_POLL_SECONDS
            waiter.timer = self._lifecycle.call_at(late, self._limit_last_poll, waiter, late)
        if self._observation is not None:
            self._observation.waiters_changed(self._waiters)

    def _stop(self) -> None:
        scheduler = self.rules.scheduler
        if not self.polls and not scheduler.is_running(self):
            # Or waits that are all shorter than the first delay would never get a poll.
            self._poll_at_once = True
        scheduler.drop(self)

    def check_place(self) -> None:
        """Raise a `ConfigurationError` in another loop or process than the client's."""
        self._lifecycle.check_place()

    def poll_now(self) -> None:
        """Poll now, unless a poll is under way."""
        if not self.rules.scheduler.is_running(self):
            self.poll_again()

    def poll_again(self) -> None:
        """Poll now, or right after the poll under way; without waiters, with the first one."""
        self._poll_at_once = True
        if self._waiters and not self._lifecycle.closed:
            self._lifecycle.enter()
            self._plan(self._lifecycle.time())

    async def run(self) -> float | None:
        """Make one poll and tell the waiters; return when to poll again."""
        if not self._waiters:
            return None
        self._poll_at_once = False
        if self._observation is not None:
            self._observation.poll_began(self._lifecycle.time())
        answer: TaskAnswer | None = None
        failure: AltcraftError | None = None
        decoded: Decoded | None = None
        try:
            answer = await self.rules.poll(self.ref.task_id)
            if answer.is_large:
                decoded = await to_thread(self._decode_result, answer)
        except AltcraftError as error:
            failure = error
            if is_passing(error):
                self.rules.scheduler.concurrency.failed()
        except Exception as error:  # noqa: BLE001 -- whatever it is, no wait may hang
            return self._break(error)
        return self._polled(answer, failure, decoded)

    def refuse(self, error: AltcraftError) -> float | None:
        """Count a poll that may not be sent as one that has failed."""
        self._poll_at_once = False
        if self._observation is not None:
            self._observation.poll_began(self._lifecycle.time())
        return self._polled(None, error)

    def close(self) -> None:
        """End every wait because the client was closed."""
        self._end_waits(self._lifecycle.closed_error())

    def _plan(self, when: float) -> None:
        if self._observation is not None:
            self._observation.poll_planned(when, anew=self.slot == Scheduler.IDLE)
        self.rules.scheduler.at_latest(self, when)

    def _polled(
        self,
        answer: TaskAnswer | None,
        failure: AltcraftError | None,
        decoded: Decoded | None = None,
    ) -> float | None:
        """Note what a poll has brought and tell the waiters; return when to poll again."""
        try:
            track = self._track or self._seen()  # mostly without a call: this is the hot path
            now = self._lifecycle.time()
            if self._observation is not None:
                self._observation.polled(track, now, answer=answer, failure=failure)
            if answer is not None:
                self._note_answer(track, answer, now, decoded)
            elif failure is not None:
                self._note_failure(track, failure, now)
            if self._waiters.curious:
                self._waiters.tell(failure)
            when = self._next_poll_at(track, failure, now) if self._waiters else None
        except Exception as error:  # noqa: BLE001 -- whatever it is, no wait may hang
            return self._break(error)
        if self._observation is not None:
            self._observation.poll_planned(when, anew=True)
        return when

    def _break(self, error: Exception) -> float | None:
        """End all waits but callbacks after a failure, most likely of the policy."""
        self._end_waits(self._policy_error(error), keep_patient=True)
        ceiling = self.rules.client.retry.ceiling
        when = self._lifecycle.time() + ceiling if self._waiters else None
        if self._observation is not None:
            self._observation.poll_planned(when, anew=True)
        return when

    def _note_answer(
        self, track: Track, answer: TaskAnswer, now: float, decoded: Decoded | None
    ) -> None:
        verdict = note_answer(track, answer, now, self.rules.failure_statuses)
        if verdict is Verdict.GO_ON:
            if self._observation is not None:
                self._observation.found_running(now)
            if track.call is not None and not self._poll_at_once:  # else a call came meanwhile
                track.call.found_running()
            if self._waiters.limited:
                self._end_overdue(track, now)
        elif verdict is Verdict.COMPLETED:
            self.value, error = decoded or self._decode_result(answer)
            self._end_task(error)
            self._learn(track, now)
            if track.call is not None:
                track.call.found_over(now, now - track.started)
        else:
            self._end_task(self._error(TaskFailedError, "failed"))

    def _note_failure(self, track: Track, failure: AltcraftError, now: float) -> None:
        outage = self.rules.client.outage
        verdict = note_failure(
            track,
            failure,
            now,
            self.rules.patience,
            in_outage=outage.holds_polls and got_no_answer(failure),
            # A platform that asks for a long pause is waited for as one that is away.
            longest_retry_after=max(outage.patience, LONGEST_RETRY_AFTER),
        )
        self._log("could not be polled", failure)
        if track.failures == 1:
            track.warned = False
        if verdict is Verdict.LOST:
            words = "is not known to the server (any more)"
            self._end_task(self._error(TaskLostError, words, failure))
        elif verdict is Verdict.REFUSED:
            self._end_waits(failure, keep_patient=True)
        elif verdict is Verdict.GIVE_UP:
            words = f"could not be polled, {track.failures} times in a row"
            error = self._error(PollingError, words, failure)
            self._waiters.tell(failure)  # a caller of `poll` gets the failure of that poll
            self._end_waits(error, keep_patient=True)
        elif self._waiters.limited:
            self._end_overdue(track, now)

    def _first_poll_at(self) -> float:
        """Return when to poll for the first waiter."""
        track = self._seen()
        now = self._lifecycle.time()
        track.failures = 0
        if track.polls:
            # Without a waiter the task was not polled, so its duration is unknown.
            track.history = None
        if self._poll_at_once:
            return now
        last = track.polled_at if track.polls else now
        try:
            return max(now, last + self.rules.interval(track, self.ref, last))
        except Exception as error:  # noqa: BLE001 -- a policy is the user's code
            broken = self._policy_error(error)
        raise broken

    def _next_poll_at(self, track: Track, failure: AltcraftError | None, now: float) -> float:
        if self._poll_at_once:
            return now
        if failure is None:
            when = now + self.rules.interval(track, self.ref, now)
        else:
            when = now + self.rules.interval_after(failure, track, self.ref)
        if not self._waiters.limited:
            return when
        asked = failure.retry_after or 0.0 if failure else 0.0
        when = min(when, self._waiters.first_limit(track.moved_at))
        return max(when, now + max(SHORTEST_INTERVAL, asked))
