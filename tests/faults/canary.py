"""Finds the API token in errors, log records, warnings and the variables of frames."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Literal

from altcraft_async import AltcraftError
from tests.support.api_calls import TOKEN

TOKEN_START = TOKEN[:12]
"""The part of the token that counts as shown."""


def chained(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and contexts, and the errors of its group."""
    found: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or one in found:
            continue
        found.append(one)
        yield one
        left += [one.__cause__, one.__context__]
        left += one.exceptions if isinstance(one, BaseExceptionGroup) else []


Frames = Literal["all", "ours", "none"]
"""The frames whose variables are searched."""


def variables(error: BaseException, frames: Frames) -> Iterator[str]:
    """Yield the variables of these frames, except those of tests."""
    if frames == "none":
        return
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    for frame in shown.stack:
        ours = "/altcraft_async/" in frame.filename
        if "/tests/" not in frame.filename and (ours or frames == "all"):
            where = f"{frame.filename}:{frame.name}"
            yield from (f"{where}: {name} = {one}" for name, one in (frame.locals or {}).items())


def texts_of(error: BaseException, frames: Frames) -> Iterator[tuple[str, str]]:
    """Yield each place where an error is printed or stored, and its text there."""
    for one in chained(error):
        yield "str", str(one)
        yield "repr", repr(one)
        yield "args", repr(one.args)
        yield "vars", repr(vars(one))
        yield "notes", repr(getattr(one, "__notes__", []))
        yield "traceback", "".join(traceback.format_exception(one))
        if isinstance(one, AltcraftError):
            yield "pickle", pickle.dumps(one).decode("latin-1")
        yield from (("locals", line) for line in variables(one, frames))


class Canary(logging.Handler):
    """Counts the texts that it inspects, and keeps those that show the token."""

    def __init__(self) -> None:
        """Start without findings."""
        super().__init__(logging.DEBUG)
        self.texts = 0
        self.found: list[tuple[str, str]] = []
        self.kinds: set[str] = set()

    def inspect(self, where: str, text: str) -> None:
        """Search a text."""
        self.texts += 1
        self.kinds.add(where)
        if TOKEN_START in text:
            self.found.append((where, text))

    def emit(self, record: logging.LogRecord) -> None:
        """Search a log record, its arguments and its traceback."""
        fields = {name: one for name, one in vars(record).items() if name.startswith("altcraft_")}
        self.inspect("log", f"{record.getMessage()} {record.args!r} {fields!r}")
        if record.exc_info and record.exc_info[1]:
            # In debug mode, asyncio logs failed writes to a broken connection. The
            # data is in a frame of asyncio, which the package cannot change.
            self.inspect_error(record.exc_info[1], "ours")

    def inspect_error(self, error: BaseException, frames: Frames = "all") -> None:
        """Search all texts of an error."""
        for where, text in texts_of(error, frames):
            self.inspect(where, text)

    @contextmanager
    def listening(self, *, debug: bool = True) -> Generator[None, None, None]:
        """Search every log record and warning inside the block.

        With ``debug``, asyncio says more, and takes twice the time.
        """
        loop, root = asyncio.get_running_loop(), logging.getLogger()
        level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        loop.set_debug(debug)
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                yield
        finally:
            loop.set_debug(False)
            root.removeHandler(self)
            root.setLevel(level)
        for one in warned:
            self.inspect("warning", f"{one.message} {one.source!r}")
