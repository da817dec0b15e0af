"""A command whose output cannot be written runs, or ends with a code and the way back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from functools import partial

import pytest

from altcraft_async.simulator import Fault, Simulator
from tests.support.forked_command import ForkedCommand

Spawn = Callable[..., ForkedCommand]
SpawnAnew = Callable[..., "subprocess.Popen[str]"]
Until = Callable[[Callable[[], bool]], None]

REFRESH = ("refresh", "24", "--database-id", "1")
BATCH = ("refresh", *map(str, range(1, 41)), "--database-id", "1", "--in-flight", "8", "--json")
SMALL_BATCH = (*BATCH[:4], *BATCH[-5:])
WAY_BACK = re.compile(r"to come back: altcraft task wait( [0-9a-f-]{36}@resource:\d+:1)+\n")

linux = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")  # noqa: PTH110 -- a device


@pytest.mark.parametrize(
    ("command", "descriptor"),
    [
        (REFRESH, 1),
        (SMALL_BATCH, 2),
        pytest.param(REFRESH, 2, marks=pytest.mark.slow),
        pytest.param(SMALL_BATCH, 1, marks=pytest.mark.slow),
        pytest.param(("resources", "list"), 1, marks=pytest.mark.slow),
        pytest.param(("resources", "list"), 2, marks=pytest.mark.slow),
    ],
)
def test_command_runs_with_a_stream_closed(
    account: Simulator, spawn_anew: SpawnAnew, command: tuple[str, ...], descriptor: int
) -> None:
    """As the shell's ``>&-`` and ``2>&-`` do."""
    process = spawn_anew(*command, preexec_fn=partial(os.close, descriptor))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert bool(out) == (descriptor == 2)
    assert set(account.starts.values()) <= {1}


@pytest.mark.slow
def test_command_runs_with_both_streams_closed(account: Simulator, spawn_anew: SpawnAnew) -> None:
    process = spawn_anew(*REFRESH, preexec_fn=partial(os.closerange, 1, 3))
    assert process.wait(60) == 0
    assert account.starts["resource", (24, 1)] == 1


def test_closed_pipe_ends_a_batch_with_the_way_back(account: Simulator, spawn: Spawn) -> None:
    """``altcraft … | head -1`` ends when ``head`` does."""
    process = spawn(*BATCH)
    assert process.stdout
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    assert process.stderr
    err = process.stderr.read()
    assert process.wait(30) == 141
    assert err.startswith("altcraft: stopped after ")
    assert WAY_BACK.search(err)
    assert 0 < sum(account.starts.values()) < 40


def test_pipe_closed_in_a_wait_ends_it_with_the_way_back(account: Simulator, spawn: Spawn) -> None:
    process = spawn(*REFRESH)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    err = process.stderr.read()
    assert process.wait(30) == 141
    assert WAY_BACK.search(err)
    assert account.count("tasks/status") > 0


def test_closed_pipe_of_both_streams_ends_a_batch_without_a_word(
    account: Simulator, spawn: Spawn
) -> None:
    """``altcraft … 2>&1 | head -1`` leaves nothing to write to."""
    process = spawn(*BATCH, stderr=subprocess.STDOUT)
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 141
    assert 0 < sum(account.starts.values()) < 40


def test_closed_pipe_ends_a_help_text(spawn_anew: SpawnAnew) -> None:
    """An interpreter that ends writes what is left, and complains if it cannot."""
    process = spawn_anew("--help")
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert (process.stderr.read(), process.wait(30)) == ("", 141)


@linux
@pytest.mark.parametrize("command", [REFRESH, BATCH])
def test_full_disk_ends_a_command_with_the_way_back(
    account: Simulator, spawn: Spawn, command: tuple[str, ...]
) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 -- a device
        process = spawn(*command, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert WAY_BACK.search(err)
    assert err.endswith("altcraft: No space left on device\n")
    assert "Traceback" not in err
    assert account.starts["resource", (int(command[1]), 1)] == 1


@linux
def test_full_disk_of_messages_does_not_change_how_a_command_ends(
    account: Simulator, spawn: Spawn
) -> None:
    account.misbehave("resources/refresh_counters", Fault.refuse(403))
    with open("/dev/full", "w") as full:  # noqa: PTH123 -- a device
        process = spawn(*REFRESH, stderr=full)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (4, "")


@pytest.mark.parametrize("command", [REFRESH, BATCH])
def test_closed_terminal_ends_a_command_with_the_way_back(
    account: Simulator, spawn: Spawn, until: Until, command: tuple[str, ...]
) -> None:
    account.misbehave("tasks/status", Fault.stall(), times=99)
    process = spawn(*command)
    until(lambda: account.count("tasks/status") > 0)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (129, "")
    assert WAY_BACK.search(err)


def test_hangup_that_nohup_ignores_ends_nothing(
    account: Simulator, spawn: Spawn, until: Until
) -> None:
    process = spawn(*REFRESH, preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_IGN))
    until(lambda: account.count("tasks/status") > 0)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out
