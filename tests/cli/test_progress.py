"""Live displays: what they show, and when there is none."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from altcraft_async.simulator import Fault, Simulator, Target
from tests.support.forked_command import ForkedCommand

if TYPE_CHECKING:
    from tests.cli.conftest import PseudoTerminal

Altcraft = Callable[..., tuple[int, str, str]]
OnTerminal = Callable[..., tuple[int, str]]
Spawn = Callable[..., ForkedCommand]

ESCAPE = "\x1b"
REFRESH = ("refresh", "1", "2", "3", "--database-id", "1")


@pytest.mark.usefixtures("account")
def test_batch_on_a_terminal_shows_what_is_done_and_running(on_terminal: OnTerminal) -> None:
    code, screen = on_terminal(*REFRESH)
    assert code == 0
    assert "3 running" in screen
    assert re.search(r"3/3, ETA \S*0:00:00", screen)
    assert "3 completed, 0 failed, 0 running" in screen
    assert "3 of 3 refreshes, " in screen.splitlines()[-1]


def test_outage_on_a_terminal_shows_since_when_and_no_time_left(
    account: Simulator, on_terminal: OnTerminal, terminal: PseudoTerminal
) -> None:
    """The refreshes go on when the platform answers again."""
    methods = ("tasks/status", "resources/list")
    account.misbehave_randomly(rate=1.0, faults=[Fault.html(502)], methods=methods)

    def end_the_outage_once_shown() -> None:
        terminal.wait_for("retrying in")
        account.misbehave_randomly(rate=0.0, faults=[])

    watcher = Thread(target=end_the_outage_once_shown)
    watcher.start()
    code, screen = on_terminal("refresh", *map(str, range(1, 7)), "--database-id", "1")
    watcher.join()
    assert code == 0
    assert re.search(r"0/6\s+0 completed, 0 failed, 6 running\s+no answer since", screen)
    assert re.search(r"since \d\d:\d\d:\d\d \(HTTP 502\), retrying in [01] s", screen)
    assert "6 of 6 refreshes, " in screen


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_outage_without_a_terminal_is_said_once_when_it_begins_and_once_when_it_ends(
    account: Simulator, spawn: Spawn, form: str
) -> None:
    methods = ("tasks/status", "resources/list")
    account.misbehave_randomly(rate=1.0, faults=[Fault.html(502)], methods=methods)
    process = spawn("refresh", *map(str, range(1, 7)), "--database-id", "1", form)
    assert process.stderr is not None
    began = process.stderr.readline()
    account.misbehave_randomly(rate=0.0, faults=[])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert re.fullmatch(r"altcraft: no answer since \S+ \(HTTP 502\), waiting\n", began)
    ended, *others = [line for line in err.splitlines() if "answer" in line]
    assert re.fullmatch(r"altcraft: the platform answers again after \d+ s", ended)
    assert not others


def test_single_task_on_a_terminal_shows_status_and_time_left(
    account: Simulator, on_terminal: OnTerminal
) -> None:
    task_id = account.world.start(Target("resource", (24, 1)), now=time.monotonic() - 0.1)
    code, screen = on_terminal("wait", task_id)
    assert code == 0
    assert re.search(r"running \d\d % .* about \d s left", screen)
    assert "database 1, counted" in screen.rpartition(f"{ESCAPE}[2K")[2]


@pytest.mark.usefixtures("account")
def test_table_in_a_pipe_leaves_the_display_on_stderr(
    spawn: Spawn, terminal: PseudoTerminal
) -> None:
    with terminal:
        process = spawn(*REFRESH, stderr=terminal.descriptor)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert f"{ESCAPE}[" in terminal.text
    assert "3/3" in terminal.text
    assert ESCAPE not in out
    assert out.splitlines()[-1].startswith("3 of 3 refreshes, ")


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("is_piped", [True, False])
def test_display_is_hidden_only_where_lines_may_reach_the_screen(
    spawn: Spawn,
    terminal: PseudoTerminal,
    tmp_path: Path,
    is_piped: bool,  # noqa: FBT001 -- pytest passes it by name
) -> None:
    """Lines in a pipe may end on the same screen, lines in a file cannot."""
    with (tmp_path / "lines").open("w") as file, terminal:
        stdout = subprocess.PIPE if is_piped else file
        process = spawn(*REFRESH, "--json", stderr=terminal.descriptor, stdout=stdout)
        process.communicate(timeout=30)
    assert ("running" in terminal.text) is not is_piped


@pytest.mark.usefixtures("refusing")
def test_forced_colour_shows_no_display_in_a_pipe(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI systems set ``FORCE_COLOR`` and store stderr in a log."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, _, err = altcraft(*REFRESH)
    assert err.startswith("altcraft: ")
    assert "running" not in err
    assert ESCAPE not in err


@pytest.mark.usefixtures("refusing")
def test_json_on_a_terminal_shows_no_display(on_terminal: OnTerminal) -> None:
    """Lines and a display on one screen would overwrite each other."""
    _, screen = on_terminal(*REFRESH, "--json")
    assert ESCAPE not in screen
    assert len(screen.splitlines()) == 5
