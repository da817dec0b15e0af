"""The two streams: results go to stdout, messages to stderr."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from altcraft_async.cli.safe_text import clean, csv_line, inert, json_line
from altcraft_async.cli.session import Verbosity, current_session

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = [
    "discard_unwritten",
    "is_off_screen",
    "message_console",
    "prepare",
    "print_csv",
    "print_json",
    "print_message",
    "print_notice",
    "print_view",
]

_UNLIMITED = 10_000  # columns of a pipe or file, where nothing has to fit a screen


def prepare() -> None:
    """Make both streams take any text.

    A stream that the shell has closed discards what is printed, or has nothing to read.
    Characters that the locale cannot encode are escaped.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 -- for the whole process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_unwritten() -> None:
    """Drop what a stream could not write, which Python would try again at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError), Path(os.devnull).open("w") as nothing:
                os.dup2(nothing.fileno(), stream.fileno())
            with suppress(OSError):
                stream.flush()


def is_off_screen(stream: TextIO) -> bool:
    """Return whether a stream cannot end on a terminal: a file cannot, a pipe may."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:  # has no file descriptor
        return True
    return not (stream.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def message_console() -> Console:
    """Return a console on stderr."""
    return _console(sys.stderr)


def print_message(text: str, hint: str | None = None) -> None:
    """Print one line to stderr, and below it a hint on what to do next.

    A stderr that takes no text changes nothing in how a command ends.
    """
    with suppress(OSError):
        click.echo(f"altcraft: {clean(text)}", err=True)
        if hint:
            click.echo(f"  {clean(hint)}", err=True)


def print_notice(text: str, hint: str | None = None) -> None:
    """Print a message that says nothing of a failure, so that ``--quiet`` drops it."""
    if current_session().shows(Verbosity.NORMAL):
        print_message(text, hint)


def print_view(*views: RenderableType) -> None:
    """Print tables and lines for people, without styles unless stdout is a terminal."""
    console = _console(sys.stdout)
    if console.is_terminal:
        console.print(*views, sep="\n")
        return
    with console.capture() as printed:
        for view in views:
            console.print(view, soft_wrap=True)
    # Tables pad their last column with blanks.
    for line in printed.get().splitlines():
        click.echo(line.rstrip())


def print_json(value: object) -> None:
    """Print one line of JSON in UTF-8."""
    click.echo(json_line(value).encode())


def print_csv(lines: Iterable[Iterable[str]], *, raw: bool) -> None:
    """Print lines of CSV; formulas are live in raw ones only."""
    for line in lines:
        click.echo(csv_line(line if raw else map(inert, line)))


def _console(stream: TextIO) -> Console:
    from rich.console import Console  # noqa: PLC0415 -- no help needs it

    width = None if stream.isatty() else _UNLIMITED
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
