"""`altcraft refresh`, `status` and `wait` against the simulator."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable

import pytest

from altcraft_async import TaskRef
from altcraft_async.simulator import Simulator, Target

Altcraft = Callable[..., tuple[int, str, str]]

TARGET = Target("resource", (24, 1))


def start(server: Simulator) -> str:
    """Start a task long ago, so that it is over."""
    return server.world.start(TARGET, now=-1000)


def test_refresh_prints_counters_and_when_they_were_counted(
    account: Simulator, altcraft: Altcraft
) -> None:
    """A refresh ends with one row per channel below a line that says what was counted when."""
    code, out, err = altcraft("refresh", "24", "--database-id", "1")
    headline, titles, _, *rows = out.splitlines()
    assert (code, err) == (0, "")
    assert headline.startswith("resource 24, database 1, counted 2030-01-01 ")
    assert headline.endswith(" in 0.3 s")
    assert titles.split()[:3] == ["channel", "subscribed", "unsubscribed"]
    counters = account.world.counters(24, 1)["email"]
    assert rows[0].split()[:2] == ["email", str(counters.subscribed)]
    assert [row.split()[0] for row in rows] == ["email", "sms", "push"]


@pytest.mark.parametrize("wire_format", ["json", "xml"])
def test_refresh_with_json_prints_one_document(
    account: Simulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch, wire_format: str
) -> None:
    """Whatever format is spoken with the platform, ``--json`` is one line with task and figures."""
    monkeypatch.setenv("ALTCRAFT_FORMAT", wire_format)
    code, out, err = altcraft("refresh", "24", "--database-id", "1", "--json")
    said = json.loads(out)
    (group,) = said["groups"]
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert TaskRef.from_json(json.dumps(said["task"])).target == (24, 1)
    assert group["database_id"] == 1
    assert group["counted_at"].startswith("2030-01-01T")
    assert group["count_seconds"] == pytest.approx(0.3)
    sent = account.world.counters(24, 1)["sms"].subscribed
    assert group["channels"]["sms"]["subscribed"] == sent


@pytest.mark.usefixtures("account")
def test_refresh_with_csv_prints_a_line_per_channel(altcraft: Altcraft) -> None:
    """``--csv`` names what was counted, by which task, and when."""
    code, out, _ = altcraft("refresh", "24", "--database-id", "1", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["channel"] for row in rows} == {"email", "sms", "push"}
    assert {(row["resource_id"], row["database_id"]) for row in rows} == {("24", "1")}
    assert all(row["task_id"] and row["counted_at"].startswith("2030-01-01T") for row in rows)


def test_refresh_without_waiting_prints_the_task_and_how_to_come_back(
    account: Simulator, altcraft: Altcraft
) -> None:
    """``--no-wait`` costs the start alone; stdout is the id, stderr the way back."""
    code, out, err = altcraft("refresh", "24", "--database-id", "1", "--no-wait")
    task_id = out.strip()
    assert code == 0
    assert f"altcraft task wait {task_id}@resource:24:1\n" in err
    assert account.count("tasks/status") == 0
    assert altcraft("wait", task_id)[0] == 0


def test_refresh_without_waiting_gives_json_that_wait_takes(
    account: Simulator, altcraft: Altcraft
) -> None:
    """``--no-wait --json`` prints a TaskRef, and ``wait`` takes one."""
    _, ref, _ = altcraft("refresh", "24", "--database-id", "1", "--no-wait", "--json")
    code, out, _ = altcraft("wait", ref)
    assert code == 0
    assert out.startswith("resource 24, database 1, ")
    assert account.starts[TARGET] == 1


def test_wait_with_a_bare_id_prints_counters(account: Simulator, altcraft: Altcraft) -> None:
    """A task that is over is waited for with one poll, whoever started it."""
    code, out, err = altcraft("wait", start(account))
    assert (code, err, account.count("tasks/status")) == (0, "", 1)
    assert out.startswith("database 1, counted ")


def test_wait_with_json_prints_one_document(account: Simulator, altcraft: Altcraft) -> None:
    """``wait --json`` prints the same document as ``refresh --json``."""
    task_id = start(account)
    _, out, _ = altcraft("wait", task_id, "--json")
    said = json.loads(out)
    assert said["task"]["task_id"] == task_id
    assert said["groups"][0]["channels"].keys() == {"email", "sms", "push"}


def test_wait_that_runs_out_of_time_says_how_to_go_on(
    account: Simulator, altcraft: Altcraft
) -> None:
    """A wait that ends before the task exits with 8 and the command that goes on."""
    task_id = account.world.start(TARGET, now=time.monotonic() + 100)
    code, out, err = altcraft("wait", "--timeout", "0", task_id)
    assert (code, out) == (8, "")
    assert "was not over in time" in err
    assert "\n  the task goes on; to come back: altcraft task wait " in err


def test_status_prints_one_line_for_one_request(account: Simulator, altcraft: Altcraft) -> None:
    """A status is one request and one line."""
    code, out, err = altcraft("status", start(account))
    assert (code, out, err) == (0, "completed 100 %\n", "")
    assert account.count("tasks/status") == 1


def test_status_with_json_prints_one_document(account: Simulator, altcraft: Altcraft) -> None:
    """``status --json`` holds the id, the status and the progress."""
    task_id = start(account)
    _, out, _ = altcraft("status", task_id, "--json")
    assert json.loads(out) == {"task_id": task_id, "status": "completed", "progress": 100}


def test_status_takes_a_ref(account: Simulator, altcraft: Altcraft) -> None:
    """Where a task id is wanted, the JSON of a TaskRef does too."""
    ref = TaskRef(task_id=start(account), kind="resource", target=(24, 1))
    assert altcraft("status", ref.to_json())[:2] == (0, "completed 100 %\n")
