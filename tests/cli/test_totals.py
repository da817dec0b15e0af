"""Totals of many refreshes, and their progress."""

from __future__ import annotations

import msgspec

from altcraft_async import (
    BadRequestError,
    Completed,
    CounterGroup,
    CountersReport,
    Failed,
    Resource,
    ResourceTarget,
    SubscriptionCounters,
    TaskRef,
    WaitError,
)
from altcraft_async.cli.totals import FAILURES_KEPT, ResourceTotals, Snapshot, Totals

RESOURCE = Resource(id=1, name="News site", groups=())
COUNTERS = SubscriptionCounters(subscribed=842, unsubscribed=3, subscribed_sendable=800)
REPORT = CountersReport((CounterGroup(database_id=1, channels={"email": COUNTERS}),))


def ref(number: int) -> TaskRef:
    """Return a task of a resource."""
    return TaskRef(task_id=f"t{number}", kind="resource", target=(number, 1))


def completed(number: int) -> Completed[CountersReport]:
    """Return a completed refresh of a resource."""
    return Completed(
        target=ResourceTarget(number, 1), ref=ref(number), value=REPORT, polls=3, seconds=1.0
    )


def refused(number: int) -> Failed:
    """Return a refresh of a resource whose start was refused."""
    return Failed(target=(number, 1), ref=None, error=BadRequestError(f"no {number}"))


def test_counters_are_summed_by_channel() -> None:
    totals = Totals(3)
    for number in (1, 2):
        totals.add(completed(number))
    totals.add(refused(3))
    assert (totals.completed, totals.failed, totals.polls) == (2, 1, 6)
    assert totals.channels["email"] == SubscriptionCounters(
        subscribed=1684, unsubscribed=6, subscribed_sendable=1600
    )
    assert totals.snapshot() == Snapshot(3, 3)


def test_task_is_running_from_its_start_to_its_outcome() -> None:
    totals = Totals(2)
    totals.begin(ref(1))
    totals.begin(ref(2))
    totals.add(completed(1))
    assert list(totals.running.values()) == [ref(2)]


def test_task_whose_wait_ended_is_unfinished() -> None:
    totals = Totals(1)
    totals.begin(ref(1))
    error = WaitError("not over in time", ref=ref(1))
    totals.add(Failed(target=(1, 1), ref=ref(1), error=error))
    assert (totals.running, list(totals.unfinished.values())) == ({}, [ref(1)])


def test_first_failures_are_kept_and_all_are_counted() -> None:
    totals = Totals()
    for number in range(1, FAILURES_KEPT + 3):
        totals.add(refused(number))
    assert (totals.failed, len(totals.failures)) == (12, FAILURES_KEPT)
    assert str(totals.first_failure) == "no 1"


def test_channels_of_totals_are_in_one_order_whichever_came_first() -> None:
    totals = Totals()
    for name in ("zulu", "push", "email"):
        group = CounterGroup(database_id=1, channels={name: COUNTERS})
        totals.add(msgspec.structs.replace(completed(1), value=CountersReport((group,))))
    assert list(totals.channels) == ["email", "push", "zulu"]


def test_listed_resource_names_its_outcomes() -> None:
    totals = ResourceTotals()
    totals.list(RESOURCE, chosen=True)
    assert totals.name_of(completed(1)) == "News site"
    assert totals.name_of(refused(2)) is None


def test_resource_with_several_databases_is_reached_once() -> None:
    totals = ResourceTotals()
    totals.total = 3
    totals.add(completed(1))
    totals.add(completed(1))
    totals.add(refused(2))
    assert totals.snapshot() == Snapshot(2, 3, " resources")


def test_resource_that_is_not_chosen_is_not_part_of_the_total() -> None:
    totals = ResourceTotals()
    totals.total = 5
    totals.list(RESOURCE, chosen=True)
    totals.list(RESOURCE, chosen=False)
    assert totals.snapshot().total == 4


def test_total_grows_if_more_resources_are_listed_than_reported() -> None:
    totals = ResourceTotals()
    totals.total = 1
    for _ in range(3):
        totals.list(RESOURCE, chosen=True)
    assert totals.snapshot().total == 3


def test_total_stays_unknown_if_the_platform_does_not_report_it() -> None:
    assert ResourceTotals().snapshot().total is None
