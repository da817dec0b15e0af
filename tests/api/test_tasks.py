"""``client.tasks``: one status, and handles on tasks that were started elsewhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from altcraft_async import ConfigurationError, CountersReport, ProtocolError, TaskHandle

if TYPE_CHECKING:
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime]


async def test_status_is_one_request(platform: OpenPlatform) -> None:
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        status = await client.tasks.status(handle.ref.task_id)
        assert (status.status, status.progress) == ("running", 0)
        assert status.raw == {"status": "running", "progress": 0}
        assert server.count("tasks/status") == 1


@pytest.mark.parametrize("task_id", ["", None, 5, "a b", "a\n"])
async def test_wrong_task_id_is_refused_before_anything_is_sent(
    platform: OpenPlatform, task_id: str
) -> None:
    async with platform() as (server, client):
        with pytest.raises(ConfigurationError, match=r"^task_id:"):
            await client.tasks.status(task_id)
        with pytest.raises(ConfigurationError, match=r"^task:"):
            client.tasks.attach(task_id)
        assert not server.requests


class Group(msgspec.Struct):
    """A part of a result, as a user may want it."""

    list_id: int


@pytest.mark.parametrize("wire_format", ["json", "xml"])
async def test_attached_task_gives_the_plain_value_or_what_decode_makes_of_it(
    platform: OpenPlatform, wire_format: str
) -> None:
    async with platform(duration=1, wire_format=wire_format) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        report = await handle
        task_id = handle.ref.task_id
        plain = await client.tasks.attach(task_id)
        assert "'list_id'" in repr(plain)
        attached = await client.tasks.attach(task_id, decode=CountersReport)
        assert attached["email"] == report["email"]
        assert (attached.kind, attached.target) == ("unknown", None)
        assert await client.tasks.attach(task_id, decode=list[Group]) == [Group(1)]
        assert await client.tasks.attach(task_id, decode=repr) == repr(plain)
        assert client.tasks.attach(task_id).ref.kind == "unknown"


async def test_decoder_that_raises_ends_the_task_in_an_error_with_its_cause(
    platform: OpenPlatform,
) -> None:
    def decode(_value: object) -> int:
        msg = "cannot make sense of it"
        raise KeyError(msg)

    async with platform(duration=1) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        attached: TaskHandle[int] = client.tasks.attach(handle.ref, decode=decode)
        await asyncio.sleep(2)
        with pytest.raises(ProtocolError, match="cannot make sense of it") as caught:
            await attached
        assert isinstance(caught.value.__cause__, KeyError)
        assert attached.done()
        wrong = client.tasks.attach(handle.ref, decode=list[int])
        with pytest.raises(ProtocolError, match="Expected `int`") as mismatch:
            await wrong
        assert mismatch.value.__cause__ is None
