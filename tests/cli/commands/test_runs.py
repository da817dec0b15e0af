"""`altcraft runs` and `altcraft resume`: which runs there are, and which one goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from altcraft_async.simulator import Fault, Simulator, ThreadedSimulator

Altcraft = Callable[..., tuple[int, str, str]]


@pytest.fixture
def simulator() -> ThreadedSimulator:
    """A platform whose tasks do not end."""
    return ThreadedSimulator(duration=3600)


@pytest.fixture
def fail(account: ThreadedSimulator) -> Callable[[], None]:
    """Lets the next task fail, so that its run is over."""
    return lambda: account.misbehave("tasks/status", Fault.failed_task())


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A file for runs, which is not there yet."""
    return tmp_path / "runs.sqlite"


@pytest.fixture
def begin(altcraft: Altcraft, ledger: Path) -> Callable[..., None]:
    """Begins a run of one resource, whose wait is over at once."""

    def begin(name: str, *options: str) -> None:
        options = options or ("--timeout", "0")
        command = ("refresh", "24", "--database-id", "1", *options, "--run", name)
        altcraft(*command, "--ledger", str(ledger))

    return begin


def test_file_that_is_not_there_has_no_runs_and_is_not_made(
    altcraft: Altcraft, ledger: Path
) -> None:
    """Looking at runs needs no account."""
    code, out, err = altcraft("runs", "--ledger", str(ledger))
    assert (code, out, ledger.exists()) == (0, "", False)
    assert err == "altcraft: no runs yet; to name one: altcraft resources refresh-all --run NAME\n"
    assert altcraft("runs", "--ledger", str(ledger), "--json")[:2] == (0, "")


@pytest.mark.usefixtures("account")
def test_runs_are_listed_with_their_progress(
    altcraft: Altcraft, begin: Callable[..., None], fail: Callable[[], None], ledger: Path
) -> None:
    fail()
    begin("first", "--timeout", "30")
    begin("second")
    _, out, err = altcraft("runs", "--ledger", str(ledger))
    where, watch = err.splitlines()
    assert where == f"altcraft: these runs are in {ledger}"
    assert watch == f"  to watch them: altcraft monitor --ledger {ledger}"
    titles, _, *rows = out.splitlines()
    assert titles.split() == ["name", "began", "total", "done", "running", "failed", "state"]
    # A time has two words.
    assert [[row.split()[0], *row.split(None, 3)[3].split()] for row in rows] == [
        ["second", "1", "0", "1", "0", "not", "over"],
        ["first", "1", "0", "0", "1", "over"],
    ]
    _, out, _ = altcraft("runs", "--ledger", str(ledger), "--json")
    second, first = map(json.loads, out.splitlines())
    assert (first["name"], first["over"], first["failed"]) == ("first", True, 1)
    assert (second["command"], second["over"]) == ("resources refresh", False)


@pytest.mark.usefixtures("account")
def test_narrow_screen_cuts_no_name(
    on_terminal: Callable[..., tuple[int, str]],
    begin: Callable[..., None],
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    begin("nightly-2026-11-27")
    _, screen = on_terminal("runs", "--ledger", str(ledger))
    first, second, *_ = screen.splitlines()
    assert first.startswith("nightly-2026-11-27, 20")
    assert first.endswith(", not over")
    assert second == "  0 of 1 done, 1 running, 0 failed"


@pytest.mark.usefixtures("account")
def test_resume_without_a_name_takes_the_only_run_that_is_left(
    altcraft: Altcraft, begin: Callable[..., None], fail: Callable[[], None], ledger: Path
) -> None:
    fail()
    begin("over", "--timeout", "30")
    code, _, err = altcraft("resume", "--ledger", str(ledger))
    assert code == 2
    assert "no run is left to go on with; to see all: altcraft runs" in err
    begin("left")
    code, _, err = altcraft("resume", "--ledger", str(ledger))
    assert code == 8  # with the options of the run, so that its wait is over at once again
    assert "going on with run left, " in err
    code, _, err = altcraft("resume", "--ledger", str(ledger), "--quiet")
    assert code == 8
    assert "going on" not in err
    begin("other")
    code, _, err = altcraft("resume", "--ledger", str(ledger))
    assert code == 2
    assert "several runs are not over; name one of them: 'other', 'left'." in err


def test_resume_names_what_is_wrong_with_a_name(
    account: Simulator,
    altcraft: Altcraft,
    begin: Callable[..., None],
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin("mine")
    with closing(sqlite3.connect(ledger)) as file, file:
        file.execute("UPDATE altcraft_runs SET began = '2020-01-01T00:00:00+00:00'")
    sent = len(account.requests)
    for name, reason in {
        "other": "no run 'other'; to see all: altcraft runs",
        "mine": "run 'mine' began more than a week ago; to begin anew: altcraft resources refresh",
    }.items():
        code, _, err = altcraft("resume", name, "--ledger", str(ledger))
        assert (code, reason in err) == (2, True), err
    monkeypatch.setenv("ALTCRAFT_URL", "https://other.example")
    code, _, err = altcraft("resume", "mine", "--ledger", str(ledger))
    assert code == 2
    there, here = (f"{url}/api/v1.1" for url in (account.url, "https://other.example"))
    assert f"run 'mine' is of {there}, and the account in use is of {here}." in err
    monkeypatch.delenv("ALTCRAFT_URL")
    assert "ALTCRAFT_URL" in altcraft("resume", "mine", "--ledger", str(ledger))[2]
    assert len(account.requests) == sent


@pytest.mark.usefixtures("account")
def test_install_is_shown_where_a_file_has_several(
    altcraft: Altcraft,
    begin: Callable[..., None],
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin("same")
    monkeypatch.setenv("ALTCRAFT_URL", "http://127.0.0.1:1")
    begin("same", "--outage-patience", "0")
    _, out, _ = altcraft("runs", "--ledger", str(ledger))
    titles, _, *rows = out.splitlines()
    assert titles.split()[-1] == "install"
    assert {row.split()[-1] for row in rows} > {"http://127.0.0.1:1/api/v1.1"}


@pytest.mark.usefixtures("account")
def test_resume_prints_in_the_form_of_the_run_or_in_another(
    altcraft: Altcraft, begin: Callable[..., None], ledger: Path
) -> None:
    begin("left", "--timeout", "0", "--csv-raw")
    _, out, _ = altcraft("resume", "left", "--ledger", str(ledger))
    assert out.startswith("kind,resource_id,")
    _, out, _ = altcraft("resume", "left", "--ledger", str(ledger), "--json")
    assert json.loads(out)["target"] == [24, 1]


@pytest.mark.usefixtures("account")
def test_dry_run_begins_no_named_run(altcraft: Altcraft, ledger: Path) -> None:
    command = ("resources", "refresh-all", "--run", "nightly", "--ledger", str(ledger))
    code, _, err = altcraft(*command, "--dry-run")
    assert code == 2
    assert "--dry-run counts nothing, and --run" in err
    assert not ledger.exists()


@pytest.mark.usefixtures("account")
def test_output_of_a_run_that_goes_on_is_written_where_it_was_asked_for(  # noqa: PLR0913, PLR0917 -- fixtures
    altcraft: Altcraft,
    begin: Callable[..., None],
    ledger: Path,
    fail: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    there.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(there)
    begin("left", "--timeout", "0", "--output", "counters.csv")
    fail()
    monkeypatch.chdir(elsewhere)
    altcraft("resume", "left", "--ledger", str(ledger))
    assert list(there.iterdir()) == [there / "counters.csv"]
    assert not list(elsewhere.iterdir())
