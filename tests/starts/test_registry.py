"""The tasks that a client keeps for joining."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from altcraft_async.protocol.endpoints import REFRESH_RESOURCE
from altcraft_async.starts.registry import MOST_TASKS, Start, TaskRegistry

if TYPE_CHECKING:
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]


async def test_newest_of_very_many_tasks_are_kept(platform: OpenPlatform) -> None:
    async with platform(duration=1000) as (server, client):
        handle = await client.resources.refresh_counters(1, database_id=1)
        registry = TaskRegistry()
        start = Start(endpoint=REFRESH_RESOURCE, kind="resource", target=(0, 1), values={})
        for number in range(MOST_TASKS + 1):
            registry.add("resource", (number, 1), handle)
        assert registry.find(start) is None
        assert registry.find(msgspec.structs.replace(start, target=(5, 1))) is handle
        assert server.count("resources/refresh_counters") == 1
