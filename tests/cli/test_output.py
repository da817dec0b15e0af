"""What reaches terminals and pipes: colours, escapes, data."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

OnTerminal = Callable[..., tuple[int, str]]
Spawn = Callable[..., "subprocess.Popen[str]"]

ESCAPE = "\x1b"
REFRESH = ("refresh", "1", "2", "3", "--database-id", "1")
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-8]|9[0-7])\b")


@pytest.mark.usefixtures("account")
def test_pipe_gets_no_escapes(spawn: Spawn) -> None:
    out, err = spawn(*REFRESH).communicate(timeout=30)
    assert err == ""
    assert out
    assert not re.search(r"[^\n -~─]", out)


@pytest.mark.usefixtures("refusing")
def test_terminal_gets_colours(on_terminal: OnTerminal) -> None:
    _, screen = on_terminal(*REFRESH)
    assert COLOUR.search(screen)


@pytest.mark.usefixtures("refusing")
def test_dumb_terminal_gets_only_the_result(
    on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    _, screen = on_terminal(*REFRESH)
    assert "0 of 3 refreshes, " in screen
    assert ESCAPE not in screen
    assert "running" not in screen


@pytest.mark.usefixtures("refusing")
def test_no_color_removes_colours_but_not_the_display(
    on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _, screen = on_terminal(*REFRESH)
    assert not COLOUR.search(screen)
    assert "3/3" in screen
