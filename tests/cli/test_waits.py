"""Waits for one task or many: how they end."""

from __future__ import annotations

import csv
import io
import re
import signal
import time
from collections.abc import Callable

import pytest

from altcraft_async.simulator import Fault, Simulator, Target
from tests.support.forked_command import ForkedCommand

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., ForkedCommand]
Until = Callable[[Callable[[], bool]], None]

STATUS = "tasks/status"


def start_finished(account: Simulator, number: int) -> str:
    """Start a task of a resource that has ended already."""
    return account.world.start(Target("resource", (number, 1)), now=-1000)


def start_endless(account: Simulator, number: int) -> str:
    """Start a task of a resource that does not end during the test."""
    return account.world.start(Target("resource", (number, 1)), now=time.monotonic() + 1e6)


def test_wait_that_ends_early_prints_how_to_come_back(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, err = altcraft("wait", "--timeout", "0", start_endless(account, 24))
    assert (code, out) == (8, "")
    assert "was not over in time" in err
    assert "\n  the task goes on; to come back: altcraft task wait " in err


def test_many_waits_that_end_early_print_one_command_to_come_back(
    account: Simulator, altcraft: Altcraft
) -> None:
    tasks = [start_endless(account, number) for number in (1, 2)]
    code, out, err = altcraft("task", "wait", *tasks, "--timeout", "0", "--csv")
    assert code == 8
    assert [row["error"] for row in csv.DictReader(io.StringIO(out))] == ["WaitTimeoutError"] * 2
    assert "2 tasks were still running when the wait ended" in err
    (line,) = [line for line in err.splitlines() if "the tasks go on" in line]
    assert set(line.split()[-2:]) == set(tasks)


def test_failed_task_without_a_target_is_named_by_its_id(
    account: Simulator, altcraft: Altcraft
) -> None:
    good, bad = start_finished(account, 1), start_finished(account, 2)
    account.world.fail(bad)
    code, out, _ = altcraft("task", "wait", good, bad)
    assert code == 7
    assert f" the task failed\n  task {bad}\n" in out
    assert "\n1 of 2 refreshes, " in out


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_while_waiting_prints_how_to_come_back(
    account: Simulator, spawn: Spawn, until: Until, signum: signal.Signals, code: int
) -> None:
    account.misbehave(STATUS, Fault.stall(), times=9)
    process = spawn("refresh", "24", "--database-id", "1")
    until(lambda: account.count(STATUS) > 0)
    process.send_signal(signum)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "")
    assert re.fullmatch(
        r"altcraft: stopped waiting\n"
        r"  the task goes on; to come back: altcraft task wait [0-9a-f-]{36}@resource:24:1\n",
        err,
    )
