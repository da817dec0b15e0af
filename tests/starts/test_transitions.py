"""What a start has to do by the ledger: decisions, changes of an entry, and what figures prove."""

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
from altcraft_async.models import CounterGroup, CountersReport, LedgerEntry, TaskKind, TaskRef
from altcraft_async.models.targets import ids_of
from altcraft_async.starts.transitions import (
    ASK_AGAIN,
    Decision,
    Join,
    Return,
    Send,
    Settle,
    Wait,
    decide,
    ended,
    fingerprint,
    group_of,
    intended,
    is_fresh,
    note_ended,
    note_started,
    note_withdrawn,
    settled,
    start_unknown,
    started,
    surely_not_started,
    withdrawn,
)
from tests.support.ledgers import KEY, NIGHT, REF, entry_of

CORE = settings.get_profile("pure")

INTENT = entry_of(idempotency_key="a", before="then")
TASK = started(INTENT, REF)
LATE = INTENT.lease_until
EARLY = LATE - timedelta(seconds=0.125)
OTHER_REF = TaskRef(task_id="t2", kind="resource", target=(24, 1))


@pytest.mark.parametrize(
    ("entry", "key", "now", "decision"),
    [
        (None, "", NIGHT, Send()),
        (None, "a", NIGHT, Send()),
        (withdrawn(INTENT), "", NIGHT, Send()),
        (withdrawn(INTENT), "a", NIGHT, Send()),
        (INTENT, "", NIGHT, Wait(ASK_AGAIN)),
        (INTENT, "a", EARLY, Wait(0.125)),
        (INTENT, "a", LATE, Settle(INTENT)),
        (INTENT, "", LATE, Settle(INTENT)),
        (TASK, "", NIGHT, Join(REF)),
        (TASK, "b", LATE, Join(REF)),
        (TASK, "a", NIGHT, Return(REF, over=False)),
        (ended(TASK), "a", LATE, Return(REF, over=True)),
        (ended(TASK), "b", LATE, Send()),
        (ended(TASK), "", LATE, Send()),
        (ended(started(entry_of(), REF)), "", LATE, Send()),
        (started(entry_of(), REF), "", LATE, Join(REF)),
    ],
)
def test_decision_follows_from_the_entry(
    entry: LedgerEntry | None, key: str, now: datetime, decision: Decision
) -> None:
    """The table of what a start has to do."""
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
def test_nothing_is_sent_while_a_start_may_run(entry: LedgerEntry, key: str, seconds: int) -> None:
    """Only a missing entry, or one that is over, lets a start go."""
    decision = decide(entry, idempotency_key=key, now=LATE + timedelta(seconds=seconds))
    assert not isinstance(decision, Send) or entry.over


def intent_after(previous: LedgerEntry | None) -> LedgerEntry:
    """Return an intent of all fields."""
    return intended(
        previous,
        NIGHT,
        key=KEY,
        kind="resource",
        target=(24, 1),
        owner="o1",
        idempotency_key="a",
        before="then",
        request_timeout=30.0,
    )


def test_intent_takes_the_place_of_what_was_there() -> None:
    """Its revision is the next one, and nothing of the start before it is left."""
    assert intent_after(None) == INTENT
    after = intent_after(ended(started(entry_of(owner="o9"), REF)))
    assert (after.revision, after.ref, after.over) == (4, None, False)
    assert after.owner == "o1"


def test_every_change_is_the_next_revision() -> None:
    """The fence moves with each change."""
    for changed in (withdrawn(INTENT), started(INTENT, REF), ended(INTENT)):
        assert changed.revision == 2


@pytest.mark.parametrize(
    ("wall", "passed", "fresh"),
    [(0, 0, True), (2.5, 2.5, True), (2.6, 0, False), (0, 2.6, False), (-60, 0, True)],
)
def test_intent_is_fresh_until_half_the_grace_by_both_clocks(
    wall: float, passed: float, *, fresh: bool
) -> None:
    """A clock that stood still and one that was set are each found out by the other."""
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
def test_only_what_says_so_was_surely_not_started(error: BaseException, *, sure: bool) -> None:
    """Whatever does not know is taken to have been sent."""
    assert surely_not_started(error) is sure


def test_start_is_noted_late_only_on_its_own_intent() -> None:
    """Whoever has moved on meanwhile is not overwritten."""
    assert note_started(INTENT, REF, INTENT) == TASK
    for stored in (None, TASK, withdrawn(INTENT), intent_after(withdrawn(INTENT))):
        assert note_started(INTENT, REF, stored) is None


def test_withdrawal_is_noted_late_only_on_an_intent_of_that_start() -> None:
    """The intent before the last is one of them; a later one is under way, others are others'."""
    second = entry_of(revision=2)
    assert note_withdrawn(second, second) == withdrawn(second)
    assert note_withdrawn(second, entry_of()) == withdrawn(entry_of())
    others = (entry_of(revision=3), entry_of(revision=2, owner="o2"), withdrawn(second))
    for stored in (None, *others, started(entry_of(), REF)):
        assert note_withdrawn(second, stored) is None


def test_end_is_noted_only_of_that_task() -> None:
    """A target that was started again is not over."""
    assert note_ended(REF, TASK) == ended(TASK)
    for stored in (None, INTENT, ended(TASK), started(INTENT, OTHER_REF)):
        assert note_ended(REF, stored) is None


def group(**fields: object) -> CounterGroup:
    """Return the figures of a count."""
    return CounterGroup(**{"database_id": 1, "channels": {}, **fields})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # as given


COUNTED = group(updated=NIGHT, last_count_time="counted at 2026-11-25T02:00:00Z in 1s")
BEFORE = entry_of(before="2026-11-25T02:00:00+00:00 counted at 2026-11-25T02:00:00Z in 1s")


def test_fingerprint_tells_one_count_from_the_next() -> None:
    """It is made of what the platform says of the time of a count."""
    assert fingerprint(COUNTED) == BEFORE.before
    assert fingerprint(group(updated=NIGHT)) == "2026-11-25T02:00:00+00:00"
    assert fingerprint(group(last_count_time="counted")) == "counted"
    assert fingerprint(group()) == fingerprint(None) == ""


@pytest.mark.parametrize("anew", [True, False])
def test_count_that_runs_is_adopted(*, anew: bool) -> None:
    """The id that the figures name is taken for that of the start."""
    entry = settled(BEFORE, group(in_progress=True, refresh_task_id="t9"), anew=anew)
    assert entry is not None
    assert entry.ref == TaskRef(task_id="t9", kind="resource", target=(24, 1), started_at=NIGHT)
    assert (entry.revision, entry.over) == (2, False)


@pytest.mark.parametrize("anew", [True, False])
def test_start_after_which_nothing_was_counted_did_not_happen(*, anew: bool) -> None:
    """The same last count as before the start, and none that runs, is a proof."""
    assert settled(BEFORE, COUNTED, anew=anew) == withdrawn(BEFORE)


def test_start_after_which_something_was_counted_matters_only_to_the_same_request() -> None:
    """Nothing runs, so another request may start; whether this one was counted nobody knows."""
    later = group(updated=NIGHT + timedelta(minutes=1))
    assert settled(BEFORE, later, anew=True) == withdrawn(BEFORE)
    assert settled(BEFORE, later, anew=False) is None


@pytest.mark.parametrize("anew", [True, False])
@pytest.mark.parametrize(
    ("intent", "figures"),
    [
        (BEFORE, None),
        (BEFORE, group()),
        (BEFORE, group(in_progress=True)),
        (BEFORE, msgspec.structs.replace(COUNTED, refresh_task_id="t9")),
        (entry_of(), COUNTED),
        (entry_of(), group()),
    ],
)
def test_figures_that_do_not_tell_prove_nothing(
    intent: LedgerEntry, figures: CounterGroup | None, *, anew: bool
) -> None:
    """Without a time before and after, or without the id of what runs, nobody knows."""
    assert settled(intent, figures, anew=anew) is None


def test_group_is_that_of_the_database_or_the_only_one() -> None:
    """Figures of another database prove nothing of this one."""
    own, other, unsaid = group(), group(database_id=2), group(database_id=None)
    assert group_of((own,), 1) is own
    assert group_of((unsaid,), 1) is unsaid
    assert group_of((own, other), 1) is own
    assert group_of((other,), None) is other
    assert group_of((other,), 1) is None
    assert group_of((own, unsaid), 1) is None
    assert group_of((), 1) is None


@pytest.mark.parametrize(
    ("kind", "target", "ids"),
    [
        ("resource", (24, 1), {"resource_id": 24, "database_id": 1}),
        ("database", (1, 24), {"resource_id": 24, "database_id": 1}),
        ("segment", (5, 24), {"segment_id": 5, "resource_id": 24}),
        ("segment", (5, 24, 1), {"segment_id": 5, "resource_id": 24, "database_id": 1}),
    ],
)
def test_ids_of_a_target_have_their_names(
    kind: TaskKind, target: tuple[int, ...], ids: dict[str, int]
) -> None:
    """A target is asked for as it was started."""
    assert ids_of(kind, target) == ids


def test_error_says_what_may_have_started_and_what_to_do() -> None:
    """The text names the first start, when it was, and the way on."""
    error = start_unknown((INTENT,))
    assert str(error) == (
        "ledger: resource 24, 1 was about to be started at 2026-11-25T02:00:00+00:00, and nobody "
        "knows whether it was. Check the platform, then `await ledger.forget(entry)` for those "
        "of this error's entries that are to be started anew"
    )
    assert (error.entries, error.report, error.__cause__) == ((INTENT,), None, None)


def test_error_counts_the_others_and_says_why_nobody_was_asked() -> None:
    """Many starts are one error, and a failed question is its cause."""
    why, report = ServerError("databases/get_counters: refused"), CountersReport(())
    error = start_unknown((INTENT, TASK), report=report, why=why)
    assert "+00:00, and 1 more, and nobody knows whether it was (asked for the counters: " in str(
        error
    )
    assert (error.entries, error.report, error.__cause__) == ((INTENT, TASK), report, why)
