"""`--output`: three kinds of files, and runs that end before their end."""

from __future__ import annotations

import csv
import json
import resource
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from altcraft_async import CounterGroup, CountersReport, SubscriptionCounters
from altcraft_async.cli.csv_rows import HEADER
from altcraft_async.cli.output_file import OutputFile
from altcraft_async.simulator import Fault, Simulator, ThreadedSimulator
from tests.support.forked_command import ForkedCommand

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., ForkedCommand]
Until = Callable[[Callable[[], bool]], None]

ALL = ("resources", "refresh-all", "--output")
STATUS = "tasks/status"


@pytest.fixture
def simulator() -> ThreadedSimulator:
    """A platform of a few resources and short tasks."""
    return ThreadedSimulator(resources=8, databases=2, duration=0.05)


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of any of the files, with cells as CSV has them."""
    match path.suffix:
        case ".csv":
            return list(csv.DictReader(path.read_text("utf-8").splitlines()))
        case ".jsonl":
            rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        case _:
            polars = pytest.importorskip("polars", reason="pip install 'altcraft-async[parquet]'")
            rows = polars.read_parquet(path).to_dicts()
    return [{name: _cell(value) for name, value in row.items()} for row in rows]


def _cell(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str("" if value is None else value)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_each_kind_of_file_has_the_rows_and_columns_of_csv(
    account: Simulator, altcraft: Altcraft, tmp_path: Path, ending: str
) -> None:
    account.misbehave("resources/refresh_counters", Fault.refuse(402, "Tariff limit"))
    path = tmp_path / f"counters.{ending}"
    code, out, err = altcraft(*ALL, str(path), "--csv-raw")
    rows = read(path)
    assert code == 3
    assert rows == list(csv.DictReader(out.splitlines()))
    assert tuple(rows[0]) == HEADER
    assert [row["error"] for row in rows if row["error"]] == ["TariffLimitError"]
    assert err.startswith(f"altcraft: {len(rows)} rows in {path}\n")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "command",
    [
        ("refresh", "1", "--database-id", "1"),
        ("refresh", "1", "2", "--database-id", "1"),
        ("counters", "1", "--database-id", "1"),
        ("resources", "counters-all", "--name", "* 1"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("account")
def test_other_commands_write_what_they_print(
    altcraft: Altcraft, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = tmp_path / "counters.csv"
    code, out, _ = altcraft(*command, "--output", str(path), "--csv")
    assert code == 0
    assert path.read_text("utf-8") == out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("counters.txt", "does not end in .csv, .jsonl or .parquet"),
        ("counters", "does not end in .csv, .jsonl or .parquet"),
        ("missing/counters.csv", "cannot be written (No such file or directory)"),
        ("file/counters.csv", "cannot be written (Not a directory)"),
        ("folder.csv", "is a directory"),
    ],
)
def test_file_that_cannot_be_written_is_refused_before_anything_is_sent(
    account: Simulator, altcraft: Altcraft, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.csv").mkdir()
    code, out, err = altcraft(*ALL, str(tmp_path / name))
    assert (code, out, len(account.requests)) == (2, "", 0)
    assert words in err
    assert len(list(tmp_path.iterdir())) == 2


def test_parquet_without_its_package_is_refused_before_anything_is_sent(
    account: Simulator, altcraft: Altcraft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)  # as if it was not installed
    code, _, err = altcraft(*ALL, str(tmp_path / "counters.parquet"))
    assert (code, len(account.requests), list(tmp_path.iterdir())) == (2, 0, [])
    assert "pip install 'altcraft-async[parquet]'" in err


@pytest.mark.parametrize(
    "signum", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_run_that_is_stopped_leaves_the_file_of_the_last_run(
    account: Simulator, spawn: Spawn, until: Until, tmp_path: Path, signum: signal.Signals
) -> None:
    account.misbehave(STATUS, Fault.stall(), after=4, times=99)
    path = tmp_path / "counters.csv"
    path.write_text("of yesterday")
    process = spawn(*ALL, str(path))
    until(lambda: account.count(STATUS) > 4)
    process.send_signal(signum)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signum
    assert (path.read_text(), list(tmp_path.iterdir())) == ("of yesterday", [path])


def test_list_that_fails_leaves_no_file(
    account: Simulator, altcraft: Altcraft, tmp_path: Path
) -> None:
    account.misbehave("resources/list", Fault.refuse(403), after=2)  # the first says how many
    assert altcraft(*ALL, str(tmp_path / "counters.csv"))[0] == 4
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("account")
def test_filter_without_a_match_leaves_the_file_of_the_last_run(
    altcraft: Altcraft, tmp_path: Path
) -> None:
    path = tmp_path / "counters.csv"
    path.write_text("of yesterday")
    assert altcraft(*ALL, str(path), "--name", "none")[0] == 9
    assert (path.read_text(), list(tmp_path.iterdir())) == ("of yesterday", [path])


@pytest.mark.parametrize(
    "ending", ["csv", *(pytest.param(one, marks=pytest.mark.slow) for one in ("jsonl", "parquet"))]
)
@pytest.mark.usefixtures("account")
def test_full_disk_leaves_no_file_and_says_so(
    altcraft: Altcraft, tmp_path: Path, ending: str
) -> None:
    """A limit on the size of files stands for the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        code, _, err = altcraft(*ALL, str(tmp_path / f"counters.{ending}"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 1
    assert err.endswith("altcraft: File too large\n")
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def report(channel: str) -> CountersReport:
    """Return a report of one channel."""
    return CountersReport(
        (CounterGroup(database_id=1, channels={channel: SubscriptionCounters(subscribed=1)}),)
    )


def test_formula_is_live_in_no_spreadsheet_and_unchanged_for_programs(tmp_path: Path) -> None:
    for ending, shown in (("csv", "'=1+1"), ("jsonl", "=1+1")):
        path = tmp_path / f"counters.{ending}"
        with OutputFile(str(path)) as file:
            file.add_report(report("=1+1"))
        assert [row["channel"] for row in read(path)] == [shown]


def test_file_that_is_replaced_keeps_its_permissions_and_links(tmp_path: Path) -> None:
    path, link = tmp_path / "real.csv", tmp_path / "link.csv"
    path.touch(0o640)
    link.symlink_to(path)
    with OutputFile(str(link)) as file:
        file.add_report(report("email"))
    assert (link.is_symlink(), path.stat().st_mode & 0o777) == (True, 0o640)
    assert len(read(path)) == 1


def test_bytes_that_were_written_are_not_seen_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "counters.csv"
    with OutputFile(str(path)) as file:
        file.add_report(report("email"))
        assert not path.exists()
    assert len(read(path)) == 1
