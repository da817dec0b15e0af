"""The tutorial prints what it says, from its first program to the comparison of two nights."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

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


def test_each_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
    with ThreadedSimulator(resources=20, duration=0.05) as server:
        account = {"ALTCRAFT_URL": server.url, "ALTCRAFT_TOKEN": server.token}
        for command, printed in COMMANDS:
            done = subprocess.run(  # noqa: S603 -- the commands of our own page
                [sys.executable, *shlex.split(command)],
                cwd=tmp_path,
                env=os.environ | account,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stderr, done.stdout) == (0, "", printed), command
    assert len(COMMANDS) == 4
