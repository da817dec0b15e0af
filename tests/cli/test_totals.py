"""Sums over many refreshes, and how far they are."""

from __future__ import annotations

from altcraft_async import (
    AltcraftError,
    BadRequestError,
    Completed,
    CounterGroup,
    CountersReport,
    Failed,
    SubscriptionCounters,
    TaskRef,
    WaitError,
)
from altcraft_async.cli.totals import FAILURES_KEPT, Reach, Snapshot, Tally
from altcraft_async.cli.totals_views import tally_views

COUNTERS = SubscriptionCounters(subscribed=842, unsubscribed=3, subscribed_sendable=800)
REPORT = CountersReport((CounterGroup(database_id=1, channels={"email": COUNTERS}),))


def ref(number: int) -> TaskRef:
    """Return a task of a resource."""
    return TaskRef(task_id=f"t{number}", kind="resource", target=(number, 1))


def completed(number: int) -> Completed[CountersReport]:
    """Return a refresh that worked."""
    return Completed(target=(number, 1), ref=ref(number), value=REPORT, polls=3, seconds=1.0)


def failed(number: int, error: AltcraftError | None = None) -> Failed:
    """Return a refresh whose start was refused, or whose wait ended."""
    started = isinstance(error, WaitError)
    return Failed(
        target=(number, 1),
        ref=ref(number) if started else None,
        error=error or BadRequestError(f"no {number}"),
    )


def test_figures_are_summed_by_channel() -> None:
    """Sums are per channel over everything completed; what nobody sends stays unsaid."""
    tally = Tally(3)
    for number in (1, 2):
        tally.add(completed(number))
    tally.add(failed(3))
    assert (tally.completed, tally.failed, tally.polls) == (2, 1, 6)
    assert tally.channels["email"] == SubscriptionCounters(
        subscribed=1684, unsubscribed=6, subscribed_sendable=1600
    )
    assert tally.snapshot() == Snapshot(3, 3)


def test_tasks_run_from_their_start_to_their_outcome() -> None:
    """What was started and is not over is known by its ref."""
    tally = Tally(2)
    tally.begin(ref(1))
    tally.begin(ref(2))
    tally.add(completed(1))
    assert list(tally.running.values()) == [ref(2)]


def test_wait_that_ended_leaves_a_task_to_come_back_to() -> None:
    """A task whose wait ran out goes on, though it is no longer waited for."""
    tally = Tally(1)
    tally.begin(ref(1))
    tally.add(failed(1, WaitError("not over in time", ref=ref(1))))
    assert (tally.running, list(tally.left.values())) == ({}, [ref(1)])


def test_some_failures_are_shown_and_all_are_counted() -> None:
    """However many fail, memory and screen hold the first of them."""
    tally = Tally()
    for number in range(1, FAILURES_KEPT + 3):
        tally.add(failed(number))
    *_, first, second, more, totals = [
        str(view)
        for view in tally_views(tally)
        if str(view).startswith(("1 1", "2 1", "and", "0 of"))
    ]
    assert (first, second) == ("1 1: no 1", "2 1: no 2")
    assert more == "and 2 more that failed"
    assert totals.startswith("0 of 12 refreshes, 0 polls, ")
    assert str(tally.first_failure) == "no 1"


def test_reach_counts_resources_not_refreshes() -> None:
    """A resource with several databases is reached once."""
    reach = Reach(3)
    reach.add(completed(1))
    reach.add(completed(1))
    reach.add(failed(2))
    assert reach.snapshot() == Snapshot(2, 3, " resources")


def test_reach_does_not_count_what_is_not_chosen() -> None:
    """What a filter leaves out is no part of the way; what was not seen yet may be."""
    reach = Reach(5)
    reach.list(chosen=True)
    reach.list(chosen=False)
    assert reach.snapshot().total == 4


def test_reach_outlives_a_total_that_is_wrong() -> None:
    """More resources than the platform said make the way longer, never shorter than done."""
    reach = Reach(1)
    for _ in range(3):
        reach.list(chosen=True)
    assert reach.snapshot().total == 3


def test_reach_without_a_total_has_no_end() -> None:
    """Where the platform does not say how many there are, nothing is made up."""
    assert Reach(None).snapshot().total is None
