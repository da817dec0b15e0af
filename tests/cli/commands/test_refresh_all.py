"""`altcraft resources refresh-all`: all of it, parts of it, failures, and Ctrl-C."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from altcraft_async import CounterRow
from altcraft_async.cli.json_data import plain
from altcraft_async.cli.safe_text import cell
from altcraft_async.history import CounterHistory
from altcraft_async.simulator import Fault, Simulator, ThreadedSimulator
from tests.support.forked_command import ForkedCommand

Altcraft = Callable[..., tuple[int, str, str]]
OnTerminal = Callable[..., tuple[int, str]]
Spawn = Callable[..., ForkedCommand]
Until = Callable[[Callable[[], bool]], None]

ALL = ("resources", "refresh-all")
START = "resources/refresh_counters"


def linked(account: Simulator) -> Iterator[list[int]]:
    """Yield each resource with each of its databases."""
    for number in account.world.resources:
        for database_id in account.world.resource(number).database_ids:
            yield [number, database_id]


def polled(account: Simulator) -> set[object]:
    """Return the ids of the tasks that were polled."""
    return {one.params["task_id"] for one in account.requests if one.method == "tasks/status"}


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> ThreadedSimulator:
    """A platform of a few resources, whose tasks take 0.1 s or as long as the test says."""
    return ThreadedSimulator(resources=20, databases=3, duration=getattr(request, "param", 0.1))


def test_every_resource_is_refreshed_in_each_of_its_databases(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, err = altcraft(*ALL, "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert sorted(one["target"] for one in found) == list(linked(account))
    assert set(account.starts.values()) == {1}


def test_table_ends_with_the_totals(account: Simulator, altcraft: Altcraft) -> None:
    code, out, _ = altcraft(*ALL)
    size = len(list(linked(account)))
    *table, totals = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in table[2:5]] == ["email", "sms", "push"]
    assert totals.startswith(f"{size} of {size} refreshes, ")


def test_chart_draws_the_totals(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft(*ALL, "--chart", "--name", "* 1")
    *bars, _ = out.splitlines()
    assert [bar.split()[0] for bar in bars[::3]] == ["email", "sms", "push"]
    assert set(account.starts.values()) == {1}


def test_refused_token_prints_no_totals(
    account: Simulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTCRAFT_TOKEN", "wrong")
    code, out, err = altcraft(*ALL)
    assert (code, out, account.count("resources/list")) == (4, "", 1)
    assert "check ALTCRAFT_TOKEN" in err


def test_filter_without_a_match_is_an_error_of_its_own(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, err = altcraft(*ALL, "--group", "unknown")
    assert (code, out) == (9, "")
    assert err.splitlines()[-1] == (
        "altcraft: no resource matches; to see them: altcraft resources list"
    )
    assert not account.starts


def test_filter_by_name_looks_up_only_matches(account: Simulator, altcraft: Altcraft) -> None:
    names = {number: account.world.resource(number).name for number in account.world.resources}
    _, out, _ = altcraft(*ALL, "--name", "* 1", "--name", "* 2?", "--csv")
    found = {int(row["resource_id"]) for row in csv.DictReader(io.StringIO(out))}
    assert {names[number].split()[-1] for number in found} == {"1", "20"}
    assert account.count("resources/get") == 2


def test_csv_names_the_resources(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft(*ALL, "--csv")
    found = {(int(row["resource_id"]), row["name"]) for row in csv.DictReader(io.StringIO(out))}
    world = account.world
    assert found == {(number, world.resource(number).name) for number in world.resources}


def test_json_has_the_rows_of_csv_with_the_same_columns(
    account: Simulator, altcraft: Altcraft
) -> None:
    _, out, _ = altcraft(*ALL, "--json", "--name", "* 1")
    lines = [row for line in out.splitlines() for row in json.loads(line)["rows"]]
    _, out, _ = altcraft(*ALL, "--csv-raw", "--name", "* 1")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [list(row) for row in lines] == [list(rows[0])[:-3]] * len(rows)
    (name,) = {row["name"] for row in lines}
    assert {row["name"] for row in rows} == {name} == {account.world.resource(1).name}


async def stored(path: Path) -> list[CounterRow]:
    """Return the rows of a history."""
    async with CounterHistory(path) as history:
        return [row async for row in history.rows()]


def test_history_has_what_csv_prints(
    account: Simulator, altcraft: Altcraft, tmp_path: Path
) -> None:
    path = tmp_path / "counters.sqlite"
    code, out, err = altcraft(*ALL, "--csv-raw", "--history", str(path))
    printed = {
        tuple(row.values())[: len(CounterRow._fields)] for row in csv.DictReader(io.StringIO(out))
    }
    rows = asyncio.run(stored(path))
    assert (code, err, len(rows)) == (0, "", 3 * len(list(linked(account))))
    assert {tuple(map(cell, plain(row._asdict()).values())) for row in rows} == printed


def test_second_run_adds_a_row_to_each_series(
    account: Simulator, altcraft: Altcraft, tmp_path: Path
) -> None:
    path = tmp_path / "counters.sqlite"
    for _ in range(2):
        assert altcraft(*ALL, "--history", str(path))[0] == 0
    assert len(asyncio.run(stored(path))) == 6 * len(list(linked(account)))


@pytest.mark.usefixtures("account")
def test_killed_run_has_kept_every_result_that_it_printed(spawn: Spawn, tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    process = spawn(*ALL, "--json", "--in-flight", "2", "--history", str(path))
    assert process.stdout is not None
    printed = [process.stdout.readline() for _ in range(5)]
    process.kill()
    printed += process.stdout.readlines()
    kept = {(row.resource_id, row.database_id) for row in asyncio.run(stored(path))}
    assert kept >= {tuple(json.loads(line)["target"]) for line in printed}


@pytest.mark.parametrize("name", ["missing/counters.sqlite", ".", "other"])
def test_history_that_cannot_be_opened_ends_the_run_before_anything_is_sent(
    account: Simulator, altcraft: Altcraft, tmp_path: Path, name: str
) -> None:
    (tmp_path / "other").write_text("something else " * 100)
    code, out, err = altcraft(*ALL, "--history", str(tmp_path / name))
    assert (code, out, len(account.requests)) == (11, "", 0)
    assert err.startswith("altcraft: history: ")
    assert "--history" in err.splitlines()[1]


def test_history_that_fails_under_way_stops_the_run_and_names_its_tasks(
    account: Simulator, altcraft: Altcraft, tmp_path: Path
) -> None:
    """Nothing is printed that is not stored, and nothing more is started."""
    path = tmp_path / "counters.sqlite"
    asyncio.run(stored(path))
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON counters WHEN NEW.series > 6 "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    code, out, err = altcraft(*ALL, "--json", "--in-flight", "2", "--history", str(path))
    printed = [json.loads(line)["target"] for line in out.splitlines()]
    kept = {(row.resource_id, row.database_id) for row in asyncio.run(stored(path))}
    assert (code, len(printed)) == (11, 2)
    assert kept == {(resource_id, database_id) for resource_id, database_id in printed}
    stopped, hint, failed, _ = err.splitlines()
    assert stopped.startswith("altcraft: stopped after 2 refreshes")
    assert "to come back: altcraft task wait " in hint
    assert "database or disk is full" in failed
    assert len(account.starts) <= 5


def test_resource_that_cannot_be_looked_up_is_the_only_failure(
    account: Simulator, altcraft: Altcraft
) -> None:
    account.misbehave("resources/get", Fault.refuse(403))
    code, out, err = altcraft(*ALL, "--csv")
    failed = [row for row in csv.DictReader(io.StringIO(out)) if row["error"]]
    assert code == 4
    assert [(row["error"], row["database_id"]) for row in failed] == [("PermissionDeniedError", "")]
    assert "1 of " in err
    assert len({ids[0] for _, ids in account.starts}) == 19


def test_failures_are_listed_with_the_totals(account: Simulator, altcraft: Altcraft) -> None:
    account.misbehave(START, Fault.refuse(402, "Tariff limit"))
    code, out, _ = altcraft(*ALL)
    assert code == 3
    assert re.search(
        r"\n1 failed: \S+: refused with 402: Tariff limit.*\n  resource \d+, database \d+\n", out
    )


def test_totals_rank_the_resources_by_subscribers(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft(*ALL)
    rows = re.findall(r"^resource (\d+) (.+?)  +([\d,]+) +([\d,]+) +([\d,]+)$", out, re.MULTILINE)
    sizes = [sum(int(one.replace(",", "")) for one in numbers) for _, _, *numbers in rows]
    assert len(rows) == 10
    assert sizes == sorted(sizes, reverse=True)
    assert {name for _, name, *_ in rows} <= {
        account.world.resource(number).name for number in account.world.resources
    }
    assert "\n10 others " in out


def test_dry_run_lists_each_refresh_and_starts_none(account: Simulator, altcraft: Altcraft) -> None:
    code, out, err = altcraft(*ALL, "--dry-run", "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, err, account.count(START)) == (0, "", 0)
    assert [[one["resource_id"], one["database_id"]] for one in found] == list(linked(account))
    assert found[0]["name"] == account.world.resource(1).name


def test_dry_run_of_a_part_ends_with_how_many_it_would_be(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, _ = altcraft(*ALL, "--dry-run", "--name", "* 2")
    databases = len(account.world.resource(2).database_ids)
    assert code == 0
    assert out.splitlines()[0].split() == ["resource", "id", "name", "database", "id"]
    assert out.splitlines()[-1] == f"{databases} refreshes would be started"


def test_dry_run_without_a_match_is_an_error(account: Simulator, altcraft: Altcraft) -> None:
    assert altcraft(*ALL, "--dry-run", "--name", "none")[:2] == (9, "")
    assert not account.starts


def test_dry_run_names_a_resource_that_cannot_be_looked_up_and_lists_the_others(
    account: Simulator, altcraft: Altcraft
) -> None:
    account.misbehave("resources/get", Fault.refuse(403))
    code, out, err = altcraft(*ALL, "--dry-run", "--csv")
    listed = {row["resource_id"] for row in csv.DictReader(io.StringIO(out))}
    assert (code, len(listed)) == (4, 19)
    assert re.match(r"altcraft: resource \d+: resources/get: ", err)


@pytest.mark.parametrize(
    "others",
    [("--history", "counters.sqlite"), ("--output", "counters.csv"), ("--chart",)],
    ids=" ".join,
)
def test_dry_run_refuses_what_needs_counters(
    account: Simulator, altcraft: Altcraft, others: tuple[str, ...]
) -> None:
    code, out, err = altcraft(*ALL, "--dry-run", *others)
    assert (code, out, len(account.requests)) == (2, "", 0)
    assert f"--dry-run counts nothing, and {others[0]} needs counters" in err


def test_list_that_fails_half_way_refreshes_what_was_listed(
    account: Simulator, altcraft: Altcraft
) -> None:
    account.misbehave("resources/list", Fault.refuse(403), after=2)  # the first says how many
    code, out, err = altcraft(*ALL)
    size = len(list(linked(account)))
    assert code == 4
    assert f"{size} of {size} refreshes, " in out
    assert err.startswith("altcraft: resources/list: ")


def test_terminal_shows_resources_done_then_bars(
    account: Simulator, on_terminal: OnTerminal
) -> None:
    code, screen = on_terminal(*ALL)
    size = len(list(linked(account)))
    assert code == 0
    assert re.search(r"20/20 resources, ETA \S*0:00:00", screen)
    assert f"{size} completed, 0 failed, 0 running" in screen
    assert "█" in screen.rpartition("0 running")[2]


@pytest.mark.parametrize("simulator", [3600.0], indirect=True)
def test_ctrl_c_prints_how_to_come_back_to_all_running_tasks(
    account: Simulator, spawn: Spawn, altcraft: Altcraft, until: Until
) -> None:
    process = spawn(*ALL, "--json")
    size = len(list(linked(account)))
    # The command has noted a task before it polls the task.
    until(lambda: len(polled(account)) == size)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    stopped, hint = err.splitlines()
    assert (process.returncode, out) == (130, "")
    assert stopped.startswith("altcraft: stopped after 0 refreshes; ")
    assert hint.startswith("  the tasks go on; to come back: altcraft task wait ")
    tasks = hint.rpartition("altcraft ")[2].split()
    assert len(tasks) == 2 + size
    code, out, err = altcraft(*tasks, "--timeout", "0", "--json")
    found = [json.loads(line)["target"] for line in out.splitlines()]
    assert (code, sorted(found)) == (8, list(linked(account)))
    assert f"{size} tasks were still running" in err
