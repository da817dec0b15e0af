"""Whether polls may rely on the platform's calls, from what came of the expected ones."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.policies.callbacks import Callbacks, ExpectedCall

CORE = settings.get_profile("pure")

MANY = 500

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["expect", "unsure", "early", "receive", "running", "over"]),
        st.integers(0, 50),
        st.floats(0, 10),
    ),
    max_size=600,
)


class Tasks:
    """Tasks of ten seconds, one after the other, at whose end a call comes or does not."""

    def __init__(self) -> None:
        """Begin without any."""
        self.callbacks = Callbacks()
        self.now = 0.0

    def run(self, came: float | None, *, tasks: int = 1) -> None:
        """End tasks; the call comes so many seconds after the poll, or never."""
        for _ in range(tasks):
            call = self.callbacks.expect(sure=True, early=False)
            self.now += 10
            if came is not None and came <= 0:
                call.receive(self.now + came)
            call.found_over(self.now, 10.0)
            if came is not None and came > 0:
                call.receive(self.now + came)

    @property
    def share(self) -> float:
        """The share after all calls that are too late were counted."""
        self.callbacks.settle(self.now + 100)
        return self.callbacks.share


def test_polls_rely_on_calls_once_32_have_come() -> None:
    tasks = Tasks()
    tasks.run(0, tasks=31)
    assert tasks.share == 0
    tasks.run(0)
    assert tasks.share == pytest.approx(33 / 34)
    tasks.run(0, tasks=MANY)
    assert tasks.share == pytest.approx(129 / 130)


@pytest.mark.parametrize(("lost", "share"), [(0.01, 0.99), (0.1, 0.9), (0.5, 0), (1.0, 0)])
def test_share_follows_the_calls_that_get_lost(lost: float, share: float) -> None:
    tasks, dice = Tasks(), random.Random(1)  # noqa: S311 -- made-up losses
    shares: list[float] = []
    for _ in range(2_000):
        tasks.run(None if dice.random() < lost else 0)
        shares.append(tasks.share)
    assert sum(shares[200:]) / len(shares[200:]) == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("silence", [None, 5.0], ids=["lost", "late"])
def test_four_silences_in_a_row_end_the_reliance(silence: float | None) -> None:
    tasks = Tasks()
    tasks.run(0, tasks=MANY)
    tasks.run(silence, tasks=3)
    assert tasks.share > 0.9
    tasks.run(silence)
    assert tasks.share == 0
    tasks.run(0, tasks=31)
    assert tasks.share == 0
    tasks.run(0)
    assert tasks.share > 0.9


@pytest.mark.parametrize(("late", "counts"), [(0.4, True), (0.6, False)])
def test_call_is_in_time_for_a_twentieth_of_the_duration(late: float, counts: bool) -> None:  # noqa: FBT001 -- from a table
    tasks = Tasks()
    tasks.run(late, tasks=MANY)
    assert (tasks.share > 0.9) is counts


def test_call_for_a_task_of_no_length_may_take_as_long_as_a_request() -> None:
    callbacks = Callbacks()
    for number in range(40):
        call = callbacks.expect(sure=True, early=False)
        call.found_over(number, 0.001)
        call.receive(number + 0.2)
    assert callbacks.share > 0.9


def test_repeated_calls_count_once() -> None:
    callbacks = Callbacks()
    for number in range(31):
        call = callbacks.expect(sure=True, early=False)
        for _ in range(3):
            call.receive(number)
        call.found_over(number, 1.0)
        for _ in range(3):
            call.receive(number)
            call.found_over(number, 1.0)
    assert callbacks.share == 0


@CORE
@given(st.lists(st.lists(st.floats(0, 10), max_size=5), max_size=200))
def test_forged_calls_never_make_polls_rely_on_calls(forged: list[list[float]]) -> None:
    """Each finds the task running; what finds it over is a poll of the policy."""
    callbacks = Callbacks()
    for number, times in enumerate(forged):
        call = callbacks.expect(sure=True, early=False)
        for time in sorted(times):
            call.receive(10 * number + time)
            call.found_running()
            assert call.share == 0
        call.found_over(10 * number + 10, 10)
        assert callbacks.share == 0


def test_forged_call_is_void_and_changes_nothing_for_other_tasks() -> None:
    tasks = Tasks()
    tasks.run(0, tasks=MANY)
    before = tasks.share
    forged, other = (tasks.callbacks.expect(sure=True, early=False) for _ in range(2))
    forged.receive(0)
    forged.found_running()
    assert (forged.share, other.share) == (0, before)
    forged.receive(1)
    forged.found_over(tasks.now, 10)
    assert (forged.share, other.share, tasks.share) == (0, before, before)


def test_early_call_that_finds_the_task_running_was_for_another_one() -> None:
    tasks = Tasks()
    tasks.run(0, tasks=MANY)
    call = tasks.callbacks.expect(sure=True, early=True)
    call.found_running()
    assert call.share > 0.9
    call.receive(tasks.now)
    assert call.came


def test_early_call_that_finds_the_task_over_counts() -> None:
    callbacks = Callbacks()
    for number in range(32):
        callbacks.expect(sure=True, early=True).found_over(number, 0.1)
    assert callbacks.share > 0.9


def test_attached_task_that_is_over_at_once_says_nothing_of_calls() -> None:
    tasks = Tasks()
    tasks.run(0, tasks=MANY)
    before = tasks.share
    for _ in range(5):
        tasks.callbacks.expect(sure=False, early=False).found_over(tasks.now, 10)
    assert tasks.share == before


def test_attached_task_that_runs_expects_a_call() -> None:
    tasks = Tasks()
    tasks.run(0, tasks=MANY)
    for _ in range(4):
        call = tasks.callbacks.expect(sure=False, early=False)
        call.found_running()
        call.found_over(tasks.now, 10)
    assert tasks.share == 0


def test_one_task_in_64_is_polled_as_without_calls() -> None:
    tasks = Tasks()
    tasks.run(0, tasks=MANY)
    calls = [tasks.callbacks.expect(sure=True, early=False) for _ in range(640)]
    assert [call.share for call in calls].count(0.0) == 10


def test_reliance_ends_if_calls_are_late_where_polls_show_it() -> None:
    """The other tasks are not polled before the call, so only it tells when they ended."""
    tasks = Tasks()
    tasks.run(0, tasks=MANY)
    checked = 0
    while checked < 4:
        assert tasks.share > 0
        call = tasks.callbacks.expect(sure=True, early=False)
        tasks.now += 10
        is_checked = call.share == 0
        if not is_checked:
            call.receive(tasks.now)
        call.found_over(tasks.now, 10)
        checked += is_checked
    assert tasks.share == 0


@CORE
@given(EVENTS)
def test_any_events_leave_a_share_that_is_none_or_most(
    events: list[tuple[str, int, float]],
) -> None:
    callbacks, now = Callbacks(), 0.0
    calls: list[ExpectedCall] = [callbacks.expect(sure=True, early=False)]
    for name, index, seconds in events:
        now += seconds
        call = calls[index % len(calls)]
        match name:
            case "receive":
                call.receive(now)
            case "running":
                call.found_running()
            case "over":
                call.found_over(now, seconds)
            case _:
                calls.append(callbacks.expect(sure=name != "unsure", early=name == "early"))
        assert callbacks.share == 0 or 0.75 <= callbacks.share < 1
        assert call.share in (0, callbacks.share)
    assert len(callbacks._newest) <= 128


def test_tasks_that_wait_for_their_call_are_bounded() -> None:
    tasks = Tasks()
    for _ in range(5_000):
        tasks.callbacks.expect(sure=True, early=False).found_over(0.0, 1.0)
    assert len(tasks.callbacks._unsettled) == 1024
