"""``--run NAME``: what a run keeps, and how it goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click
import msgspec
import pytest

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    Completed,
    CountersReport,
    Failed,
    ResourceTarget,
    SQLiteLedger,
    TaskLostError,
    TaskRef,
)
from altcraft_async.cli.named_run import NamedRun
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.totals import Totals
from altcraft_async.simulator import Fault, Simulator, ThreadedSimulator
from tests.support.named_runs import entries, numbers, resume, run, targets

Altcraft = Callable[..., tuple[int, str, str]]
Until = Callable[[Callable[[], bool]], None]

START, STATUS = "resources/refresh_counters", "tasks/status"


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> ThreadedSimulator:
    """A platform whose tasks take 0.3 s, or as long as the test says."""
    return ThreadedSimulator(duration=getattr(request, "param", 0.3))


def end_tasks(account: Simulator) -> None:
    """Let all tasks end now."""
    tasks = account.world._tasks
    tasks.update({name: replace(task, duration=0.0) for name, task in list(tasks.items())})


@pytest.mark.parametrize("simulator", [3600.0], indirect=True)
def test_run_whose_waits_were_over_goes_on_with_its_tasks(
    account: Simulator, altcraft: Altcraft, refresh: tuple[str, ...], ledger: Path
) -> None:
    code, out, err = altcraft(*refresh, "--timeout", "0")
    assert (code, targets(out)) == (8, [])
    left, hint, *_ = err.splitlines()
    assert left == "altcraft: 4 are left to do"
    assert hint == f"  to go on: altcraft resume four --ledger {ledger}"
    end_tasks(account)
    code, out, err = altcraft(*refresh)
    assert (code, targets(out)) == (0, numbers(1, 2, 3, 4))
    assert err.startswith("altcraft: going on with run four, which began at ")
    assert set(account.starts.values()) == {1}


def test_starts_that_were_refused_are_sent_when_the_run_goes_on(
    account: Simulator, altcraft: Altcraft, refresh: tuple[str, ...], ledger: Path
) -> None:
    account.misbehave(START, Fault.refuse(402), times=2)
    code, out, err = altcraft(*refresh)
    assert (code, len(targets(out))) == (3, 2)
    assert "altcraft: 2 are left to do\n" in err
    code, out, _ = altcraft(*resume(ledger, "four"))
    assert (code, targets(out)) == (0, numbers(1, 2, 3, 4))
    assert set(account.starts.values()) == {1}


def test_task_that_failed_is_not_started_again(
    account: Simulator, altcraft: Altcraft, refresh: tuple[str, ...], ledger: Path
) -> None:
    account.misbehave(STATUS, Fault.failed_task())
    code, out, err = altcraft(*refresh)
    assert (code, len(targets(out))) == (7, 3)
    assert "resume" not in err
    code, _, err = altcraft(*resume(ledger, "four"))
    assert code == 2
    assert "run 'four' is over" in err
    assert set(account.starts.values()) == {1}


def test_run_that_is_over_begins_anew_under_the_same_name(
    account: Simulator, altcraft: Altcraft, refresh: tuple[str, ...]
) -> None:
    """As a cron job wants it, whose name is the same every night."""
    for _ in range(2):
        code, out, err = altcraft(*refresh)
        assert (code, targets(out), err) == (0, numbers(1, 2, 3, 4), "")
    assert set(account.starts.values()) == {2}


def test_run_of_one_target_has_the_totals_of_many(
    account: Simulator, altcraft: Altcraft, ledger: Path
) -> None:
    code, out, _ = altcraft("segments", "refresh", "7", "--resource-id", "2", *run("x", ledger))
    assert code == 0
    assert out.splitlines()[-1].startswith("1 of 1 refreshes, ")
    assert list(account.starts.values()) == [1]


@pytest.mark.parametrize("simulator", [3600.0], indirect=True)
def test_start_that_may_have_happened_waits_for_a_decision(
    account: Simulator, altcraft: Altcraft, refresh: tuple[str, ...], ledger: Path
) -> None:
    """As a run leaves it that was killed between a start and its answer."""

    async def lose_the_answer(name: str) -> None:
        (known, *_) = await entries(ledger)
        async with SQLiteLedger(ledger) as store:
            lost = msgspec.structs.replace(
                known,
                key=known.key.replace(f" {known.target[0]} 1", " 9 1"),
                revision=1,
                target=(9, 1),
                idempotency_key=known.idempotency_key.replace("four", name),
                ref=None,
                lease_until=known.intended_at - timedelta(minutes=1),
            )
            assert await store.write(lost, expected=0)

    nine: tuple[str, ...] = ("refresh", "9", "--database-id", "1", "--json", "--timeout", "0")
    nine += run("nine", ledger)
    altcraft(*refresh, "--timeout", "0")
    account.misbehave(START, Fault.refuse(402))
    altcraft(*nine)
    with closing(sqlite3.connect(ledger)) as file, file:
        file.execute("DELETE FROM altcraft_starts WHERE key LIKE '% 9 1'")
        file.execute(
            "UPDATE altcraft_runs SET began = (SELECT began FROM altcraft_runs ORDER BY number)"
        )
    asyncio.run(lose_the_answer("nine"))
    code, out, err = altcraft(*resume(ledger, "nine"))
    assert (code, targets(out)) == (13, [])
    assert "1 may have been started just before the run was killed; check their counters" in err
    assert f"altcraft resume nine --ledger {ledger} --restart-unknown\n" in err
    assert err.endswith("altcraft: 1 of 1 failed\n")
    assert ("resource", (9, 1)) not in account.starts
    code, out, _ = altcraft(*resume(ledger, "nine", "--restart-unknown"))
    assert (code, targets(out)) == (8, [])
    assert account.starts["resource", (9, 1)] == 1


async def test_result_that_the_platform_has_forgotten_counts_as_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ledger: Path
) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ALTCRAFT_TOKEN", "secret")
    ref = TaskRef(task_id="a", kind="resource", target=(1, 1))
    report = CountersReport(groups=())
    done = Completed(target=ResourceTarget(1, 1), ref=ref, value=report, polls=1, seconds=1.0)
    left = Failed(target=(2, 1), ref=None, error=AltcraftError("refused"))
    lost = Failed(target=(1, 1), ref=ref, error=TaskLostError("lost", ref=ref))
    other = Failed(target=(3, 1), ref=ref, error=TaskLostError("lost", ref=ref))

    async def follow(*outcomes: Outcome) -> list[Outcome]:
        async def made() -> AsyncGenerator[Outcome, None]:
            for outcome in outcomes:
                yield outcome

        context = click.Context(click.Command("refresh"))
        context.params = {"run_name": "x", "ledger_path": str(ledger), "numbers": (1, 2, 3)}
        with context:
            named = NamedRun("resources refresh", Totals())
        client = AltcraftClient.from_env(ledger=named.ledger)
        async with named.using(client):
            return [outcome async for outcome in named.followed(made())]

    assert await follow(done, left) == [done, left]
    assert await follow(lost, other) == [other]
    err = capsys.readouterr().err
    assert "no longer has the results of 1 that were refreshed before" in err


def test_list_that_fails_leaves_the_run_to_go_on_with(
    account: Simulator, altcraft: Altcraft, ledger: Path
) -> None:
    account.misbehave("resources/list", Fault.refuse(403), after=1)  # the first says how many
    command = ("resources", "refresh-all", "--name", "* 1")
    code, _, err = altcraft(*command, *run("all", ledger))
    assert code == 4
    assert "stopped after 0 refreshes\n  to go on: altcraft resume all --ledger " in err
    code, _, _ = altcraft(*resume(ledger, "all"))
    assert code == 0
    assert {ids[0] for _, ids in account.starts} == {1}


def test_ledger_that_fails_under_way_stops_the_run_at_once(
    account: Simulator, altcraft: Altcraft, refresh: tuple[str, ...], ledger: Path
) -> None:
    account.misbehave(START, Fault.refuse(402), times=4)
    altcraft(*refresh)
    with closing(sqlite3.connect(ledger)) as other, other:
        other.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON altcraft_starts "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    code, out, err = altcraft(*resume(ledger, "four"))
    _, stopped, hint, failed, _ = err.splitlines()
    assert (code, out) == (12, "")
    assert stopped == "altcraft: stopped after 0 refreshes"
    assert hint == f"  to go on: altcraft resume four --ledger {ledger}"
    assert "database or disk is full" in failed
    assert not account.starts


@pytest.mark.parametrize("name", ["file/runs.sqlite", "other", "history"])
def test_ledger_that_cannot_be_opened_ends_the_run_before_anything_is_sent(
    account: Simulator, altcraft: Altcraft, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("no directory")
    (tmp_path / "other").write_text("something else " * 100)
    with closing(sqlite3.connect(tmp_path / "history")) as history:
        history.execute("PRAGMA application_id = 7")
    code, out, err = altcraft("refresh", "1", "--database-id", "1", *run("x", tmp_path / name))
    assert (code, out, len(account.requests)) == (12, "", 0)
    assert err.startswith("altcraft: ledger: ")
    assert "--ledger" in err.splitlines()[1]


@pytest.mark.parametrize("simulator", [3600.0], indirect=True)
def test_name_of_another_command_is_refused(
    account: Simulator, altcraft: Altcraft, refresh: tuple[str, ...], ledger: Path
) -> None:
    altcraft(*refresh, "--timeout", "0")
    sent = len(account.requests)
    for other in (
        ("refresh", *"123", "--database-id", "1"),
        ("refresh", *"1234", "--database-id", "2"),
        ("resources", "refresh-all"),
    ):
        code, _, err = altcraft(*other, *run("four", ledger))
        assert code == 2
        assert "--run: 'four' is another run that is not over, altcraft resources refresh" in err
    assert len(account.requests) == sent


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--run", ""), "a name has 1 to 100 printable characters"),
        (("--run", "-x"), "does not begin with -"),
        (("--run", "a\nb"), "printable"),
        (("--run", "x" * 101), "1 to 100"),
        (("--ledger", "x"), "--ledger is the file of a named run; give --run NAME too."),
        (("--run", "x", "--no-wait"), "--no-wait starts tasks and leaves"),
        (("--run", "x", "--ledger", "."), "is a directory"),
    ],
)
def test_options_that_make_no_run_are_refused(
    account: Simulator, altcraft: Altcraft, options: tuple[str, ...], reason: str
) -> None:
    code, _, err = altcraft("refresh", "1", "--database-id", "1", *options)
    assert (code, len(account.requests)) == (2, 0)
    assert reason in err
