"""What is known of one task: what its polls showed, and how it ended.

`poll_state` has the rules; here they meet the clock, the policy and the decoder
of a client. Nothing here knows of waiters or of the scheduler.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable
from typing import TypeVar

from altcraft_async.errors import AltcraftError, PollingError, ProtocolError, TaskError
from altcraft_async.models import TaskRef, TaskStatus
from altcraft_async.observer import about, logger
from altcraft_async.protocol.codecs import Document
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.descriptions import last_status, named, unusable_result
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.tasks.poll_state import Track, age_of, finished_task, seconds_left

__all__ = ["Decoded", "TaskRecord"]

E = TypeVar("E", bound=TaskError)

Decoded = tuple[object, ProtocolError | None]
"""The result of a completed task, and why it cannot be used, if so."""


class TaskRecord:
    """What is known of one task.

    Attributes:
        ref: The task.
        rules: What the pollers of the client share.
        over: Whether the task is over.
        value: Its decoded result, once it is over and has one.
        error: Why it has none.
    """

    __slots__ = ("_decode", "_lifecycle", "_track", "error", "over", "ref", "rules", "value")

    def __init__(
        self,
        ref: TaskRef,
        rules: PollRules,
        decode: Callable[[Document, TaskRef], object],
        *,
        started: float | None,
    ) -> None:
        """Remember the task and, if it was started here, the client's time of that."""
        self.ref = ref
        self.rules = rules
        self.over = False
        self.value: object = None
        self.error: AltcraftError | None = None
        self._lifecycle = rules.client.lifecycle
        self._decode = decode
        self._track = None if started is None else Track(started=started)
        if self._track is not None and rules.learn is not None:
            self._track.history = array("f")
        self._log("is attached" if started is None else "is started")

    @property
    def status(self) -> TaskStatus | None:
        """What the newest answered poll brought; ``None`` before the first."""
        answer = self._track and self._track.answer
        return answer.status if answer else None

    @property
    def polls(self) -> int:
        """How many polls were made, failed ones included."""
        return self._track.polls if self._track else 0

    @property
    def eta(self) -> float | None:
        """Seconds left if the progress stays even; ``None`` where that is unknown."""
        if self.over:
            return 0.0
        if self._track is None or self._lifecycle.loop is None:
            return None
        return seconds_left(self._track, self._lifecycle.time())

    def time(self) -> float:
        """Return the client's time."""
        return self._lifecycle.time()

    def _seen(self) -> Track:
        """Return what the polls showed; of a task started elsewhere, nothing at first."""
        if self._track is None:
            age = age_of(self.ref.started_at, self._lifecycle.now())
            self._track = Track(started=self._lifecycle.time() - age)
        return self._track

    def _decode_result(self, answer: TaskAnswer) -> Decoded:
        """Return the result of a completed task, and why it cannot be used, if so."""
        try:
            return self._decode(answer.result, self.ref), None
        except Exception as refused:  # noqa: BLE001 -- a decoder may be the user's code
            return None, unusable_result(self.ref, answer, refused, self.rules.mask)

    def _learn(self, track: Track, now: float) -> None:
        if self.rules.learn is None or track.history is None:
            return
        others = max(self.rules.scheduler.jobs - 1, 0)
        try:
            self.rules.learn(finished_task(track, self.ref, now, others))
        except Exception:  # a policy is the user's code, and the result is there already
            words = "this poll policy cannot learn from %s"
            logger.exception(words, named(self.ref), extra=about(self.ref))
        track.history = None

    def _error(self, kind: type[E], words: str, cause: Exception | None = None) -> E:
        answer = self._track and self._track.answer
        status = answer.stored_status if answer else None
        last = self.rules.mask(last_status(status))
        why = f": {cause}" if cause else ""
        message = f"tasks/status: {named(self.ref)} {words}{last}{why}"
        error = kind(message, ref=self.ref, status=status)
        error.__cause__ = cause
        return error

    def _policy_error(self, cause: Exception) -> PollingError:
        """Return the error for a failure that is neither the platform's nor the connection's."""
        return self._error(PollingError, "cannot be followed, is it the poll policy?", cause)

    def _log(self, words: str, why: AltcraftError | None = None) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            said = f"{words}: {why}" if why else words
            logger.debug("%s %s", named(self.ref), said, extra=about(self.ref))
