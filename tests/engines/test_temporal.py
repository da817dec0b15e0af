"""An activity of Temporal in its test environment, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType

import pytest
from temporalio.testing import ActivityEnvironment

from altcraft_async import AltcraftClient, SQLiteLedger
from altcraft_async.simulator import Simulator
from tests.support.guides import example


def test_activity_run_again_gets_the_same_task(
    server: Simulator, imported: Callable[[str, str], ModuleType]
) -> None:
    program = imported("temporal_activity.py", example("engines", "temporal_activity.py"))
    heartbeats: list[tuple[object, ...]] = []

    async def once() -> int:
        async with (
            SQLiteLedger("starts.sqlite") as ledger,
            AltcraftClient.from_env(ledger=ledger) as client,
        ):
            environment = ActivityEnvironment()
            environment.on_heartbeat = lambda *details: heartbeats.append(details)
            counting = program.Counting(client)
            done: int = await environment.run(counting.refresh, 24, 1)
            return done

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(once(), 0.5))
    assert asyncio.run(once()) > 0
    assert heartbeats
    assert server.starts["resource", (24, 1)] == 1
