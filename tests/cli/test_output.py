"""What reaches terminals and pipes: colours, escapes, data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from altcraft_async.cli.output import print_json
from tests.support.forked_command import ForkedCommand

OnTerminal = Callable[..., tuple[int, str]]
Spawn = Callable[..., ForkedCommand]

ESCAPE = "\x1b"
REFRESH = ("refresh", "1", "2", "3", "--database-id", "1")
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-8]|9[0-7])\b")


@pytest.mark.usefixtures("account")
def test_pipe_gets_no_escapes(spawn: Spawn) -> None:
    out, err = spawn(*REFRESH).communicate(timeout=30)
    assert err == ""
    assert out
    assert not re.search(r"[^\n -~─]", out)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Магазин 🛍", "Магазин 🛍"),
        ("\x9b31m \u202e", r"\u009b31m \u202e"),
        ("\U000e0041 \ud800", r"\udb40\udc41 \ud800"),
    ],
)
def test_json_is_utf8_and_escapes_what_could_control_a_terminal(
    capsysbinary: pytest.CaptureFixture[bytes], text: str, sent: str
) -> None:
    print_json({"name": text})
    line = capsysbinary.readouterr().out
    assert line == f'{{"name": "{sent}"}}\n'.encode()
    assert json.loads(line) == {"name": text}


@pytest.mark.usefixtures("account")
def test_bar_of_a_run_that_goes_well_is_not_red(
    on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    _, screen = on_terminal(*REFRESH)
    colours = re.findall(r"38;2;(\d+);(\d+);(\d+)", screen)
    assert not any(int(red) > int(green) + int(blue) for red, green, blue in colours)


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
