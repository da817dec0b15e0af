"""The whole public API used once: type-checked, never run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import assert_type

import aiohttp

from altcraft_async import (
    AccessGroup,
    Adaptive,
    AltcraftClient,
    AltcraftError,
    Completed,
    Constant,
    CountersReport,
    Database,
    DatabaseDetails,
    Exponential,
    Failed,
    Feedback,
    LedgerEntry,
    Pages,
    Patience,
    PollState,
    Resource,
    ResourceDetails,
    Retry,
    Segment,
    SegmentDetails,
    SQLiteLedger,
    StartUnknownError,
    SubscriptionCounters,
    SubscriptionField,
    TaskHandle,
    TaskLedger,
    TaskRef,
    TaskStatus,
    as_completed,
)


class OwnPolicy:
    """Any object with the one method is a policy."""

    def next_poll(self, seen: PollState) -> float:
        """Return seconds."""
        return seen.waited


async def clients(session: aiohttp.ClientSession) -> None:
    """Make clients in every way."""
    AltcraftClient("https://example.com", "token")
    AltcraftClient("https://example.com", token="token", format="xml", token_in="header")
    AltcraftClient("https://example.com", "token", session=session, retry=Retry(attempts=5))
    AltcraftClient("https://example.com", "token", poll=Constant(1), rate_limit=20)
    AltcraftClient("https://example.com", "token", poll=Exponential(first=1, factor=2, ceiling=9))
    AltcraftClient("https://example.com", "token", poll=Adaptive(ceiling=5), request_timeout=5)
    AltcraftClient("https://example.com", "token", poll=OwnPolicy(), failure_statuses={"bad"})
    AltcraftClient("https://example.com", "token", segment_database_name="list_id")
    async with AltcraftClient.from_env(polling_patience=Patience(seconds=5)) as client:
        assert_type(client, AltcraftClient)
    await client.aclose()


async def refreshes(client: AltcraftClient, targets: AsyncIterator[tuple[int, int]]) -> None:
    """Start, wait and attach."""
    feedback = Feedback(url="https://example.com/receiver")
    handle = await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
    assert_type(handle, TaskHandle[CountersReport])
    assert_type(await handle, CountersReport)
    assert_type(await client.resources.refresh(24, database_id=1, timeout=5), CountersReport)
    async for outcome in client.resources.refresh_many(targets, in_flight=5):
        if isinstance(outcome, Completed):
            assert_type(outcome.value, CountersReport)
        else:
            assert_type(outcome, Failed)
            assert_type(outcome.error, AltcraftError)
    async for done in as_completed([handle]):
        assert_type(done, TaskHandle[CountersReport])
    assert_type(await client.tasks.status("id"), TaskStatus)
    assert_type(client.tasks.attach(handle.ref), TaskHandle[CountersReport])
    assert_type(client.tasks.attach("id"), TaskHandle[object])
    assert_type(client.tasks.attach("id", decode=CountersReport), TaskHandle[CountersReport])
    assert_type(client.tasks.attach("id", decode=dict[str, int]), TaskHandle[dict[str, int]])
    assert_type(client.tasks.attach("id", decode=repr), TaskHandle[str])


async def other_refreshes(client: AltcraftClient) -> None:
    """Refresh databases, segments, and everything."""
    feedback = Feedback(url="https://example.com/receiver")
    handle = await client.databases.refresh_counters(1, resource_id=24, feedback=feedback)
    assert_type(handle, TaskHandle[CountersReport])
    assert_type(await client.databases.refresh(1, resource_id=24, timeout=5), CountersReport)
    handle = await client.segments.refresh_counters(5, resource_id=24, database_id=1)
    assert_type(handle, TaskHandle[CountersReport])
    assert_type(await client.segments.refresh(5, resource_id=24, join="never"), CountersReport)
    for outcomes in (
        client.databases.refresh_many([(1, 24)], in_flight=5),
        client.segments.refresh_many([(5, 24), (6, 24, 1)], timeout=5),
        client.refresh_all(only=lambda resource: resource.id < 5, in_flight=5, timeout=5),
    ):
        async for outcome in outcomes:
            assert_type(outcome, Completed[CountersReport] | Failed)


async def lookups(client: AltcraftClient) -> None:
    """List, look up and read what was last counted."""
    resources = client.resources.list(from_id=1, limit=10, groups=["branch"], groups_id=[1])
    assert_type(resources, Pages[Resource])
    assert_type(resources.total, int | None)
    async for resource in resources:
        assert_type(resource, Resource)
        assert_type(resource.groups, tuple[AccessGroup, ...])
    assert_type([one async for one in client.databases.list(tags=["own"])], list[Database])
    assert_type(await anext(client.segments.list(tags={"own"})), Segment)
    assert_type(await client.resources.get(24), ResourceDetails)
    assert_type(await client.databases.get(1), DatabaseDetails)
    assert_type(await client.segments.get(5), SegmentDetails)
    assert_type(await client.resources.get_counters(24, database_id=1), CountersReport)
    assert_type(await client.databases.get_counters(1, resource_id=24), CountersReport)
    assert_type(await client.segments.get_counters(5, resource_id=24), CountersReport)
    fields = await client.resources.fields_get(24, channel="email")
    assert_type(fields, tuple[SubscriptionField, ...])


async def handles(handle: TaskHandle[CountersReport]) -> None:
    """Use every member of a handle."""
    assert_type(await handle.wait(timeout=1, stall=2.5), CountersReport)
    async with asyncio.TaskGroup() as group:
        group.create_task(handle.wait())
    assert_type(await asyncio.gather(handle, handle), tuple[CountersReport, CountersReport])
    async for status in handle.updates():
        assert_type(status, TaskStatus)
    assert_type(await handle.poll(), TaskStatus | None)
    assert_type(handle.done(), bool)
    assert_type(handle.result(), CountersReport)
    assert_type(handle.exception(), AltcraftError | None)
    handle.add_done_callback(lambda one: one.result())
    assert_type(handle.remove_done_callback(print), int)
    assert_type(handle.ref, TaskRef)
    assert_type(handle.status, TaskStatus | None)
    assert_type(handle.eta, float | None)
    assert_type(handle.polls, int)
    handle.nudge()


def values(report: CountersReport, ref: TaskRef) -> None:
    """Read what a refresh returns."""
    assert_type(report["email"], SubscriptionCounters)
    assert_type(report["email"].subscribed, int | None)
    group = report.groups[0]
    assert_type(group.updated, datetime | None)
    assert_type(group.counted_at, datetime | None)
    assert_type(group.count_duration, timedelta | None)
    assert_type(TaskRef.from_json(ref.to_json()), TaskRef)


async def ledgers(client: AltcraftClient, ledger: TaskLedger, error: StartUnknownError) -> None:
    """Note starts, come back to them, and say what does not matter."""
    async with SQLiteLedger("starts.sqlite") as own:
        AltcraftClient("https://example.com", "token", ledger=own, reconcile_starts=True)
    await client.resources.refresh(24, database_id=1, idempotency_key="nightly")
    async for handle in client.resume(ledger):
        assert_type(handle, TaskHandle[CountersReport])
    assert_type(await ledger.read("key"), LedgerEntry | None)
    for entry in error.entries:
        assert_type(await ledger.forget(entry), bool)
    assert_type(error.report, CountersReport | None)
