"""The tutorial prints what it says, from its first program to the comparison of two nights."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from altcraft_async.simulator import ThreadedSimulator
from tests.support.guides import GUIDES, example

PAGE = (GUIDES.parent / "tutorial.md").read_text()

COMMANDS: list[tuple[str, str]] = re.findall(
    r"^\$ python (\S+.*)\n((?:[^$`].*\n)*)", PAGE, re.MULTILINE
)
PROGRAMS = {
    "first.py": example("tutorial", "first.py"),
    "nightly.py": example("tutorial", "nightly.py"),
    "compare.py": example("tutorial", "compare.py"),
}


def run(program: str) -> object:
    """Run a program in this process; return its exit code."""
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        return ended.code or 0
    return 0


def test_each_command_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    with ThreadedSimulator(resources=20, duration=0.05) as server:
        monkeypatch.setenv("ALTCRAFT_URL", server.url)
        monkeypatch.setenv("ALTCRAFT_TOKEN", server.token)
        for command, printed in COMMANDS:
            program, *arguments = shlex.split(command)
            monkeypatch.setattr(sys, "argv", [program, *arguments])
            code = run(program)
            assert (code, capsys.readouterr()) == (0, (printed, "")), command
    assert len(COMMANDS) == 4
