"""What a start has to do, by what the ledger says of its target.

An entry goes from an intent (no ``ref``) to a task (``ref``) to its end
(``over``), or from an intent straight to a withdrawal (``over``, no ``ref``).
Each change is a function from an entry to the next one, so that a store only
has to compare and swap.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from altcraft_async.errors import AltcraftError, StartUnknownError
from altcraft_async.models import CounterGroup, CountersReport, LedgerEntry, TaskKind, TaskRef

__all__ = [
    "GRACE",
    "Decision",
    "Join",
    "Return",
    "Send",
    "Settle",
    "Wait",
    "decide",
    "ended",
    "fingerprint",
    "group_of",
    "intended",
    "is_fresh",
    "note_ended",
    "note_started",
    "note_withdrawn",
    "settled",
    "start_unknown",
    "started",
    "surely_not_started",
    "withdrawn",
]

GRACE = 5.0
"""Seconds by which a lease outlasts the request: half of them to write the intent, the rest for
clocks that differ and for a platform that acts a little late."""

ASK_AGAIN = 0.5
"""Seconds between two questions to the ledger whether a start under way was answered."""


class Send(msgspec.Struct, frozen=True):
    """Nothing is in the way: note the intent, and send it."""


class Return(msgspec.Struct, frozen=True):
    """This very request was made before: hand out its task, over or not."""

    ref: TaskRef
    over: bool


class Join(msgspec.Struct, frozen=True):
    """A task of this target was started: share it if it still runs, send otherwise."""

    ref: TaskRef


class Wait(msgspec.Struct, frozen=True):
    """A start is under way, perhaps in another process: ask again in so many seconds."""

    seconds: float


class Settle(msgspec.Struct, frozen=True):
    """A start was noted, its time is over, and its task is not known."""

    entry: LedgerEntry


Decision: TypeAlias = Send | Return | Join | Wait | Settle


def decide(entry: LedgerEntry | None, *, idempotency_key: str, now: datetime) -> Decision:
    """Say what a start has to do where the ledger has this entry for its target.

    Args:
        entry: ``None`` where there is none.
        idempotency_key: Of this start; ``""`` for none.
        now: The ledger's time of day.
    """
    if entry is None:
        return Send()
    if entry.ref is not None:
        if idempotency_key and idempotency_key == entry.idempotency_key:
            return Return(entry.ref, entry.over)
        return Send() if entry.over else Join(entry.ref)
    if entry.over:
        return Send()
    left = (entry.lease_until - now).total_seconds()
    return Wait(min(left, ASK_AGAIN)) if left > 0 else Settle(entry)


def settled(intent: LedgerEntry, group: CounterGroup | None, *, anew: bool) -> LedgerEntry | None:
    """Return the entry of a start whose lease is over, by the figures that were asked for since.

    That `CounterGroup` shows a running count, and when the last one was, is
    documented of the result of a refresh, not of ``get_counters``.

    Args:
        intent: Its task is not known.
        group: The last counted figures; ``None`` where the answer has none of the target, or
            does not say whether a count runs.
        anew: Whether a start that was counted in the meantime is to be started again.

    Returns:
        The entry with the task that runs, or withdrawn; ``None`` where the figures do not tell.
    """
    if group is None:
        return None
    if group.in_progress or group.refresh_task_id:
        # The id alone is a contradiction, of which nothing follows.
        tell = group.in_progress and group.refresh_task_id
        return _adopted(intent, group.refresh_task_id) if tell else None
    after = fingerprint(group)
    if not (intent.before and after):
        return None
    return withdrawn(intent) if anew or after == intent.before else None


def fingerprint(group: CounterGroup | None) -> str:
    """Return what tells one count from the next; ``""`` where the answer does not say."""
    if group is None:
        return ""
    updated = group.updated.isoformat() if group.updated else ""
    return f"{updated} {group.last_count_time}".strip()


def group_of(groups: tuple[CounterGroup, ...], database_id: int | None) -> CounterGroup | None:
    """Return the one group that is of this database, or does not say of which."""
    own = [one for one in groups if database_id is None or one.database_id in (None, database_id)]
    return own[0] if len(own) == 1 else None


def intended(  # noqa: PLR0913 -- one argument per field that a start fills, all but two by name
    previous: LedgerEntry | None,
    now: datetime,
    *,
    key: str,
    kind: TaskKind,
    target: tuple[int, ...],
    owner: str,
    idempotency_key: str,
    before: str,
    request_timeout: float,
) -> LedgerEntry:
    """Return the entry of a start that is about to be sent, in place of the previous one."""
    return LedgerEntry(
        key=key,
        kind=kind,
        target=target,
        revision=previous.revision + 1 if previous else 1,
        owner=owner,
        idempotency_key=idempotency_key,
        intended_at=now,
        lease_until=now + timedelta(seconds=request_timeout + GRACE),
        before=before,
    )


def is_fresh(intent: LedgerEntry, *, now: datetime, passed: float) -> bool:
    """Say whether the request, sent now, will surely be over before its lease is.

    A process can be stopped while it writes, for longer than the lease. Both
    clocks are asked: one stands still while a machine sleeps, the other can be set.

    Args:
        intent: Just written.
        now: The ledger's time of day.
        passed: Seconds since before the write, by a clock that is never set.
    """
    return max(passed, (now - intent.intended_at).total_seconds()) <= GRACE / 2


def surely_not_started(error: BaseException) -> bool:
    """Tell whether a request that failed this way was not acted on."""
    return isinstance(error, AltcraftError) and not error.maybe_delivered


def started(intent: LedgerEntry, ref: TaskRef) -> LedgerEntry:
    """Return the entry of a start that was answered."""
    return _next(intent, ref=ref)


def withdrawn(intent: LedgerEntry) -> LedgerEntry:
    """Return the entry of a start that surely did not happen."""
    return _next(intent, over=True)


def ended(entry: LedgerEntry) -> LedgerEntry:
    """Return the entry of a task that is over."""
    return _next(entry, over=True)


def note_started(
    intent: LedgerEntry, ref: TaskRef, stored: LedgerEntry | None
) -> LedgerEntry | None:
    """Return what to store when a start was answered a while ago; ``None`` for nothing."""
    return started(intent, ref) if stored == intent else None


def note_withdrawn(intent: LedgerEntry, stored: LedgerEntry | None) -> LedgerEntry | None:
    """Return what to store when a start surely was not sent; ``None`` for nothing.

    Of several intents of one start the last may not have been stored, and a
    later one may be under way by now.
    """
    if stored is None or stored.over or stored.ref is not None:
        return None
    is_own = stored.owner == intent.owner and stored.revision <= intent.revision
    return withdrawn(stored) if is_own else None


def note_ended(ref: TaskRef, stored: LedgerEntry | None) -> LedgerEntry | None:
    """Return what to store when a task ended a while ago; ``None`` for nothing."""
    if stored is None or stored.over or stored.ref is None or stored.ref.task_id != ref.task_id:
        return None
    return ended(stored)


def start_unknown(
    entries: tuple[LedgerEntry, ...],
    *,
    report: CountersReport | None = None,
    why: Exception | None = None,
) -> StartUnknownError:
    """Return the error for starts of which nobody knows whether they were sent.

    Args:
        entries: One or more.
        report: The last counted figures, where they were asked for.
        why: What kept them from being asked for.
    """
    first = entries[0]
    more = f", and {len(entries) - 1} more" if len(entries) > 1 else ""
    asked = f" (asked for the counters: {why})" if why else ""
    error = StartUnknownError(
        f"ledger: {first.kind} {', '.join(map(str, first.target))} was about to be started at "
        f"{first.intended_at.isoformat(timespec='seconds')}{more}, and nobody knows whether it "
        f"was{asked}. Check the platform, then `await ledger.forget(entry)` for those of this "
        f"error's entries that are to be started anew",
        entries=entries,
        report=report,
    )
    error.__cause__ = why
    return error


def _adopted(intent: LedgerEntry, task_id: str) -> LedgerEntry:
    ref = TaskRef(
        task_id=task_id, kind=intent.kind, target=intent.target, started_at=intent.intended_at
    )
    return started(intent, ref)


def _next(entry: LedgerEntry, **changes: object) -> LedgerEntry:
    return msgspec.structs.replace(entry, revision=entry.revision + 1, **changes)
