"""The two streams: stdout is data, stderr is words."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from collections.abc import Iterable
from typing import TextIO

import click
from rich.console import Console, RenderableType

from altcraft_async.cli.safe_text import clean, csv_line

__all__ = ["is_stored", "prepare", "print_csv", "print_json", "print_view", "say", "words"]

_UNLIMITED = 10_000  # columns of a pipe or file: a program reads it, nothing has to fit


def prepare() -> None:
    """Let no name that a server sends fail to be printed where the locale cannot write it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_stored(stream: TextIO) -> bool:
    """Say whether a stream surely ends in no terminal: a file does, a pipe may not."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:  # of no file at all
        return True
    return not (stream.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def words() -> Console:
    """Return the console for people: stderr."""
    return _console(sys.stderr)


def say(text: str, hint: str | None = None) -> None:
    """Write one line on stderr, and below it what to do next."""
    click.echo(f"altcraft: {clean(text)}", err=True)
    if hint:
        click.echo(f"  {clean(hint)}", err=True)


def print_view(*views: RenderableType) -> None:
    """Print tables and lines for people, plain where nobody polls."""
    console = _console(sys.stdout)
    if console.is_terminal:
        console.print(*views, sep="\n")
        return
    with console.capture() as printed:
        for view in views:
            console.print(view, soft_wrap=True)
    # Tables fill their last column with blanks.
    for line in printed.get().splitlines():
        click.echo(line.rstrip())


def print_json(value: object) -> None:
    """Print one line of JSON, in ASCII, so that no terminal takes any of it for a command."""
    click.echo(json.dumps(value))


def print_csv(lines: Iterable[Iterable[str]]) -> None:
    """Print lines of CSV."""
    for line in lines:
        click.echo(csv_line(line))


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _UNLIMITED
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
