"""Named runs that are broken off by signals, pipes and disks, and go on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from altcraft_async import SQLiteLedger
from altcraft_async.simulator import Fault, Simulator
from tests.support.forked_command import ForkedCommand
from tests.support.named_runs import entries, numbers, resume, run, targets

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., ForkedCommand]
Until = Callable[[Callable[[], bool]], None]

START, STATUS = "resources/refresh_counters", "tasks/status"


def test_ctrl_c_lets_starts_be_answered_and_leaves_one_short_command(
    account: Simulator, spawn: Spawn, altcraft: Altcraft, until: Until, ledger: Path
) -> None:
    account.misbehave(START, Fault.stall(1), times=4)
    command = ("refresh", *"12345678", "--database-id", "1", "--in-flight", "4")
    process = spawn(*command, "--json", *run("late news", ledger))
    until(lambda: account.count(START) == 4)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines() == [
        "altcraft: stopped after 0 refreshes; the tasks that run go on",
        f"  to go on: altcraft resume 'late news' --ledger {ledger}",
    ]
    assert [entry.ref is None for entry in asyncio.run(entries(ledger))] == [False] * 4
    code, out, _ = altcraft(*resume(ledger, "late news"))
    assert (code, targets(out)) == (0, numbers(*range(1, 9)))
    assert set(account.starts.values()) == {1}


@pytest.mark.slow
def test_second_ctrl_c_leaves_at_once(
    account: Simulator, spawn: Spawn, until: Until, refresh: tuple[str, ...]
) -> None:
    account.misbehave(START, Fault.stall(), times=4)
    process = spawn(*refresh)
    until(lambda: account.count(START) == 4)
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.3)  # two signals at once could be one
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.startswith("altcraft: stopped after 0 refreshes\n  to go on: altcraft resume four ")


def break_pipe(process: ForkedCommand) -> None:
    """End the reader of the output."""
    assert process.stdout
    process.stdout.close()
    process.stdout = None


def ended_by(signum: signal.Signals) -> Callable[[ForkedCommand], None]:
    """Return what ends a process by a signal."""
    return lambda process: process.send_signal(signum)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "code"),
    [
        (ended_by(signal.SIGTERM), 143),
        (ended_by(signal.SIGHUP), 129),
        (ended_by(signal.SIGKILL), -9),
        (break_pipe, 141),
    ],
    ids=["SIGTERM", "SIGHUP", "SIGKILL", "closed pipe"],
)
def test_run_that_was_broken_off_goes_on(  # noqa: PLR0913, PLR0917 -- fixtures
    account: Simulator,
    spawn: Spawn,
    altcraft: Altcraft,
    ledger: Path,
    end: Callable[[ForkedCommand], None],
    code: int,
) -> None:
    command = ("resources", "refresh-all", "--name", "* 1[01]", "--in-flight", "4", "--json")
    process = spawn(*command, *run("tens", ledger))
    assert process.stdout
    first = targets(process.stdout.readline())
    end(process)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    if code > 0:
        stopped, hint = err.splitlines()
        assert stopped.startswith("altcraft: stopped after ")
        assert hint == f"  to go on: altcraft resume tens --ledger {ledger}"
    forget_leases(ledger)
    _, out, _ = altcraft(*resume(ledger, "tens", "--restart-unknown"))
    found = targets(out)
    assert first[0] in found
    assert {number for number, _ in found} == set(range(10, 12))
    # Of a killed process, a start may have been sent whose answer it did not see.
    again = [ids for (_, ids), times in account.starts.items() if times > 1]
    assert len(again) <= (4 if code == -9 else 0)
    assert list(first[0]) not in map(list, again)


def forget_leases(path: Path) -> None:
    """Make the starts of a killed process unknown at once, not after half a minute."""

    async def rewrite() -> None:
        for entry in await entries(path):
            if entry.ref is None:
                async with SQLiteLedger(path) as ledger:
                    over = msgspec.structs.replace(
                        entry, revision=entry.revision + 1, lease_until=entry.intended_at
                    )
                    await ledger.write(over, expected=entry.revision)

    asyncio.run(rewrite())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_run_whose_output_is_on_a_full_disk_goes_on(
    account: Simulator, spawn: Spawn, altcraft: Altcraft, refresh: tuple[str, ...], ledger: Path
) -> None:
    with Path("/dev/full").open("w") as full:
        process = spawn(*refresh, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"to go on: altcraft resume four --ledger {ledger}\n" in err
    assert err.endswith("altcraft: No space left on device\n")
    code, out, _ = altcraft(*resume(ledger, "four"))
    assert (code, targets(out)) == (0, numbers(1, 2, 3, 4))
    assert set(account.starts.values()) == {1}


@pytest.mark.slow
def test_two_processes_of_one_name_share_its_tasks(
    account: Simulator,
    spawn: Spawn,
    altcraft: Altcraft,
    until: Until,
    refresh: tuple[str, ...],
) -> None:
    """One of them is halted while it waits for polls, and the other does the run meanwhile."""
    account.misbehave(STATUS, Fault.stall(3), times=4)
    halted = spawn(*refresh)
    until(lambda: account.count(STATUS) >= 4)
    halted.send_signal(signal.SIGSTOP)
    code, out, err = altcraft(*refresh)
    assert (code, targets(out)) == (0, numbers(1, 2, 3, 4))
    assert err.startswith("altcraft: going on with run four, ")
    halted.send_signal(signal.SIGCONT)
    out, err = halted.communicate(timeout=60)
    assert (halted.returncode, targets(out), err) == (0, numbers(1, 2, 3, 4), "")
    assert set(account.starts.values()) == {1}


@pytest.mark.slow
def test_killed_run_starts_nothing_twice(
    account: Simulator, spawn: Spawn, altcraft: Altcraft, until: Until, ledger: Path
) -> None:
    """Killed once all of its starts are answered; the tasks go on meanwhile."""
    process = spawn(*("refresh", *"1234", "--database-id", "1", "--json"), *run("four", ledger))
    until(lambda: account.count(STATUS) >= 4)
    process.kill()
    process.wait(30)
    with suppress(BrokenPipeError):
        process.communicate()
    code, out, _ = altcraft(*resume(ledger, "four"))
    assert (code, targets(out)) == (0, numbers(1, 2, 3, 4))
    assert set(account.starts.values()) == {1}
