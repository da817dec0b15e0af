"""Log records, and their fields on the task."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from altcraft_async import Adaptive, Observer, TaskFailedError
from altcraft_async.simulator import Fault

if TYPE_CHECKING:
    from altcraft_async import FinishedTask, TaskRef
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

START = "resources/refresh_counters"
STATUS = "tasks/status"


def fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what a record has beyond what every record has."""
    return {name: one for name, one in vars(record).items() if name.startswith("altcraft_")}


def fields_of(ref: TaskRef) -> dict[str, object]:
    """Return the fields of a record on this task."""
    return {
        "altcraft_task_id": ref.task_id,
        "altcraft_kind": ref.kind,
        "altcraft_target": ref.target,
    }


@pytest.mark.parametrize("observer", [None, Observer()], ids=["unobserved", "observed"])
async def test_debug_records_tell_of_starts_joins_failed_polls_and_ends(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture, observer: Observer | None
) -> None:
    """Polls that succeed are not logged, as they have to be cheap."""
    caplog.set_level(logging.DEBUG, "altcraft_async")
    async with platform(options={"observer": observer}) as (server, client):
        server.misbehave(STATUS, Fault.status(503))
        handle = await client.resources.refresh_counters(24, database_id=1)
        await client.resources.refresh_counters(24, database_id=1)
        await handle
        await client.tasks.attach(handle.ref)
    name = f"task {handle.ref.task_id} of resource 24, database 1"
    messages = [record.getMessage() for record in caplog.records if record.name == "altcraft_async"]
    assert messages == [
        f"{name} is started",
        f"{name} is joined",
        f"{name} could not be polled: {STATUS}: refused with 503: HTTP status 503 (HTTP 503)",
        f"{name} is over",
        f"{name} is attached",
        f"{name} is over",
    ]


async def test_every_record_has_the_fields_of_its_task(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "altcraft_async")
    async with platform() as (server, client):
        server.misbehave(START, Fault.failed_task())
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(TaskFailedError):
            await handle
    ours = [record for record in caplog.records if record.name == "altcraft_async"]
    assert len(ours) == 2
    assert [fields(record) for record in ours] == [fields_of(handle.ref)] * 2


async def test_retry_is_logged_with_its_method(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "altcraft_async")
    async with platform() as (server, client):
        server.misbehave(START, Fault.status(429))
        await client.resources.refresh_counters(24, database_id=1)
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "sent again: resources/refresh_counters: refused with 429"
    )
    assert fields(record) == {"altcraft_method": START}


async def test_warning_of_failed_polls_has_the_fields_of_the_task(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    async with platform() as (server, client):
        server.misbehave(STATUS, Fault.refuse(401), times=3)
        handle = await client.resources.refresh_counters(24, database_id=1)
        handle.add_done_callback(lambda _: None)
        await asyncio.sleep(2)
    (record,) = caplog.records
    assert (record.levelname, fields(record)) == ("WARNING", fields_of(handle.ref))


class Unteachable(Adaptive):
    """A policy that fails to learn."""

    def learn(self, finished: FinishedTask) -> None:
        """Fail."""
        raise KeyError(finished.kind)


async def test_error_of_a_policy_that_fails_to_learn_has_the_fields_of_the_task(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    async with platform(options={"poll": Unteachable()}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle
    (record,) = caplog.records
    assert (record.levelname, fields(record)) == ("ERROR", fields_of(handle.ref))


async def test_refreshes_left_running_are_named_in_text_and_field(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten of them."""
    caplog.set_level(logging.INFO, "altcraft_async")
    async with platform(duration=(1, 100)) as (_, client):
        targets = ((number, 1) for number in range(1, 500))
        async with aclosing(client.resources.refresh_many(targets, in_flight=50)) as outcomes:
            await anext(outcomes)
    (record,) = caplog.records
    ids = str(fields(record)["altcraft_task_ids"])
    assert ids.count(", ") == 9
    named = record.getMessage().partition("platform: ")[2]
    assert ids == str(named.split(", "))
