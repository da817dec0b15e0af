"""The console blocks of a page: what a reader types, and what the page says is printed then.

A line that begins with ``$ `` is typed, and those below it are what it prints; in a block without
such a line, each line is typed. A line ``…`` stands for any lines and ``…`` within a line for any
text. What differs at each run is compared by its kind only: ids of tasks, times, seconds, numbers
of polls. Before a block that differs more, the page has ``<!-- numbers vary -->``; then all numbers
are compared by their kind, and the widths of bars and columns are not compared.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["CTRL_C", "Command", "Keys", "Terminal", "commands", "same"]

Keys = Sequence[tuple[str, str]]

CTRL_C = "\x03"

_BLOCK = re.compile(
    r"^(<!-- numbers vary -->\n\n)?```console\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)

# A pattern, and what is compared in its place.
_KINDS = (
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"(?<=id: )[0-9a-f]{8}\b", "ID"),
    (r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d)?", "TIME"),
    (r"\d\d?:\d\d:\d\d(?:\.\d+)?|-:--:--", "TIME"),
    (r"[\d,]+ polls", "N polls"),
    (r"[\d.]+ s\b", "N s"),
)
_VARYING = (
    (r"ID@resource:\d+:\d+( ID@resource:\d+:\d+)*", "TASKS"),
    (r"[━╺╸─█▏▎▍▌▋▊▉]+", "BAR"),
    (r"[-+]?\d[\d,.]*\+?", "N"),
    (r" +", " "),
)
_CONTROL = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])|\x1b\][^\x1b]*\x1b\\|(.)", re.DOTALL)


class Command(NamedTuple):
    """What is typed, and what the page says about what is printed then.

    Attributes:
        typed: The command line.
        printed: The lines below it; empty if the page shows none.
        numbers_vary: Whether the page says so.
    """

    typed: str
    printed: str
    numbers_vary: bool


def commands(page: Path) -> list[Command]:
    """Return the commands in the console blocks of a page, in their order."""
    return [
        Command(typed, printed, bool(mark))
        for mark, text in _BLOCK.findall(page.read_text())
        for typed, printed in _COMMAND.findall(text) or [(line, "") for line in text.splitlines()]
    ]


def same(printed: str, command: Command) -> bool:
    """Return whether a command has printed what the page shows."""
    texts = [printed, command.printed]
    for pattern, kind in (*_KINDS, *(_VARYING if command.numbers_vary else ())):
        texts = [re.sub(pattern, kind, text) for text in texts]
    found, shown = (
        "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines()) for text in texts
    )
    wanted = re.escape(shown).replace("…\\\n", "(?:.*\n)*?").replace("…", ".*")
    return re.fullmatch(wanted, found) is not None


class Terminal:
    """A terminal of 100 columns; runs command lines as a shell does, in the directory ``home``."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        """Set the environment of the shell."""
        self._home = home
        self._status = 0  # of the last command, for the ``$?`` of the next
        self._environment = {
            **environment,
            "HOME": str(home),
            "COLUMNS": "100",
            "TERM": "xterm-256color",
            "TZ": "UTC",
        }

    def run(self, line: str, *, keys: Keys = (), **more: str) -> str:
        """Run a command line and return what is on the screen at its end.

        Args:
            line: The command line.
            keys: What is typed meanwhile: pairs of a pattern and a text, which is typed once that
                pattern was printed.
            more: Environment variables.
        """
        reading, descriptor = pty.openpty()
        termios.tcsetwinsize(descriptor, (50, 100))
        process = subprocess.Popen(  # noqa: S603 -- the commands of our own pages
            # A session of its own has Ctrl-C, and asks for tokens on this terminal.
            ("/usr/bin/setsid", "--ctty", "/bin/bash", "-c", f"(exit {self._status})\n{line}"),
            cwd=self._home,
            env={**self._environment, **more},
            stdin=descriptor,
            stdout=descriptor,
            stderr=descriptor,
        )
        os.close(descriptor)
        text = b""
        waiting = list(keys)
        with process:
            while chunk := _read(reading):
                text += chunk
                if waiting and re.search(waiting[0][0], text.decode(errors="ignore")):
                    os.write(reading, waiting.pop(0)[1].encode())
        os.close(reading)
        self._status = process.returncode
        return _screen(text.decode())


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux reports that all writers have closed
        return b""


def _screen(text: str) -> str:
    """Return the lines that a terminal shows after a text with control sequences."""
    lines = [""]
    row = column = 0
    for argument, code, character in _CONTROL.findall(text):
        if code == "A":
            row -= int(argument or 1)
        elif code == "K":
            lines[row] = "" if argument == "2" else lines[row][:column]
        elif character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif character:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + character + line[column + 1 :]
            column += 1
    return "\n".join(lines)
