"""Tasks as OpenTelemetry spans and metrics."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint, NumberDataPoint
from opentelemetry.trace import SpanKind, StatusCode

from altcraft_async import BadRequestError, ServerError, TaskFailedError, WaitTimeoutError
from altcraft_async.integrations.opentelemetry import OpenTelemetryObserver
from altcraft_async.simulator import Fault
from tests.support.api_calls import RUNNING, STARTED, TOKEN, client_of
from tests.support.scripted_server import answer
from tests.support.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import OpenPlatform
    from tests.support.scripted_server import ScriptedServer
    from tests.support.telemetry import Point

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


def attributes(span: ReadableSpan) -> Mapping[str, object]:
    """Return the attributes of a span."""
    assert span.attributes is not None
    return span.attributes


def value(points: list[Point]) -> float:
    """Return the sum of a counter."""
    return sum(point.value for point in points if isinstance(point, NumberDataPoint))


def measured(points: list[Point]) -> tuple[int, float]:
    """Return the count and the sum of a histogram."""
    (point,) = points
    assert isinstance(point, HistogramDataPoint)
    return point.count, point.sum


async def test_refresh_is_a_span_below_the_callers(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (server, client):
        with telemetry.tracer.start_as_current_span("the nightly job") as job:
            await client.resources.refresh(24, database_id=1)
        span = telemetry.only()
        assert (span.name, span.kind) == ("altcraft refresh resource", SpanKind.CLIENT)
        assert span.parent is not None
        assert span.parent.span_id == job.get_span_context().span_id
        found = dict(attributes(span))
        assert found.pop("altcraft.task.lateness") == pytest.approx(1.0, abs=0.05)
        assert found == {
            "altcraft.task.id": server.requests[-1].params["task_id"],
            "altcraft.task.kind": "resource",
            "altcraft.task.target": (24, 1),
            "altcraft.task.polls": server.count(STATUS),
            "altcraft.task.faults": 0,
            "altcraft.task.status": "completed",
            "altcraft.task.outcome": "completed",
        }
        assert span.status.status_code is StatusCode.UNSET


async def test_polls_are_events_of_the_span(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (server, client):
        server.misbehave(STATUS, Fault.status(503), after=1)
        await client.resources.refresh(24, database_id=1)
        span = telemetry.only()
        assert len(span.events) == server.count(STATUS)
        assert attributes(span)["altcraft.task.faults"] == 1
    first, failed, *_, last = (event.attributes or {} for event in span.events)
    assert first["altcraft.task.progress"] == 10
    assert failed["error.type"] == "ServerError"
    assert (last["altcraft.task.status"], last["altcraft.task.progress"]) == ("completed", 100)


async def test_span_of_a_late_waiter_begins_at_the_start(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (_, client):
        with telemetry.tracer.start_as_current_span("the request") as request:
            handle = await client.resources.refresh_counters(24, database_id=1)
        # By the wall clock, which looptime does not move.
        before_waiting = time.time_ns()
        await handle
    span = telemetry.only()
    assert span.parent is not None
    assert span.parent.span_id == request.get_span_context().span_id
    assert span.start_time is not None
    assert span.start_time < before_waiting


async def test_failed_task_is_an_error_of_the_span(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (server, client):
        server.misbehave(START, Fault.failed_task())
        with pytest.raises(TaskFailedError) as caught:
            await client.resources.refresh(24, database_id=1)
    span = telemetry.only()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == str(caught.value)
    assert attributes(span)["error.type"] == "TaskFailedError"
    assert attributes(span)["altcraft.task.outcome"] == "failed"
    assert [event.name for event in span.events][-1] == "exception"


async def test_waiter_after_a_timeout_gets_a_linked_span(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(WaitTimeoutError):
            await handle.wait(timeout=3)
        left = telemetry.only()
        assert attributes(left)["altcraft.task.outcome"] == "left"
        assert attributes(left)["error.type"] == "WaitTimeoutError"
        with telemetry.tracer.start_as_current_span("later") as later:
            await handle
    _, again = telemetry.spans
    assert left.context is not None
    assert [link.context.span_id for link in again.links] == [left.context.span_id]
    assert again.parent is not None
    assert again.parent.span_id == later.get_span_context().span_id
    assert attributes(again)["altcraft.task.outcome"] == "completed"


async def test_cancelled_wait_ends_the_span_without_an_error(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await handle
        span = telemetry.only()
    assert attributes(span)["altcraft.task.outcome"] == "left"
    assert span.status.status_code is StatusCode.UNSET


async def test_joining_and_attaching_callers_are_linked(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        waiting = asyncio.ensure_future(handle.wait())
        await asyncio.sleep(1)
        with telemetry.tracer.start_as_current_span("joins") as joins:
            await client.resources.refresh(24, database_id=1)
        await waiting
        with telemetry.tracer.start_as_current_span("attaches") as attaches:
            attached = client.tasks.attach(handle.ref)
        with telemetry.tracer.start_as_current_span("waits") as waits:
            await attached
    joined, found = telemetry.spans
    assert joined.parent is None
    assert [link.context for link in joined.links] == [joins.get_span_context()]
    assert found.parent == waits.get_span_context()
    assert [link.context for link in found.links] == [attaches.get_span_context()]
    assert "altcraft.task.lateness" not in attributes(found)


async def test_task_without_a_waiter_has_no_span(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1, join="never")
        client.tasks.attach(handle.ref)
        assert not telemetry.spans
    assert not telemetry.spans
    assert value(telemetry.points().get("altcraft.task.active", [])) == 0
    del handle, client
    gc.collect()
    assert not telemetry.observer._traces


async def test_end_found_without_a_waiter_has_a_span(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle.poll()
        assert not telemetry.spans
        await asyncio.sleep(20)
        await handle.poll()
    assert attributes(telemetry.only())["altcraft.task.polls"] == 2


async def test_closing_the_client_ends_all_spans(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (_, client):
        for number in (24, 25):
            handle = await client.resources.refresh_counters(number, database_id=1)
            handle.add_done_callback(lambda _: None)
        await asyncio.sleep(3)
        assert value(telemetry.points()["altcraft.task.active"]) == 2
    assert [attributes(span)["error.type"] for span in telemetry.spans] == ["ClientClosedError"] * 2
    assert value(telemetry.points()["altcraft.task.active"]) == 0


async def test_metrics_count_tasks_and_polls_and_measure_times(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (server, client):
        refreshes = [
            asyncio.ensure_future(client.resources.refresh(number, database_id=1))
            for number in (24, 25)
        ]
        await asyncio.sleep(3)
        assert value(telemetry.points()["altcraft.task.active"]) == 2
        await asyncio.gather(*refreshes)
        points = telemetry.points()
        assert value(points["altcraft.task.active"]) == 0
        assert value(points["altcraft.task.polls"]) == server.count(STATUS)
        durations, seconds = measured(points["altcraft.task.duration"])
        assert durations == 2
        assert seconds == pytest.approx(20, abs=2.2)
        assert measured(points["altcraft.task.lateness"])[0] == 2
        assert points["altcraft.task.duration"][0].attributes == {"altcraft.task.kind": "resource"}


async def test_duration_of_an_attached_task_without_start_time_is_not_measured(
    platform: OpenPlatform,
) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await client.tasks.attach(handle.ref.task_id)
    span = telemetry.only()
    assert (span.name, span.links) == ("altcraft task", ())
    assert "altcraft.task.duration" not in telemetry.points()


async def test_faults_are_counted_by_method_and_type(platform: OpenPlatform) -> None:
    telemetry = Telemetry()
    async with platform(options={"observer": telemetry.observer}) as (server, client):
        server.misbehave(START, Fault.status(429))
        server.misbehave(START, Fault.status(503), after=1)
        server.misbehave(STATUS, Fault.html())
        with telemetry.tracer.start_as_current_span("altcraft caller"):
            await client.resources.refresh(24, database_id=1)
            with pytest.raises(ServerError):
                await client.resources.refresh(25, database_id=1)
    faults = {
        (
            point.attributes["altcraft.method"],
            point.attributes["error.type"],
            point.attributes["altcraft.survived"],
        )
        for point in telemetry.points()["altcraft.request.faults"]
        if point.attributes
    }
    assert faults == {
        (START, "RateLimitedError", True),
        (START, "ServerError", False),
        (STATUS, "ProtocolError", True),
    }
    caller = telemetry.spans[-1]
    assert [event.name for event in caller.events] == ["altcraft.retried", "altcraft.start_failed"]


async def test_refresh_works_without_an_sdk(platform: OpenPlatform) -> None:
    async with platform(options={"observer": OpenTelemetryObserver()}) as (_, client):
        report = await client.resources.refresh(24, database_id=1)
        assert report["email"].subscribed is not None


async def test_token_is_in_no_span_and_no_metric(server: ScriptedServer) -> None:
    telemetry = Telemetry()
    leaking = f'{{"data": {{"status": "{TOKEN}"}}, "error": 0, "error_text": ""}}'
    refusing = f'{{"data": null, "error": 400, "error_text": "no {TOKEN} here"}}'
    server.script(
        answer(refusing),
        answer(f"<html>{TOKEN}</html>", status="429 Too Many Requests"),
        STARTED,
        RUNNING,
        answer(leaking),
        answer(f"<html>{TOKEN}</html>", status="502 Bad Gateway"),
        answer(refusing),
    )
    async with client_of(server.url, observer=telemetry.observer) as client:
        with telemetry.tracer.start_as_current_span("altcraft caller"):
            for _ in range(2):
                with pytest.raises(BadRequestError):
                    await client.resources.refresh(24, database_id=1)
    told = telemetry.told()
    for name in ("BadRequestError", "RateLimitedError", "ProtocolError", "refused with 400"):
        assert name in told
    assert TOKEN not in told
