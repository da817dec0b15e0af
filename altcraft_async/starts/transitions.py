"""The state machine of a ledger entry: what a start does, and how the entry changes.

A ledger holds one entry per target, which keeps two starts of it apart. Each
change is the next revision, and a store swaps the entry only if it still has
the revision before that. So if two processes change the same entry, one of
them succeeds.

    state       ref   over   reached by
    intent      no    no     a start that is about to be sent
    running     yes   no     the answer to the start
    ended       yes   yes    the end of the task
    withdrawn   no    yes    a start that surely did not happen, or `forget`

`decide` tells a start what to do: it waits while the lease of an intent runs,
reconciles an intent whose lease is over, joins a running task, and is sent
where there is no entry or one that is over. A start with the idempotency key
of the entry gets the entry's task, running or ended.

Before a start replaces the entry of another name, `record_of` keeps what that
name came to under a key of its own: its task, or that its outcome is unknown.
A start that joins the task of another name is kept that way too. A start reads
the entry of its target first and the record of its name second, so it cannot
miss both.

A lease outlasts the request, so an intent whose lease is over is a start
whose answer was lost: `reconciled` tells what the platform's counters prove
about it. A lost write can cause a `StartUnknownError` or a poll, never a
duplicate start.

Callers pass the time: nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

import msgspec

from altcraft_async.errors import AltcraftError, StartUnknownError
from altcraft_async.models import CounterGroup, CountersReport, LedgerEntry, TaskRef
from altcraft_async.models.targets import target_words
from altcraft_async.models.validation import task_id_fault
from altcraft_async.starts.ledger import name_key

__all__ = [
    "GRACE",
    "Decision",
    "JoinIfRunning",
    "Reconcile",
    "Return",
    "Send",
    "Wait",
    "changed",
    "decide",
    "end_of",
    "fingerprint",
    "group_of",
    "intent_after",
    "is_fresh",
    "reconciled",
    "record_of",
    "seconds_ahead",
    "start_pending",
    "start_unknown",
    "surely_not_started",
    "withdrawal_of",
]

GRACE = 5.0
"""Seconds by which a lease outlasts the request: half of them to write the intent, the rest for
clocks that differ and for a platform that acts a little late."""

REREAD_DELAY = 0.5
"""Seconds until the entry of a start under way is read again."""


class Send(msgspec.Struct, frozen=True):
    """Write the intent and send the start."""


class Return(msgspec.Struct, frozen=True):
    """Return the task: an earlier start had the same idempotency key."""

    ref: TaskRef
    over: bool


class JoinIfRunning(msgspec.Struct, frozen=True):
    """Join the task if a poll finds it running, else send the start."""

    ref: TaskRef


class Wait(msgspec.Struct, frozen=True):
    """Read the entry again in so many seconds: a start is under way, maybe in another process."""

    seconds: float
    intent: LedgerEntry


class Reconcile(msgspec.Struct, frozen=True):
    """Find out whether the start of this intent happened: its lease is over."""

    intent: LedgerEntry


Decision: TypeAlias = Send | Return | JoinIfRunning | Wait | Reconcile


def decide(
    entry: LedgerEntry | None,
    *,
    idempotency_key: str,
    now: datetime,
    record: LedgerEntry | None = None,
    waited: float = 0.0,
) -> Decision:
    """Return what a start does.

    Args:
        entry: The ledger's entry of the target; ``None`` where there is none.
        idempotency_key: Of this start; ``""`` for none.
        now: The ledger's time of day.
        record: What the ledger keeps of this idempotency key beside the entry.
        waited: Seconds for which the two have been the same, by a clock that is never set.
    """
    if record is not None and not _is_withdrawn(record):
        entry = record
    if entry is None:
        return Send()
    if entry.ref is not None:
        if idempotency_key and idempotency_key == entry.idempotency_key:
            return Return(entry.ref, entry.over)
        return Send() if entry.over else JoinIfRunning(entry.ref)
    if entry.over:
        return Send()
    # Of a clock that is ahead, the lease ends late. But an intent is no younger than it was
    # seen, so no lease goes on for longer than its own length from then.
    length = (entry.lease_until - entry.intended_at).total_seconds()
    left = min((entry.lease_until - now).total_seconds(), length - waited)
    return Wait(min(left, REREAD_DELAY), entry) if left > 0 else Reconcile(entry)


def seconds_ahead(intent: LedgerEntry, now: datetime) -> float:
    """Return by how much the clock that wrote an intent is ahead; 0 where that is no matter."""
    ahead = (intent.intended_at - now).total_seconds()
    return ahead if ahead > GRACE / 2 else 0.0


def changed(entry: LedgerEntry, *, ref: TaskRef | None = None, over: bool = False) -> LedgerEntry:
    """Return the next revision of an entry.

    Args:
        entry: As it is stored.
        ref: The task that the start gave; ``None`` leaves the entry's own.
        over: Whether the task has ended, or the start surely did not happen.
    """
    return msgspec.structs.replace(
        entry, revision=entry.revision + 1, ref=ref or entry.ref, over=over
    )


def intent_after(previous: LedgerEntry | None, draft: LedgerEntry, *, now: datetime) -> LedgerEntry:
    """Return the intent to write in place of the previous entry; its lease begins now.

    Args:
        previous: As it is stored.
        draft: The intent of this start, with a lease of the right length.
        now: The ledger's time of day.
    """
    return msgspec.structs.replace(
        draft,
        revision=previous.revision + 1 if previous else 1,
        intended_at=now,
        lease_until=now + (draft.lease_until - draft.intended_at),
    )


def record_of(entry: LedgerEntry | None, stored: LedgerEntry | None = None) -> LedgerEntry | None:
    """Return what to keep of a name whose entry is replaced; ``None`` where nothing is to write.

    Args:
        entry: The one that is replaced.
        stored: What is kept of the name so far.
    """
    if entry is None or not entry.idempotency_key or _is_withdrawn(entry):
        return None
    if stored is not None:
        is_known = stored.owner == entry.owner and entry.ref is None
        if is_known or stored.ref is not None:
            return None
    return msgspec.structs.replace(
        entry,
        key=name_key(entry.key, entry.idempotency_key),
        revision=stored.revision + 1 if stored else 1,
        over=entry.ref is not None,
    )


def _is_withdrawn(entry: LedgerEntry) -> bool:
    return entry.over and entry.ref is None


def is_fresh(intent: LedgerEntry, *, now: datetime, passed: float) -> bool:
    """Tell whether a request that is sent now will be over before the lease is.

    A process can be suspended while it writes, for longer than the lease. Both
    clocks count, as one stands still while a machine sleeps and the other can be set.

    Args:
        intent: Just written.
        now: The ledger's time of day.
        passed: Seconds since before the write, by a clock that is never set.
    """
    return max(passed, (now - intent.intended_at).total_seconds()) <= GRACE / 2


def surely_not_started(error: BaseException) -> bool:
    """Tell whether the platform did not act on a request that failed this way."""
    return isinstance(error, AltcraftError) and not error.maybe_delivered


def withdrawal_of(intent: LedgerEntry, stored: LedgerEntry | None) -> LedgerEntry | None:
    """Return the withdrawal of an intent that surely was not sent; ``None`` where it is not stored.

    The write of the last intent of a start may have failed, which leaves an
    earlier one of it. A later one may be under way.
    """
    if stored is None or stored.over or stored.ref is not None:
        return None
    is_own = stored.owner == intent.owner and stored.revision <= intent.revision
    return changed(stored, over=True) if is_own else None


def end_of(ref: TaskRef, stored: LedgerEntry | None) -> LedgerEntry | None:
    """Return the ended entry of a task; ``None`` where its running one is not stored."""
    if stored is None or stored.over or stored.ref is None or stored.ref.task_id != ref.task_id:
        return None
    return changed(stored, over=True)


def reconciled(
    intent: LedgerEntry, group: CounterGroup | None, *, is_new_request: bool
) -> LedgerEntry | None:
    """Return the entry that follows an intent whose lease is over, by the newest counters.

    The vendor documents for the result of a refresh, not for
    ``get_counters``, that a `CounterGroup` shows a running refresh and the time of the last one.

    Args:
        intent: Its task is not known.
        group: The counters of its target; ``None`` where the answer has none, or
            does not say whether a refresh runs.
        is_new_request: Whether a start follows that is another request. Then it
            does not matter whether this one was refreshed and has ended.

    Returns:
        The entry with the running task, or withdrawn; the intent itself where it stays
        unknown and does not matter; ``None`` where the counters prove nothing.
    """
    if group is None:
        return None
    if group.in_progress or group.refresh_task_id:
        # The id of a refresh that does not run is a contradiction, which proves nothing.
        if not group.in_progress or task_id_fault(group.refresh_task_id):
            return None
        ref = TaskRef(
            task_id=group.refresh_task_id,
            kind=intent.kind,
            target=intent.target,
            started_at=intent.intended_at,
        )
        return changed(intent, ref=ref)
    after = fingerprint(group)
    if not (intent.before and after):
        return None
    if after == intent.before:
        return changed(intent, over=True)
    return intent if is_new_request else None


def fingerprint(group: CounterGroup | None) -> str:
    """Return what the platform says about the time of the last refresh; ``""`` for nothing."""
    if group is None:
        return ""
    updated = group.updated.isoformat() if group.updated else ""
    return f"{updated} {group.last_count_time}".strip()


def group_of(groups: tuple[CounterGroup, ...], database_id: int | None) -> CounterGroup | None:
    """Return the one group that is of this database, or does not name its database."""
    own = [one for one in groups if database_id is None or one.database_id in (None, database_id)]
    return own[0] if len(own) == 1 else None


def start_pending(intent: LedgerEntry) -> StartUnknownError:
    """Return the error for a start that may be under way when the caller's time is over."""
    return StartUnknownError(
        f"ledger: another process may be starting {target_words(intent.kind, intent.target)}, so "
        f"nothing was sent within `timeout`. Call again later",
        entries=(intent,),
    )


def start_unknown(
    entries: tuple[LedgerEntry, ...],
    *,
    report: CountersReport | None = None,
    why: Exception | None = None,
) -> StartUnknownError:
    """Return the error for starts whose outcome is unknown.

    Args:
        entries: One or more.
        report: The newest counters, where they were read.
        why: The error that reading them gave.
    """
    first = entries[0]
    more = f", and of {len(entries) - 1} more," if len(entries) > 1 else ""
    failed = f" (the counters cannot be read: {why})" if why else ""
    error = StartUnknownError(
        f"ledger: the outcome of the start of {target_words(first.kind, first.target)} "
        f"at {first.intended_at.isoformat(timespec='seconds')}{more} is unknown{failed}. Check "
        f"the platform, then call `await ledger.forget(entry)` for each of this error's entries "
        f"that is to be started again",
        entries=entries,
        report=report,
    )
    error.__cause__ = why
    return error
