"""Dagster, in this process."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from dagster import materialize

from altcraft_async.simulator import Fault, Simulator
from tests.support.guides import example


def test_retried_step_gets_the_same_task(
    server: Simulator,
    imported: Callable[[str, str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    server.misbehave("tasks/status", Fault.refuse(403))
    program = imported("dagster_job.py", example("engines", "dagster_job.py"))
    result = materialize([program.subscribers])
    assert result.success
    assert result.output_for_node("subscribers") > 0
    assert not server.pending_faults
    assert server.starts["resource", (24, 1)] == 1
