"""What a start does by its ledger entry, how the entry changes, and what counters prove."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.errors import (
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    ServerError,
    TransportError,
)
from altcraft_async.models import CounterGroup, CountersReport, LedgerEntry, TaskRef
from altcraft_async.starts.ledger import name_key
from altcraft_async.starts.transitions import (
    REREAD_DELAY,
    Decision,
    JoinIfRunning,
    Reconcile,
    Return,
    Send,
    Wait,
    changed,
    decide,
    end_of,
    fingerprint,
    group_of,
    intent_after,
    is_fresh,
    reconciled,
    record_of,
    seconds_ahead,
    start_pending,
    start_unknown,
    surely_not_started,
    withdrawal_of,
)
from tests.support.ledgers import NIGHT, REF, entry_of

CORE = settings.get_profile("pure")

INTENT = entry_of(idempotency_key="a", before="then")
TASK = changed(INTENT, ref=REF)
LATE = INTENT.lease_until
EARLY = LATE - timedelta(seconds=0.125)
OTHER_REF = TaskRef(task_id="t2", kind="resource", target=(24, 1))


@pytest.mark.parametrize(
    ("entry", "key", "now", "decision"),
    [
        (None, "", NIGHT, Send()),
        (None, "a", NIGHT, Send()),
        (changed(INTENT, over=True), "", NIGHT, Send()),
        (changed(INTENT, over=True), "a", NIGHT, Send()),
        (INTENT, "", NIGHT, Wait(REREAD_DELAY, INTENT)),
        (INTENT, "a", EARLY, Wait(0.125, INTENT)),
        (INTENT, "a", LATE, Reconcile(INTENT)),
        (INTENT, "", LATE, Reconcile(INTENT)),
        (TASK, "", NIGHT, JoinIfRunning(REF)),
        (TASK, "b", LATE, JoinIfRunning(REF)),
        (TASK, "a", NIGHT, Return(REF, over=False)),
        (changed(TASK, over=True), "a", LATE, Return(REF, over=True)),
        (changed(TASK, over=True), "b", LATE, Send()),
        (changed(TASK, over=True), "", LATE, Send()),
        (changed(changed(entry_of(), ref=REF), over=True), "", LATE, Send()),
        (changed(entry_of(), ref=REF), "", LATE, JoinIfRunning(REF)),
    ],
)
def test_decision_follows_from_the_entry(
    entry: LedgerEntry | None, key: str, now: datetime, decision: Decision
) -> None:
    assert decide(entry, idempotency_key=key, now=now) == decision


@settings(CORE)
@given(
    st.builds(
        entry_of,
        ref=st.sampled_from([None, REF]),
        over=st.booleans(),
        idempotency_key=st.sampled_from(["", "a"]),
    ),
    st.sampled_from(["", "a", "b"]),
    st.integers(-100, 100),
)
def test_nothing_is_sent_while_a_task_may_run(entry: LedgerEntry, key: str, seconds: int) -> None:
    """Only a missing entry, or one that is over, lets a start go."""
    decision = decide(entry, idempotency_key=key, now=LATE + timedelta(seconds=seconds))
    assert not isinstance(decision, Send) or entry.over


def test_intent_replaces_the_entry_and_its_lease_begins_now() -> None:
    """Its revision is the next one, and nothing of the start before it is left."""
    later = NIGHT + timedelta(hours=1)
    assert intent_after(None, INTENT, now=NIGHT) == INTENT
    ended = changed(changed(entry_of(owner="o9"), ref=REF), over=True)
    after = intent_after(ended, INTENT, now=later)
    assert (after.revision, after.ref, after.over) == (4, None, False)
    assert after.owner == "o1"
    assert (after.intended_at, after.lease_until) == (later, later + timedelta(seconds=35))


def test_every_change_is_the_next_revision() -> None:
    for after in (changed(INTENT, over=True), changed(INTENT, ref=REF)):
        assert after.revision == 2
    ended = changed(TASK, over=True)
    assert (ended.ref, ended.over) == (REF, True)


@pytest.mark.parametrize(
    ("wall", "passed", "fresh"),
    [(0, 0, True), (2.5, 2.5, True), (2.6, 0, False), (0, 2.6, False), (-60, 0, True)],
)
def test_intent_is_fresh_until_half_the_grace_by_both_clocks(
    wall: float, passed: float, *, fresh: bool
) -> None:
    """Each clock finds out what the other does not see: a set clock, and a machine that slept."""
    assert is_fresh(INTENT, now=NIGHT + timedelta(seconds=wall), passed=passed) is fresh


@pytest.mark.parametrize(
    ("error", "sure"),
    [
        (TransportError("refused", maybe_delivered=False), True),
        (TransportError("reset", maybe_delivered=True), False),
        (BadRequestError("no"), True),
        (ServerError("oops", maybe_delivered=True), False),
        (ConfigurationError("no"), True),
        (ClientClosedError("closed"), False),
        (asyncio.CancelledError(), False),
        (ValueError("what"), False),
    ],
)
def test_only_an_error_that_says_so_was_surely_not_started(
    error: BaseException, *, sure: bool
) -> None:
    assert surely_not_started(error) is sure


def test_withdrawal_replaces_only_an_intent_of_the_same_start() -> None:
    """An earlier intent is of the same start; a later one may be under way."""
    second = entry_of(revision=2)
    assert withdrawal_of(second, second) == changed(second, over=True)
    assert withdrawal_of(second, entry_of()) == changed(entry_of(), over=True)
    others = (entry_of(revision=3), entry_of(revision=2, owner="o2"), changed(second, over=True))
    for stored in (None, *others, changed(entry_of(), ref=REF)):
        assert withdrawal_of(second, stored) is None


def test_lease_ends_once_its_intent_was_seen_for_as_long() -> None:
    """The clock that wrote it was an hour ahead."""
    hour = timedelta(hours=1)
    ahead = entry_of(intended_at=NIGHT + hour, lease_until=LATE + hour)
    length = (LATE - NIGHT).total_seconds()
    for waited, decision in (
        (0.0, Wait(REREAD_DELAY, ahead)),
        (length - 0.125, Wait(0.125, ahead)),
        (length, Reconcile(ahead)),
    ):
        assert decide(ahead, idempotency_key="", now=NIGHT, waited=waited) == decision
    assert seconds_ahead(ahead, NIGHT) == 3600
    assert seconds_ahead(INTENT, NIGHT - timedelta(seconds=2.5)) == 0


def test_error_of_a_pending_start_names_it() -> None:
    error = start_pending(INTENT)
    assert str(error).startswith(
        "ledger: another process may be starting resource 24, database 1, so"
    )
    assert error.entries == (INTENT,)


RECORD = msgspec.structs.replace(TASK, key=name_key(TASK.key, "a"), revision=1, over=True)
UNKNOWN = msgspec.structs.replace(INTENT, key=RECORD.key)


@pytest.mark.parametrize(
    ("record", "decision"),
    [
        (None, JoinIfRunning(OTHER_REF)),
        (RECORD, Return(REF, over=True)),
        (UNKNOWN, Reconcile(UNKNOWN)),
        (changed(UNKNOWN, over=True), JoinIfRunning(OTHER_REF)),
    ],
)
def test_record_of_a_name_comes_before_the_entry_of_another(
    record: LedgerEntry | None, decision: Decision
) -> None:
    entry = entry_of(idempotency_key="b", ref=OTHER_REF)
    assert decide(entry, idempotency_key="a", now=LATE, record=record) == decision


@pytest.mark.parametrize(
    ("entry", "stored", "record"),
    [
        (None, None, None),
        (entry_of(ref=REF), None, None),
        (changed(INTENT, over=True), None, None),
        (TASK, None, RECORD),
        (changed(TASK, over=True), None, RECORD),
        (INTENT, None, UNKNOWN),
        (TASK, UNKNOWN, msgspec.structs.replace(RECORD, revision=2)),
        (TASK, changed(UNKNOWN, over=True), msgspec.structs.replace(RECORD, revision=3)),
        (INTENT, UNKNOWN, None),
        (INTENT, changed(UNKNOWN, over=True), None),
        (INTENT, RECORD, None),
        (changed(INTENT, ref=OTHER_REF), RECORD, None),
        (
            msgspec.structs.replace(INTENT, owner="o2"),
            changed(UNKNOWN, over=True),
            msgspec.structs.replace(UNKNOWN, owner="o2", revision=3),
        ),
    ],
)
def test_record_has_the_task_of_a_name_or_that_it_is_unknown(
    entry: LedgerEntry | None, stored: LedgerEntry | None, record: LedgerEntry | None
) -> None:
    """A task is never replaced, nor a start that was forgotten."""
    assert record_of(entry, stored) == record


def test_end_replaces_only_the_entry_of_the_same_task() -> None:
    assert end_of(REF, TASK) == changed(TASK, over=True)
    for stored in (None, INTENT, changed(TASK, over=True), changed(INTENT, ref=OTHER_REF)):
        assert end_of(REF, stored) is None


def group(**fields: object) -> CounterGroup:
    """Return the counters of one database."""
    return CounterGroup(**{"database_id": 1, "channels": {}, **fields})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # as given


COUNTERS = group(updated=NIGHT, last_count_time="counted at 2026-11-25T02:00:00Z in 1s")
BEFORE = entry_of(before="2026-11-25T02:00:00+00:00 counted at 2026-11-25T02:00:00Z in 1s")


def test_fingerprint_is_what_the_platform_says_about_the_last_refresh() -> None:
    assert fingerprint(COUNTERS) == BEFORE.before
    assert fingerprint(group(updated=NIGHT)) == "2026-11-25T02:00:00+00:00"
    assert fingerprint(group(last_count_time="counted")) == "counted"
    assert fingerprint(group()) == fingerprint(None) == ""


@pytest.mark.parametrize("is_new_request", [True, False])
def test_running_refresh_gives_the_start_its_task(*, is_new_request: bool) -> None:
    entry = reconciled(
        BEFORE, group(in_progress=True, refresh_task_id="t9"), is_new_request=is_new_request
    )
    assert entry is not None
    assert entry.ref == TaskRef(task_id="t9", kind="resource", target=(24, 1), started_at=NIGHT)
    assert (entry.revision, entry.over) == (2, False)


@pytest.mark.parametrize("is_new_request", [True, False])
def test_same_counters_as_before_the_start_prove_that_it_did_not_happen(
    *, is_new_request: bool
) -> None:
    assert reconciled(BEFORE, COUNTERS, is_new_request=is_new_request) == changed(BEFORE, over=True)


def test_newer_counters_let_only_a_new_request_replace_the_intent() -> None:
    """It is unknown whether they are those of the start, so its name keeps the intent."""
    later = group(updated=NIGHT + timedelta(minutes=1))
    assert reconciled(BEFORE, later, is_new_request=True) is BEFORE
    assert reconciled(BEFORE, later, is_new_request=False) is None


@pytest.mark.parametrize("is_new_request", [True, False])
@pytest.mark.parametrize(
    ("intent", "counters"),
    [
        (BEFORE, None),
        (BEFORE, group()),
        (BEFORE, group(in_progress=True)),
        (BEFORE, msgspec.structs.replace(COUNTERS, refresh_task_id="t9")),
        (BEFORE, group(in_progress=True, refresh_task_id="t 9")),
        (entry_of(), COUNTERS),
        (entry_of(), group()),
    ],
)
def test_counters_without_times_or_the_id_of_what_runs_prove_nothing(
    intent: LedgerEntry, counters: CounterGroup | None, *, is_new_request: bool
) -> None:
    assert reconciled(intent, counters, is_new_request=is_new_request) is None


def test_group_is_that_of_the_database_or_the_only_one() -> None:
    own, other, unsaid = group(), group(database_id=2), group(database_id=None)
    assert group_of((own,), 1) is own
    assert group_of((unsaid,), 1) is unsaid
    assert group_of((own, other), 1) is own
    assert group_of((other,), None) is other
    assert group_of((other,), 1) is None
    assert group_of((own, unsaid), 1) is None
    assert group_of((), 1) is None


def test_error_names_the_first_start_and_says_what_to_do() -> None:
    error = start_unknown((INTENT,))
    assert str(error) == (
        "ledger: the outcome of the start of resource 24, database 1 at "
        "2026-11-25T02:00:00+00:00 is unknown. Check the platform, then call "
        "`await ledger.forget(entry)` for each of this error's entries that is to be started "
        "again"
    )
    assert (error.entries, error.report, error.__cause__) == ((INTENT,), None, None)


def test_error_counts_the_other_starts_and_says_why_the_counters_are_missing() -> None:
    why, report = ServerError("databases/get_counters: refused"), CountersReport(())
    error = start_unknown((INTENT, TASK), report=report, why=why)
    assert "+00:00, and of 1 more, is unknown (the counters cannot be read: databases/get" in str(
        error
    )
    assert (error.entries, error.report, error.__cause__) == ((INTENT, TASK), report, why)
