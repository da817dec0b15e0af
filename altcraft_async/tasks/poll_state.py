"""What the polls of one task showed, and what follows from it.

A `Track` is the memory of one task. `note_answer` and `note_failure` put one
poll into it and return a `Verdict`: go on polling, end the task, or end the
waits. An answer clears the record of failures in a row. A task is over when its
status is a known name of success or failure; every other name means running, and
progress never ends a task. Failures end the waits once there were enough of them
and they have lasted long enough, see `Patience`.

The other functions derive from a track what a poll policy may know, how urgent a
due poll is, and what a policy can learn at the end. All times are seconds on one
clock, which the caller chooses.

No clock, no event loop and no randomness here: callers pass them in as numbers.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from datetime import UTC, datetime
from enum import Enum

import msgspec

from altcraft_async.errors import AltcraftError, NotFoundError
from altcraft_async.models import TaskRef
from altcraft_async.models.validation import checked_number
from altcraft_async.policies.base import FinishedTask, PollState
from altcraft_async.policies.callbacks import ExpectedCall
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.transport.retry import LONGEST_RETRY_AFTER, is_passing

__all__ = [
    "FAILURE_STATUSES",
    "SUCCESS_STATUSES",
    "Patience",
    "Track",
    "Verdict",
    "age_of",
    "finished_task",
    "judge",
    "note_answer",
    "note_failure",
    "poll_priority",
    "poll_state",
    "seconds_left",
]

SUCCESS_STATUSES = frozenset({"completed", "success"})
"""``completed`` on every current page, ``success`` on an older one of the same method."""

FAILURE_STATUSES = frozenset(
    {"failed", "failure", "error", "canceled", "cancelled", "aborted", "rejected", "expired"}
)
"""A guess: the vendor documents no name for a task that failed."""

AGEING = 0.3
"""Share of a task's age after which its poll is as urgent as an expected end; see `benchmarks`."""

LONGEST_HISTORY = 48
"""Polls remembered of one task, four bytes for each of two numbers."""


class Verdict(Enum):
    """What a poll means for the task and its waits."""

    GO_ON = "go on"
    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    REFUSED = "refused"
    GIVE_UP = "give up"


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a wait goes on while polls fail.

    Attributes:
        failures: Polls that have to fail in a row, and
        seconds: for so long, before the wait ends with a ``PollingError``.
        unknown: Seconds for which a task may be unknown to the server, which
            may be a replica that lags behind, before it counts as lost.
    """

    failures: int = 10
    seconds: float = 60.0
    unknown: float = 5.0

    def __post_init__(self) -> None:
        """Refuse negative numbers and NaN."""
        for name in ("failures", "seconds", "unknown"):
            checked_number(name, getattr(self, name))


class Track(msgspec.Struct, gc=False):  # it is part of no circle
    """The memory of one task.

    Attributes:
        started: When the task was started.
        polls: Polls made, failed ones included.
        polled_at: When the newest poll ended.
        answer: Newest answer.
        progress: Its percent, within 0 to 100.
        moved_at: When status or progress last changed; ``None`` before it did.
        newest: Seconds waited and progress at the poll that moved the progress last.
        earlier: The same at the last poll that had moved it before the newest poll.
        failures: Polls that failed in a row.
        failing_since: When the first of them failed.
        warned: Whether the log says that polls fail and callbacks keep the task polled.
        unknown_since: When the server first did not know the task, in a row.
        history: Seconds waited and progress of each poll that found the task
            running, in turn; ``None`` if no policy learns from it.
        call: The call that a `FeedbackReceiver` expects for it.
    """

    started: float
    polls: int = 0
    polled_at: float = 0.0
    answer: TaskAnswer | None = None
    progress: int = 0
    moved_at: float | None = None
    newest: tuple[float, int] = (0.0, 0)
    earlier: tuple[float, int] = (0.0, 0)
    failures: int = 0
    failing_since: float = 0.0
    warned: bool = False
    unknown_since: float | None = None
    history: array[float] | None = None
    call: ExpectedCall | None = None


def age_of(started_at: datetime | None, now: datetime) -> float:
    """Return the seconds since a start; 0 if unknown or in the future. No time zone means UTC."""
    if started_at is None:
        return 0.0
    if started_at.tzinfo is None:
        started_at = started_at.replace(tzinfo=UTC)
    return max(0.0, (now - started_at).total_seconds())


def judge(status: str, failure_statuses: Collection[str] = FAILURE_STATUSES) -> Verdict:
    """Return whether a task with this status is over; unknown names mean running."""
    name = status.strip().lower()
    if name in SUCCESS_STATUSES:
        return Verdict.COMPLETED
    return Verdict.FAILED if name in failure_statuses else Verdict.GO_ON


def note_answer(
    track: Track, answer: TaskAnswer, now: float, failure_statuses: Collection[str]
) -> Verdict:
    """Note an answered poll and return what it means."""
    before = track.answer
    track.polls += 1
    track.polled_at = now
    track.failures = 0
    track.unknown_since = None
    track.answer = answer
    if before and (before.name, before.progress) != (answer.name, answer.progress):
        track.moved_at = now
    # Within 0 to 100: its real range is not documented.
    track.progress = progress = min(max(answer.progress or 0, 0), 100)
    track.earlier = track.newest
    if progress > track.newest[1]:
        track.newest = (now - track.started, progress)
    # A name that meant running keeps that meaning.
    if before and before.name == answer.name:
        verdict = Verdict.GO_ON
    else:
        verdict = judge(answer.name, failure_statuses)
    if track.history is not None and verdict is Verdict.GO_ON:
        _note_history(track.history, now - track.started, progress)
    return verdict


def _note_history(history: array[float], waited: float, progress: int) -> None:
    if len(history) >= 2 * LONGEST_HISTORY:
        # The beginning and the newest polls say more than those between.
        del history[LONGEST_HISTORY : LONGEST_HISTORY + 2]
    history.extend((waited, progress))


def finished_task(track: Track, ref: TaskRef, now: float, in_flight: int) -> FinishedTask:
    """Return what a policy may learn from a task that is over."""
    numbers = track.history or array("f")
    waits, progresses = numbers[::2], numbers[1::2]
    return FinishedTask(
        kind=ref.kind,
        target=ref.target,
        polls=[(waited, int(progress)) for waited, progress in zip(waits, progresses, strict=True)],
        seconds=now - track.started,
        called=track.call is not None and track.call.came,
        in_flight=in_flight,
    )


def note_failure(  # noqa: PLR0913 -- two of them by name
    track: Track,
    error: AltcraftError,
    now: float,
    patience: Patience,
    *,
    in_outage: bool = False,
    longest_retry_after: float = LONGEST_RETRY_AFTER,
) -> Verdict:
    """Note a failed poll and return what it means; an outage uses up no patience."""
    track.polls += 1
    track.polled_at = now
    track.failures = 1 if in_outage else track.failures + 1
    if track.failures == 1:
        track.failing_since = now
    if isinstance(error, NotFoundError):
        return _note_unknown(track, now, patience)
    track.unknown_since = None
    if not is_passing(error, longest_retry_after):
        return Verdict.REFUSED
    few = in_outage or track.failures < patience.failures
    return Verdict.GO_ON if few or now - track.failing_since < patience.seconds else Verdict.GIVE_UP


def _note_unknown(track: Track, now: float, patience: Patience) -> Verdict:
    if track.unknown_since is None:
        track.unknown_since = now
    return Verdict.GO_ON if now - track.unknown_since < patience.unknown else Verdict.LOST


def poll_state(track: Track, ref: TaskRef, now: float, random: float) -> PollState:
    """Return what a policy may know."""
    # By position, which is twice as fast; this runs before every poll.
    return PollState(
        now - track.started,
        track.polls,
        track.progress,
        *track.earlier,
        random,
        ref.kind,
        ref.target,
        track.call.share if track.call else 0.0,
    )


def poll_priority(now: float, age: float, left: float | None) -> float:
    """Return the time by which a due poll is wanted; the smallest goes first.

    That is the expected end of the task or, so that no task starves, now plus a
    share of its age.

    Args:
        now: The present time.
        age: Seconds since the task was started.
        left: Seconds that it is expected to take yet; ``None`` if unknown.
    """
    return now + (AGEING * age if left is None else min(left, AGEING * age))


def seconds_left(track: Track, now: float) -> float | None:
    """Return the seconds left if the progress stays even; ``None`` if unknown."""
    waited, progress = track.newest
    if progress <= 0:
        return None
    return max(0.0, track.started + waited * 100 / (progress + 0.5) - now)
