"""Results as plain data."""

from __future__ import annotations

from altcraft_async import BadRequestError, Failed, TaskRef
from altcraft_async.cli.json_data import outcome_data, task_data

REF = TaskRef(task_id="t", kind="resource", target=(24, 1))


def test_failure_has_its_error_message_and_task() -> None:
    failed = Failed(target=(24, 1), ref=None, error=BadRequestError("no"))
    assert outcome_data(failed) == {
        "target": (24, 1),
        "task": None,
        "error": "BadRequestError",
        "message": "no",
    }
    started = Failed(target=(24, 1), ref=REF, error=BadRequestError("no"))
    assert outcome_data(started)["task"] == task_data(REF)
