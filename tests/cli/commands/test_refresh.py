"""`counters` and `refresh` of the three kinds, alone and many at once, against the simulator."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from altcraft_async.simulator import Fault, Simulator, Target

Altcraft = Callable[..., tuple[int, str, str]]

TARGETS = {
    "resources": (("24", "--database-id", "1"), Target("resource", (24, 1))),
    "databases": (("1", "--resource-id", "24"), Target("database", (1, 24))),
    "segments": (
        ("7", "--resource-id", "24", "--database-id", "1"),
        Target("segment", (7, 24, 1)),
    ),
}
IDS = {
    "resources": {"resource_id": "24", "database_id": "1"},
    "databases": {"database_id": "1", "resource_id": "24"},
    "segments": {"segment_id": "7", "resource_id": "24", "database_id": "1"},
}


@pytest.mark.parametrize("kind", TARGETS)
def test_refresh_starts_a_count_and_prints_it(
    account: Simulator, altcraft: Altcraft, kind: str
) -> None:
    """Each kind is refreshed the same way."""
    arguments, target = TARGETS[kind]
    code, out, err = altcraft(kind, "refresh", *arguments)
    headline, _, _, *rows = out.splitlines()
    assert (code, err, account.starts[target]) == (0, "", 1)
    assert "resource 24" in headline
    assert "database 1" in headline
    assert [row.split()[0] for row in rows] == ["email", "sms", "push"]


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("wire_format", ["json", "xml"])
def test_counters_are_read_without_a_count(
    account: Simulator,
    altcraft: Altcraft,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    wire_format: str,
) -> None:
    """What was last counted costs one request and starts nothing."""
    monkeypatch.setenv("ALTCRAFT_FORMAT", wire_format)
    arguments, target = TARGETS[kind]
    code, out, err = altcraft(kind, "counters", *arguments, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, err, account.starts[target]) == (0, "", 0)
    assert {row["channel"] for row in rows} == {"email", "sms", "push"}
    assert rows[0].items() >= IDS[kind].items()
    assert rows[0]["subscribed_sendable"]


def test_counters_as_json_name_what_was_asked_for(account: Simulator, altcraft: Altcraft) -> None:
    """The short command is that of resources, and its document says which."""
    _, out, _ = altcraft("counters", "24", "--database-id", "1", "--json")
    (group,) = json.loads(out)["groups"]
    assert (group["resource_id"], group["database_id"]) == (24, 1)
    sent = account.world.counters(24, 1)["email"].subscribed
    assert group["channels"]["email"]["subscribed"] == sent


def test_counters_as_bars(account: Simulator, altcraft: Altcraft) -> None:
    """Bars go into a pipe too where they are asked for."""
    _, out, _ = altcraft("resources", "counters", "24", "--database-id", "1", "--chart")
    _, *bars = out.splitlines()
    words = [bar.split() for bar in bars]
    assert {row[0] for row in words[::3]} == {"email", "sms", "push"}
    assert words[0][-1] == str(account.world.counters(24, 1)["email"].subscribed)


def test_several_are_refreshed_at_once(account: Simulator, altcraft: Altcraft) -> None:
    """With several ids, each is a target of its own, and the totals are printed."""
    code, out, err = altcraft("resources", "refresh", "1", "2", "3", "--database-id", "1")
    *_, totals = out.splitlines()
    assert (code, err) == (0, "")
    assert totals.startswith("3 of 3 refreshes, ")
    assert len(account.starts) == 3


def test_several_as_csv_are_one_file(account: Simulator, altcraft: Altcraft) -> None:
    """Lines of CSV come as each is completed, a failed one among them."""
    _, out, err = altcraft("databases", "refresh", "1", "999", "--resource-id", "24", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    failed = [row for row in rows if row["error"]]
    assert len(rows) == 4
    assert [(row["database_id"], row["error"]) for row in failed] == [("999", "NotFoundError")]
    assert "1 of 2 failed" in err
    assert account.starts[Target("database", (1, 24))] == 1


def test_rate_limit_spreads_the_requests(account: Simulator, altcraft: Altcraft) -> None:
    """No more requests a second are sent than were allowed."""
    numbers = [str(number) for number in range(1, 9)]
    arguments = ("--database-id", "1", "--no-wait", "--rate-limit", "40")
    assert altcraft("resources", "refresh", *numbers, *arguments)[0] == 0
    at = [one.at for one in account.requests]
    assert at[-1] - at[0] > 0.8 * (len(at) - 1) / 40


def test_several_are_started_and_come_back_to(account: Simulator, altcraft: Altcraft) -> None:
    """What ``--no-wait`` prints is what ``task wait`` takes."""
    code, out, err = altcraft(
        "resources", "refresh", "1", "2", "--database-id", "1", "--no-wait", "--json"
    )
    refs = out.splitlines()
    assert (code, len(refs)) == (0, 2)
    assert "the tasks go on; to come back: altcraft task wait " in err
    code, out, _ = altcraft("task", "wait", *refs, "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert sorted(one["target"] for one in found) == [[1, 1], [2, 1]]
    assert sum(account.starts.values()) == 2


def test_tasks_that_are_not_over_in_time_can_be_come_back_to(
    account: Simulator, altcraft: Altcraft
) -> None:
    """Each task that goes on stands in the command to come back with."""
    tasks = [account.world.start(Target("resource", (number, 1)), now=1e9) for number in (1, 2)]
    code, out, err = altcraft("task", "wait", *tasks, "--timeout", "0", "--csv")
    assert code == 8
    assert [row["error"] for row in csv.DictReader(io.StringIO(out))] == ["WaitTimeoutError"] * 2
    assert "2 were not over in time" in err
    (line,) = [line for line in err.splitlines() if "the tasks go on" in line]
    assert set(line.split()[-2:]) == set(tasks)


def test_task_that_failed_is_named_by_its_id(account: Simulator, altcraft: Altcraft) -> None:
    """A bare id is all that is known of a task, and it stands beside the reason."""
    good, bad = (
        account.world.start(Target("resource", (number, 1)), now=-1000) for number in (1, 2)
    )
    account.world.fail(bad)
    code, out, _ = altcraft("task", "wait", good, bad)
    assert code == 7
    assert f"\n{bad}: " in out
    assert "\n1 of 2 refreshes, " in out


def test_raw_result_is_printed_as_it_came(account: Simulator, altcraft: Altcraft) -> None:
    """A task that counts nothing has a result as well."""
    task_id = account.world.start(Target("resource", (24, 1)), now=-1000)
    code, out, _ = altcraft("task", "wait", "--raw", task_id)
    (group,) = json.loads(out)
    assert code == 0
    assert group["list_id"] == 1


def test_start_that_is_refused_is_said_behind_what_was_started(
    account: Simulator, altcraft: Altcraft
) -> None:
    """A task that was started is never lost, even if the next start fails."""
    account.misbehave("resources/refresh_counters", Fault.refuse(402), after=1)
    code, out, err = altcraft("resources", "refresh", "1", "2", "--database-id", "1", "--no-wait")
    assert code == 3
    assert f"altcraft task wait {out.strip()}@resource:1:1\n" in err


@pytest.mark.parametrize("kind", TARGETS)
def test_target_has_to_be_whole(account: Simulator, altcraft: Altcraft, kind: str) -> None:
    """A missing id is noticed before anything is sent."""
    for command in ("refresh", "counters"):
        assert altcraft(kind, command, "24")[0] == 2
    assert not account.requests


@pytest.mark.parametrize("name", ["db_id", "list_id"])
def test_name_of_the_database_of_a_segment_can_be_chosen(
    account: Simulator, altcraft: Altcraft, name: str
) -> None:
    """An install that wants the other name gets it from both commands."""
    arguments, _ = TARGETS["segments"]
    for command in ("counters", "refresh"):
        assert altcraft("segments", command, *arguments, "--database-name", name)[0] == 0
    sent = [one.params for one in account.requests if one.method.startswith("segments/")]
    assert len(sent) == 2
    assert all({"db_id", "list_id"} & one.keys() == {name} for one in sent)
