"""What has been seen of one task, and what follows from it.

`Track` is the memory of one handle; the functions note what happened at a
given time and say how the wait goes on. Times are seconds on whatever clock
the caller uses, all on the same one.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from enum import Enum

import msgspec

from altcraft_async.errors import AltcraftError, NotFoundError
from altcraft_async.models import TaskRef
from altcraft_async.models.validation import checked_number
from altcraft_async.policies.base import FinishedTask, PollState
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.transport.retry import is_passing

__all__ = [
    "FAILURE_STATUSES",
    "SUCCESS_STATUSES",
    "Patience",
    "Track",
    "Verdict",
    "finished",
    "judge",
    "note_answer",
    "note_failure",
    "pressing_at",
    "remaining",
    "seen",
]

SUCCESS_STATUSES = frozenset({"completed", "success"})
"""``completed`` on every current page, ``success`` on an older one of the same method."""

FAILURE_STATUSES = frozenset(
    {"failed", "failure", "error", "canceled", "cancelled", "aborted", "rejected", "expired"}
)
"""A guess: the vendor documents no name for a task that failed."""


AGEING = 0.3
"""Share of its age after which a poll is as pressing as an expected end; see `benchmarks`."""

LONGEST_HISTORY = 48
"""Polls remembered of one task, four bytes for each of two numbers."""


class Verdict(Enum):
    """What a poll, or its failure, means for the wait."""

    GO_ON = "go on"
    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    REFUSED = "refused"
    GIVE_UP = "give up"


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a wait outlives polls that fail.

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
        """Refuse what could not be obeyed."""
        for name in ("failures", "seconds", "unknown"):
            checked_number(name, getattr(self, name))


class Track(msgspec.Struct):
    """The memory of one handle.

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
        unknown_since: When the server first did not know the task, in a row.
        history: Seconds waited and progress of each poll that found the task
            running, one behind the other; ``None`` where nobody wants to know.
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
    unknown_since: float | None = None
    history: array[float] | None = None


def judge(status: str, failure_statuses: Collection[str] = FAILURE_STATUSES) -> Verdict:
    """Say whether a task with this status is over; unknown names mean that it is not."""
    name = status.strip().lower()
    if name in SUCCESS_STATUSES:
        return Verdict.COMPLETED
    return Verdict.FAILED if name in failure_statuses else Verdict.GO_ON


def note_answer(
    track: Track, answer: TaskAnswer, now: float, failure_statuses: Collection[str]
) -> Verdict:
    """Note what a poll brought and say how the wait goes on."""
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
    # A name that meant running goes on to mean it.
    if before and before.name == answer.name:
        verdict = Verdict.GO_ON
    else:
        verdict = judge(answer.name, failure_statuses)
    if track.history is not None and verdict is Verdict.GO_ON:
        _note_history(track.history, now - track.started, progress)
    return verdict


def _note_history(history: array[float], waited: float, progress: int) -> None:
    if len(history) >= 2 * LONGEST_HISTORY:
        # How it began and how it goes of late say more than what was between.
        del history[LONGEST_HISTORY : LONGEST_HISTORY + 2]
    history.extend((waited, progress))


def finished(track: Track, ref: TaskRef, now: float) -> FinishedTask:
    """Return what a policy may learn from a task that is over."""
    numbers = track.history or array("f")
    waits, progresses = numbers[::2], numbers[1::2]
    return FinishedTask(
        kind=ref.kind,
        target=ref.target,
        polls=[(waited, int(progress)) for waited, progress in zip(waits, progresses, strict=True)],
        seconds=now - track.started,
    )


def note_failure(track: Track, error: AltcraftError, now: float, patience: Patience) -> Verdict:
    """Note that a poll failed and say how the wait goes on."""
    track.polls += 1
    track.polled_at = now
    track.failures += 1
    if track.failures == 1:
        track.failing_since = now
    if isinstance(error, NotFoundError):
        return _note_unknown(track, now, patience)
    track.unknown_since = None
    if not is_passing(error):
        return Verdict.REFUSED
    few = track.failures < patience.failures
    return Verdict.GO_ON if few or now - track.failing_since < patience.seconds else Verdict.GIVE_UP


def _note_unknown(track: Track, now: float, patience: Patience) -> Verdict:
    if track.unknown_since is None:
        track.unknown_since = now
    return Verdict.GO_ON if now - track.unknown_since < patience.unknown else Verdict.LOST


def seen(track: Track, ref: TaskRef, now: float, chance: float) -> PollState:
    """Return what a policy may know."""
    # By position, which is twice as fast, and this is asked before every poll.
    return PollState(
        now - track.started,
        track.polls,
        track.progress,
        *track.earlier,
        chance,
        ref.kind,
        ref.target,
    )


def pressing_at(now: float, age: float, left: float | None) -> float:
    """Return when a poll that is due now is wanted most: the smaller goes first.

    That is when the task is expected to be over, or, so that none waits for
    ever, a share of its age from now.

    Args:
        now: When it is due.
        age: Seconds since the task was started.
        left: Seconds it is expected to take yet; ``None`` where unknown.
    """
    return now + (AGEING * age if left is None else min(left, AGEING * age))


def remaining(track: Track, now: float) -> float | None:
    """Return the seconds the task will take if its progress stays even; ``None`` where unknown."""
    waited, progress = track.newest
    if progress <= 0:
        return None
    return max(0.0, track.started + waited * 100 / (progress + 0.5) - now)
