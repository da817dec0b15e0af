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
    StartUnknownError,
    SubscriptionCounters,
    TaskRef,
    TaskStatus,
    WaitError,
)
from altcraft_async.cli.totals import NAMED_PER_REASON, ResourceTotals, Snapshot, Totals
from altcraft_async.tasks.descriptions import last_status

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


def refused(number: int, reason: str = "no") -> Failed:
    """Return a refresh of a resource whose start was refused."""
    return Failed(target=(number, 1), ref=None, error=BadRequestError(reason))


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


def test_failures_of_one_reason_are_counted_and_the_first_are_named() -> None:
    totals = Totals()
    for number in range(1, NAMED_PER_REASON + 3):
        totals.add(refused(number, "no more"))
    totals.add(refused(99, "other"))
    group, other = totals.failures.values()
    assert (group.count, other.count) == (NAMED_PER_REASON + 2, 1)
    assert group.labels == [f"resource {number}, database 1" for number in (1, 2, 3)]
    assert (group.reason, other.reason) == ("no more", "other")
    assert str(totals.first_failure) == "no more"


def test_starts_that_may_have_happened_are_of_one_reason_without_advice_for_programs() -> None:
    totals = Totals()
    for number in (1, 2):
        error = StartUnknownError(f"ledger: … {number} … `await ledger.forget(entry)`", entries=())
        totals.add(Failed(target=(number, 1), ref=None, error=error))
    (group,) = totals.failures.values()
    assert group.reason == "may have been started just before the run was killed"
    assert group.labels == ["resource 1, database 1", "resource 2, database 1"]


def test_waits_that_ended_are_of_one_reason_whatever_the_task_and_its_status() -> None:
    totals = Totals()
    for number in (1, 2):
        status = TaskStatus(status="running", progress=number)
        text = f"task t{number} of resource {number}, database 1 was not over{last_status(status)}"
        error = WaitError(text, ref=ref(number), status=status)
        totals.add(Failed(target=(number, 1), ref=ref(number), error=error))
    (group,) = totals.failures.values()
    assert (group.count, group.reason) == (2, "the task was not over")


def test_reasons_that_differ_in_seconds_are_one() -> None:
    totals = Totals()
    for seconds in ("1.5 s", "20 s"):
        totals.add(refused(1, f"no answer for {seconds}"))
    (group,) = totals.failures.values()
    assert (group.count, group.reason) == (2, "no answer for 1.5 s")


def test_failed_task_without_a_target_is_named_by_its_id() -> None:
    totals = Totals(kind="unknown")
    error = BadRequestError("no")
    totals.add(Failed(target="t1", ref=TaskRef(task_id="t1"), error=error))
    (group,) = totals.failures.values()
    assert group.labels == ["task t1"]


def test_resource_in_several_databases_is_one_object() -> None:
    totals = ResourceTotals()
    totals.list(RESOURCE, chosen=True)
    for _ in range(2):
        totals.add(completed(1))
    assert list(totals.objects) == ["resource 1"]
    assert totals.objects["resource 1"].name == "News site"
    assert totals.objects["resource 1"].channels["email"].subscribed == 1684


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
