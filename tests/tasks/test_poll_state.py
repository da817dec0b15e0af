"""What polls showed of a task, and what follows from it."""

from __future__ import annotations

import math
from array import array
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.errors import (
    AltcraftError,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    ServerError,
    TransportError,
)
from altcraft_async.models import TaskRef
from altcraft_async.policies.base import FinishedTask
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.poll_state import (
    FAILURE_STATUSES,
    LONGEST_HISTORY,
    SUCCESS_STATUSES,
    Patience,
    Track,
    Verdict,
    age_of,
    finished_task,
    judge,
    note_answer,
    note_failure,
    poll_priority,
    poll_state,
    seconds_left,
)

CORE = settings.get_profile("pure")


UNKNOWN = NotFoundError("404", code=404)
RESET = TransportError("reset")
REF = TaskRef(task_id="t", kind="resource", target=(24, 1))


def poll(track: Track, now: float, progress: int | None = None, status: str = "running") -> Verdict:
    """Note an answered poll."""
    return note_answer(track, TaskAnswer(status, progress, b"{}"), now, FAILURE_STATUSES)


@pytest.mark.parametrize(
    ("verdict", "names"),
    [
        (Verdict.COMPLETED, SUCCESS_STATUSES),
        (Verdict.FAILED, FAILURE_STATUSES),
        (Verdict.GO_ON, {"running", "queued", "new", "100", "done?", "процесс", ""}),
    ],
)
def test_status_is_judged_by_its_name(verdict: Verdict, names: set[str]) -> None:
    """In any case; every unknown name means running."""
    for name in names:
        assert judge(name) is verdict
        assert judge(f" {name.upper()}\n") is verdict


def test_failure_names_can_be_replaced() -> None:
    assert judge("failed", {"kaputt"}) is Verdict.GO_ON
    assert judge("Kaputt", {"kaputt"}) is Verdict.FAILED


def test_success_status_cannot_be_made_a_failure() -> None:
    assert judge("completed", {"completed"}) is Verdict.COMPLETED


def test_progress_of_100_does_not_end_the_task() -> None:
    assert poll(Track(started=0), 1, 100) is Verdict.GO_ON


def test_answers_are_counted_and_kept() -> None:
    track = Track(started=100)
    assert poll(track, 110, 10) is Verdict.GO_ON
    assert poll(track, 120, 20, "completed") is Verdict.COMPLETED
    assert (track.polls, track.polled_at) == (2, 120)
    assert track.answer == TaskAnswer("completed", 20, b"{}")


@pytest.mark.parametrize(
    ("progress", "status", "moved_at"),
    [(10, "running", None), (11, "running", 2), (10, "stopping", 2), (None, "running", 2)],
)
def test_change_of_status_or_progress_is_a_move(
    progress: int | None, status: str, moved_at: float | None
) -> None:
    track = Track(started=0)
    poll(track, 1, 10)
    assert track.moved_at is None
    poll(track, 2, progress, status)
    assert track.moved_at == moved_at


def test_policy_gets_the_last_two_polls_that_moved_the_progress() -> None:
    track = Track(started=100)
    poll(track, 110, 10)
    poll(track, 120, 30)
    state = poll_state(track, REF, 125, 0.25)
    assert (state.waited, state.polls, state.chance) == (25, 2, 0.25)
    assert (state.progress, state.earlier_progress, state.earlier_waited) == (30, 10, 10)


@pytest.mark.parametrize("progress", [30, 20, 0, -5, None])
def test_poll_without_new_progress_shows_the_policy_no_move(progress: int | None) -> None:
    track = Track(started=0)
    poll(track, 10, 10)
    poll(track, 20, 30)
    poll(track, 30, progress)
    state = poll_state(track, REF, 30, 0.5)
    assert state.progress <= state.earlier_progress


@pytest.mark.parametrize(
    ("progress", "shown"), [(None, 0), (-5, 0), (0, 0), (50, 50), (10**9, 100)]
)
def test_progress_is_clamped_for_policies(progress: int | None, shown: int) -> None:
    track = Track(started=0)
    poll(track, 1, progress)
    assert poll_state(track, REF, 1, 0.5).progress == shown


def test_policy_gets_kind_and_target() -> None:
    state = poll_state(Track(started=0), REF, 1, 0.5)
    assert (state.kind, state.target) == ("resource", (24, 1))


def test_policy_that_learns_gets_the_polls_that_found_the_task_running() -> None:
    track = Track(started=100, history=array("f"))
    poll(track, 110, 10)
    poll(track, 120, None)
    poll(track, 125, 100, "completed")
    task = finished_task(track, REF, 125, 7)
    assert task == FinishedTask(
        kind="resource", target=(24, 1), polls=[(10.0, 10), (20.0, 0)], seconds=25, in_flight=7
    )


def test_without_a_learning_policy_no_history_is_kept() -> None:
    track = Track(started=0)
    poll(track, 10, 10)
    assert track.history is None
    assert finished_task(track, REF, 20, 0).polls == []


def test_long_history_keeps_its_first_and_last_polls() -> None:
    track = Track(started=0, history=array("f"))
    for second in range(1, 1001):
        poll(track, second, second // 10)
    polls = finished_task(track, REF, 1001, 0).polls
    assert len(polls) == LONGEST_HISTORY
    assert polls == sorted(polls)
    assert polls[0] == (1.0, 0)
    assert polls[-1] == (1000.0, 100)


def test_before_the_first_poll_progress_and_time_left_are_unknown() -> None:
    track = Track(started=5)
    assert poll_state(track, REF, 6, 0.5).progress == 0
    assert seconds_left(track, 6) is None


@pytest.mark.parametrize(
    ("age", "left", "wanted_by"),
    [(100.0, 5.0, 1005.0), (100.0, 50.0, 1030.0), (100.0, None, 1030.0), (0.0, None, 1000.0)],
)
def test_poll_is_wanted_by_the_expected_end_or_after_a_share_of_the_age(
    age: float, left: float | None, wanted_by: float
) -> None:
    """A task that is nearly over goes first, and an old one does not starve."""
    assert poll_priority(1000.0, age, left) == wanted_by


def test_seconds_left_follow_even_progress() -> None:
    track = Track(started=100)
    poll(track, 110, 50)
    at_once, later = seconds_left(track, 110), seconds_left(track, 115)
    assert at_once == pytest.approx(10, abs=0.5)
    assert later == pytest.approx(5, abs=0.5)


@CORE
@given(st.lists(st.tuples(st.floats(0, 1e6), st.none() | st.integers())), st.floats(0, 1e6))
def test_seconds_left_are_unknown_or_finite_and_not_negative(
    answers: list[tuple[float, int | None]], after: float
) -> None:
    track, now = Track(started=0), 0.0
    for waited, progress in answers:
        now += waited
        poll(track, now, progress)
    left = seconds_left(track, now + after)
    assert left is None or 0 <= left < math.inf


def test_task_unknown_for_the_whole_grace_period_is_lost() -> None:
    track, patience = Track(started=0), Patience(unknown=5)
    assert note_failure(track, UNKNOWN, 10, patience) is Verdict.GO_ON
    assert note_failure(track, UNKNOWN, 14.9, patience) is Verdict.GO_ON
    assert note_failure(track, UNKNOWN, 15, patience) is Verdict.LOST


@pytest.mark.parametrize("known_again", ["answer", "other failure"])
def test_grace_period_starts_again_after_another_answer(known_again: str) -> None:
    track, patience = Track(started=0), Patience(unknown=5)
    note_failure(track, UNKNOWN, 10, patience)
    if known_again == "answer":
        poll(track, 12)
    else:
        note_failure(track, RESET, 12, patience)
    assert note_failure(track, UNKNOWN, 16, patience) is Verdict.GO_ON
    assert note_failure(track, UNKNOWN, 21, patience) is Verdict.LOST


def test_without_a_grace_period_an_unknown_task_is_lost_at_once() -> None:
    assert note_failure(Track(started=0), UNKNOWN, 0, Patience(unknown=0)) is Verdict.LOST


def test_failures_in_an_outage_use_up_no_patience() -> None:
    track, patience = Track(started=0), Patience(failures=2, seconds=10)
    note_failure(track, RESET, 0, patience)
    for now in (20, 40, 60):
        assert note_failure(track, RESET, now, patience, in_outage=True) is Verdict.GO_ON
    assert note_failure(track, RESET, 65, patience) is Verdict.GO_ON
    assert note_failure(track, RESET, 71, patience) is Verdict.GIVE_UP


@pytest.mark.parametrize(
    "error",
    [AuthenticationError("401", code=401), TransportError("certificate", permanent=True)],
    ids=str,
)
def test_failure_that_cannot_pass_ends_the_wait_at_once(error: AltcraftError) -> None:
    assert note_failure(Track(started=0), error, 0, Patience()) is Verdict.REFUSED


def test_wait_is_given_up_after_enough_failures_and_enough_seconds() -> None:
    track, patience = Track(started=0), Patience(failures=3, seconds=60)
    assert note_failure(track, RESET, 10, patience) is Verdict.GO_ON
    assert note_failure(track, RESET, 100, patience) is Verdict.GO_ON
    assert note_failure(track, RESET, 101, patience) is Verdict.GIVE_UP


def test_many_failures_in_a_short_time_do_not_end_the_wait() -> None:
    track, patience = Track(started=0), Patience(failures=3, seconds=60)
    verdicts = {note_failure(track, RESET, now, patience) for now in range(60)}
    assert verdicts == {Verdict.GO_ON}
    assert note_failure(track, ServerError("503", code=503), 60, patience) is Verdict.GIVE_UP


def test_answer_between_failures_restarts_the_count() -> None:
    track, patience = Track(started=0), Patience(failures=2, seconds=0)
    note_failure(track, RESET, 1, patience)
    poll(track, 2)
    assert note_failure(track, RESET, 3, patience) is Verdict.GO_ON
    assert (track.polls, track.failures, track.failing_since) == (3, 1, 3)


@pytest.mark.parametrize("wrong", [-1.0, math.nan])
def test_patience_that_is_negative_or_nan_is_refused_by_name(wrong: float) -> None:
    with pytest.raises(ConfigurationError, match=r"^failures: "):
        Patience(failures=-1)
    with pytest.raises(ConfigurationError, match=r"^seconds: "):
        Patience(seconds=wrong)
    with pytest.raises(ConfigurationError, match=r"^unknown: "):
        Patience(unknown=wrong)


@pytest.mark.parametrize(
    ("started_at", "age"),
    [
        (None, 0),
        (datetime(2026, 1, 1, tzinfo=UTC), 60),
        (datetime(2026, 1, 1), 60),  # noqa: DTZ001 -- naive on purpose
        (datetime(2026, 1, 2, tzinfo=UTC), 0),
    ],
)
def test_age_of_a_start_is_never_negative_and_0_if_unknown(
    started_at: datetime | None, age: float
) -> None:
    assert age_of(started_at, datetime(2026, 1, 1, 0, 1, tzinfo=UTC)) == age
