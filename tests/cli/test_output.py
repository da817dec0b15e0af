"""Terminals, pipes and signals: what moves, what must not, and how it ends."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from altcraft_async.simulator import Fault, Simulator, Target

Altcraft = Callable[..., tuple[int, str, str]]
OnTerminal = Callable[..., tuple[int, str]]
Spawn = Callable[..., "subprocess.Popen[str]"]

ESCAPE = "\x1b"
QUICK = ("demo", "--refreshes", "3", "--speed", "20")
INSTANT = (*QUICK, "--trouble", "1")  # every start is refused, so that nothing is waited for
STATUS = "tasks/status"
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-8]|9[0-7])\b")


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_terminal_shows_a_moving_demo(on_terminal: OnTerminal) -> None:
    """On a terminal the demo shows what is done, failed and running, and moves."""
    code, screen = on_terminal(*QUICK)
    assert code == 0
    assert COLOUR.search(screen)
    assert "3 running" in screen
    assert re.search(r"3/3, ETA \S*0:00:00", screen)
    assert "3 completed, 0 failed, 0 running" in screen
    assert "3 of 3 refreshes, " in screen.splitlines()[-1]


def test_real_terminal_shows_progress_while_stdout_stays_data(spawn: Spawn) -> None:
    """With stdout in a pipe, the bar still moves on stderr and no byte of it gets into the data."""
    ours, theirs = pty.openpty()
    process = spawn(*QUICK, stderr=theirs)
    os.close(theirs)
    seen = bytearray()
    reader = Thread(target=read_all, args=(ours, seen))
    reader.start()
    out, _ = process.communicate(timeout=5)
    reader.join(5)
    os.close(ours)
    assert process.returncode == 0
    assert f"{ESCAPE}[" in seen.decode()
    assert "3/3" in seen.decode()
    assert ESCAPE not in out
    assert out.splitlines()[-1].startswith("3 of 3 refreshes, ")


@pytest.mark.parametrize("is_piped", [True, False])
def test_bar_keeps_off_a_screen_that_lines_may_reach(
    spawn: Spawn,
    tmp_path: Path,
    is_piped: bool,  # noqa: FBT001 -- pytest passes it by name
) -> None:
    """Lines in a pipe may end on the same screen, so there is no bar; lines in a file do not."""
    ours, theirs = pty.openpty()
    with (tmp_path / "lines").open("w") as file:
        stdout = subprocess.PIPE if is_piped else file
        process = spawn(*INSTANT, "--json", stderr=theirs, stdout=stdout)
        os.close(theirs)
        seen = bytearray()
        read_all(ours, seen)
        os.close(ours)
        process.communicate(timeout=5)
    assert ("running" in seen.decode()) is not is_piped


def test_pipes_get_not_one_escape_byte(spawn: Spawn) -> None:
    """Piped, there is neither colour nor a bar, only the table."""
    out, err = spawn(*QUICK).communicate(timeout=5)
    assert err == ""
    assert out
    assert not re.search(r"[^\n -~─]", out)


def test_dumb_terminal_gets_no_control_codes(
    on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``TERM=dumb`` is obeyed: only the result is printed."""
    monkeypatch.setenv("TERM", "dumb")
    _, screen = on_terminal(*INSTANT)
    assert "0 of 3 refreshes, " in screen
    assert ESCAPE not in screen
    assert "running" not in screen


def test_no_color_is_obeyed(on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """``NO_COLOR`` leaves the bar and takes the colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    _, screen = on_terminal(*INSTANT)
    assert not COLOUR.search(screen)
    assert "3/3" in screen


def test_forced_colour_makes_no_terminal_of_a_pipe(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``FORCE_COLOR``, as CI systems set it, brings no bar into a log."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, _, err = altcraft(*INSTANT)
    assert err.startswith("altcraft: ")
    assert "running" not in err
    assert ESCAPE not in err


def test_demo_with_json_on_a_terminal_shows_no_bar(on_terminal: OnTerminal) -> None:
    """Lines and a bar on one screen would write over each other, so the lines win."""
    _, screen = on_terminal(*INSTANT, "--json")
    assert ESCAPE not in screen
    assert len(screen.splitlines()) == 6


def test_terminal_shows_how_far_a_task_is(account: Simulator, on_terminal: OnTerminal) -> None:
    """While a task is waited for, its status, percent and time left are shown, then cleared."""
    task_id = account.world.start(Target("resource", (24, 1)), now=time.monotonic() - 0.1)
    code, screen = on_terminal("wait", task_id)
    assert code == 0
    assert re.search(r"running \d\d % .* about \d s left", screen)
    assert "database 1, counted" in screen.rpartition(f"{ESCAPE}[2K")[2]


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_while_waiting_says_how_to_come_back(
    account: Simulator, spawn: Spawn, signum: signal.Signals, code: int
) -> None:
    """A wait that is stopped ends with the signal's exit code and the way back, no traceback."""
    account.misbehave(STATUS, Fault.stall(), times=9)
    process = spawn("refresh", "24", "--database-id", "1")
    until(lambda: account.count(STATUS) > 0)
    process.send_signal(signum)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out) == (code, "")
    assert re.fullmatch(
        r"altcraft: stopped waiting\n"
        r"  the task goes on; to come back: altcraft task wait [0-9a-f-]{36}@resource:24:1\n",
        err,
    )


def test_signal_while_starting_warns(account: Simulator, spawn: Spawn) -> None:
    """Whether a start that was under way worked is not known, and is said."""
    account.misbehave("resources/refresh_counters", Fault.stall())
    process = spawn("refresh", "24", "--database-id", "1")
    until(lambda: account.count("resources/refresh_counters") > 0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 130
    assert err == "altcraft: stopped while starting; it may have started all the same\n"


def test_reader_that_goes_away_ends_it_quietly(spawn: Spawn) -> None:
    """``altcraft … | head -1`` ends when ``head`` does, without a word."""
    process = spawn(*QUICK, "--json")
    assert process.stdout
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(5) == 1


def test_reader_that_goes_away_during_a_wait_ends_it_quietly(
    account: Simulator, spawn: Spawn
) -> None:
    """Whoever no longer wants the figures gets no traceback in their place."""
    process = spawn("refresh", "24", "--database-id", "1")
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(5) == 1
    assert account.count(STATUS) > 0


def test_simulate_prints_an_account_to_paste(
    spawn: Spawn, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it prints makes every command speak to it, until a signal ends it."""
    sizes = ("--resources", "3", "--databases", "2", "--segments", "1")
    process = spawn("simulate", "--port", "0", "--seed", "7", *sizes)
    assert process.stdout
    for _ in range(2):
        name, value = process.stdout.readline().strip().removeprefix("export ").split("=")
        monkeypatch.setenv(name, value)
    assert altcraft("refresh", "3", "--database-id", "1", "--no-wait")[0] == 0
    assert altcraft("refresh", "4", "--database-id", "1", "--no-wait")[0] == 3
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out) == (130, "")
    assert err == "altcraft: 3 resources, 2 databases, 1 segments; Ctrl-C ends it\n"


def read_all(descriptor: int, seen: bytearray) -> None:
    """Read a terminal until nobody writes to it any more."""
    try:
        while chunk := os.read(descriptor, 4096):
            seen += chunk
    except OSError:  # Linux's way to say that the other end is closed
        pass
