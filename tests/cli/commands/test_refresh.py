"""`altcraft refresh` of the three kinds of objects, one or several."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from altcraft_async import CounterRow, TaskRef
from altcraft_async.simulator import Fault, Simulator, Target
from tests.support.forked_command import ForkedCommand

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., ForkedCommand]
Until = Callable[[Callable[[], bool]], None]

START = "resources/refresh_counters"
TARGET = Target("resource", (24, 1))
TARGETS = {
    "resources": (("24", "--database-id", "1"), TARGET),
    "databases": (("1", "--resource-id", "24"), Target("database", (1, 24))),
    "segments": (
        ("7", "--resource-id", "24", "--database-id", "1"),
        Target("segment", (7, 24, 1)),
    ),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_refresh_starts_one_task_and_prints_its_counters(
    account: Simulator, altcraft: Altcraft, kind: str
) -> None:
    arguments, target = TARGETS[kind]
    code, out, err = altcraft(kind, "refresh", *arguments)
    headline, _, _, *rows = out.splitlines()
    assert (code, err, account.starts[target]) == (0, "", 1)
    assert "resource 24" in headline
    assert "database 1" in headline
    assert [row.split()[0] for row in rows] == ["email", "sms", "push"]


def test_short_command_prints_a_headline_and_a_row_per_channel(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, err = altcraft("refresh", "24", "--database-id", "1")
    headline, titles, _, *rows = out.splitlines()
    assert (code, err) == (0, "")
    assert headline.startswith("resource 24, database 1, counted 2030-01-01 ")
    assert headline.endswith(" in 0.3 s")
    assert titles.split()[:3] == ["channel", "subscribed", "unsubscribed"]
    counters = account.world.counters(24, 1)["email"]
    assert rows[0].split()[:2] == ["email", f"{counters.subscribed:,}"]
    assert [row.split()[0] for row in rows] == ["email", "sms", "push"]


@pytest.mark.parametrize("wire_format", ["json", "xml"])
def test_refresh_with_json_prints_one_document(
    account: Simulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch, wire_format: str
) -> None:
    monkeypatch.setenv("ALTCRAFT_FORMAT", wire_format)
    code, out, err = altcraft("refresh", "24", "--database-id", "1", "--json")
    document = json.loads(out)
    _, sms, _ = document["rows"]
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert TaskRef.from_json(json.dumps(document["task"])).target == (24, 1)
    assert list(sms) == list(CounterRow._fields)
    assert (sms["channel"], sms["database_id"], document["in_progress"]) == ("sms", 1, False)
    assert sms["counted_at"].startswith("2030-01-01T")
    assert sms["subscribed"] == account.world.counters(24, 1)["sms"].subscribed


@pytest.mark.usefixtures("account")
def test_refresh_with_csv_prints_a_row_per_channel(altcraft: Altcraft) -> None:
    code, out, _ = altcraft("refresh", "24", "--database-id", "1", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["channel"] for row in rows} == {"email", "sms", "push"}
    assert {(row["resource_id"], row["database_id"]) for row in rows} == {("24", "1")}
    assert all(row["task_id"] and row["counted_at"].startswith("2030-01-01T") for row in rows)


def test_no_wait_prints_the_task_and_how_to_come_back(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, err = altcraft("refresh", "24", "--database-id", "1", "--no-wait")
    task = out.strip()
    assert code == 0
    assert task.endswith("@resource:24:1")
    assert f"altcraft task wait {task}\n" in err
    assert account.count("tasks/status") == 0
    code, out, _ = altcraft("wait", task)
    assert code == 0
    assert out.startswith("resource 24, database 1, ")


def test_no_wait_with_json_prints_a_ref_that_wait_takes(
    account: Simulator, altcraft: Altcraft
) -> None:
    _, ref, _ = altcraft("refresh", "24", "--database-id", "1", "--no-wait", "--json")
    code, out, _ = altcraft("wait", ref)
    assert code == 0
    assert out.startswith("resource 24, database 1, ")
    assert account.starts[TARGET] == 1


def test_no_wait_of_several_prints_refs_that_wait_takes(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, err = altcraft(
        "resources", "refresh", "1", "2", "--database-id", "1", "--no-wait", "--json"
    )
    refs = out.splitlines()
    assert (code, len(refs)) == (0, 2)
    started, hint = err.splitlines()
    assert started == "altcraft: 2 tasks are started"
    assert hint.startswith("  the tasks go on; to come back: altcraft task wait ")
    code, out, _ = altcraft("task", "wait", *refs, "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert sorted(one["target"] for one in found) == [[1, 1], [2, 1]]
    assert sum(account.starts.values()) == 2


def test_no_wait_with_a_refused_start_prints_how_to_come_back_to_the_started(
    account: Simulator, altcraft: Altcraft
) -> None:
    account.misbehave(START, Fault.refuse(402), after=1)
    code, out, err = altcraft("resources", "refresh", "1", "2", "--database-id", "1", "--no-wait")
    assert code == 3
    assert out.strip().endswith("@resource:1:1")
    assert f"altcraft task wait {out.strip()}\n" in err


def test_several_ids_are_refreshed_and_totalled(account: Simulator, altcraft: Altcraft) -> None:
    code, out, err = altcraft("resources", "refresh", "1", "2", "3", "--database-id", "1")
    *_, totals = out.splitlines()
    assert (code, err) == (0, "")
    assert totals.startswith("3 of 3 refreshes, ")
    assert len(account.starts) == 3


def test_id_that_is_given_twice_is_refreshed_and_added_once(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, _ = altcraft("refresh", "24", "25", "24", "--database-id", "1")
    assert code == 0
    assert out.splitlines()[-1].startswith("2 of 2 refreshes, ")
    assert account.starts[TARGET] == 1
    _, out, _ = altcraft("refresh", "24", "24", "--database-id", "1")
    assert out.startswith("resource 24, database 1, ")


def test_several_ids_with_csv_print_one_table_with_the_failures(
    account: Simulator, altcraft: Altcraft
) -> None:
    _, out, err = altcraft("databases", "refresh", "1", "999", "--resource-id", "24", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    failed = [row for row in rows if row["error"]]
    assert len(rows) == 4
    assert [(row["database_id"], row["error"]) for row in failed] == [("999", "NotFoundError")]
    assert "1 of 2 failed" in err
    assert account.starts[Target("database", (1, 24))] == 1


def test_several_static_segments_are_refreshed_without_a_database(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, *_ = altcraft("segments", "refresh", "4", "5", "--resource-id", "24")
    assert code == 0
    assert set(account.starts) == {("segment", (4, 24)), ("segment", (5, 24))}


def test_signal_while_starting_warns_that_the_task_may_have_started(
    account: Simulator, spawn: Spawn, until: Until
) -> None:
    account.misbehave(START, Fault.stall())
    process = spawn("refresh", "24", "--database-id", "1")
    until(lambda: account.count(START) > 0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "altcraft: stopped while starting; the task may have started anyway\n"


@pytest.mark.usefixtures("account")
def test_user_without_a_home_directory_can_refresh_but_needs_a_file_for_a_run(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in a container that runs with any user id."""
    monkeypatch.setenv("HOME", "~")  # which means that none is known
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    command = ("refresh", "24", "--database-id", "1", "--json")
    assert altcraft(*command)[0] == 0
    code, _, err = altcraft(*command, "--run", "nightly")
    assert (code, "ledger: there is no home directory; set XDG_STATE_HOME" in err) == (2, True)
    assert altcraft(*command, "--run", "nightly", "--ledger", str(tmp_path / "runs.sqlite"))[0] == 0
