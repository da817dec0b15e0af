"""Prefect, with its test server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from types import ModuleType

from altcraft_async.simulator import Fault, Simulator
from tests.support.guides import example

# Read at import; the tests send no telemetry.
os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}

from prefect.testing.utilities import prefect_test_harness


def test_retried_task_gets_the_same_refresh(
    server: Simulator, imported: Callable[[str, str], ModuleType]
) -> None:
    server.misbehave("tasks/status", Fault.refuse(403))
    with prefect_test_harness(server_startup_timeout=60):
        program = imported("prefect_flow.py", example("engines", "prefect_flow.py"))
        assert asyncio.run(program.nightly([24, 25, 26])) > 0
    assert not server.pending_faults
    assert [server.starts["resource", (one, 1)] for one in (24, 25, 26)] == [1, 1, 1]
