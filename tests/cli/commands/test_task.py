"""`altcraft task status` and `task wait`."""

from __future__ import annotations

import json
from collections.abc import Callable

from altcraft_async import TaskRef
from altcraft_async.simulator import Simulator, Target

Altcraft = Callable[..., tuple[int, str, str]]


def start_finished(account: Simulator) -> str:
    """Start a task that has ended already."""
    return account.world.start(Target("resource", (24, 1)), now=-1000)


def test_status_is_one_line_and_one_request(account: Simulator, altcraft: Altcraft) -> None:
    code, out, err = altcraft("status", start_finished(account))
    assert (code, out, err) == (0, "completed 100 %\n", "")
    assert account.count("tasks/status") == 1


def test_status_with_json_prints_one_document(account: Simulator, altcraft: Altcraft) -> None:
    task_id = start_finished(account)
    _, out, _ = altcraft("status", task_id, "--json")
    assert json.loads(out) == {"task_id": task_id, "status": "completed", "progress": 100}


def test_status_takes_the_json_of_a_ref(account: Simulator, altcraft: Altcraft) -> None:
    ref = TaskRef(task_id=start_finished(account), kind="resource", target=(24, 1))
    assert altcraft("status", ref.to_json())[:2] == (0, "completed 100 %\n")


def test_wait_for_a_finished_task_prints_counters_after_one_poll(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, err = altcraft("wait", start_finished(account))
    assert (code, err, account.count("tasks/status")) == (0, "", 1)
    assert out.startswith("database 1, counted ")


def test_wait_with_json_prints_one_document(account: Simulator, altcraft: Altcraft) -> None:
    task_id = start_finished(account)
    _, out, _ = altcraft("wait", task_id, "--json")
    document = json.loads(out)
    assert document["task"]["task_id"] == task_id
    assert [row["channel"] for row in document["rows"]] == ["email", "sms", "push"]


def test_raw_result_is_printed_unchanged(account: Simulator, altcraft: Altcraft) -> None:
    code, out, _ = altcraft("task", "wait", "--raw", start_finished(account))
    (group,) = json.loads(out)
    assert code == 0
    assert group["list_id"] == 1
