"""Prints log records of the library on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress

from altcraft_async.cli.safe_text import clean
from altcraft_async.cli.session import Session, Verbosity
from altcraft_async.observer import logger

__all__ = ["log_records"]

_FORMAT = logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(message)s", "%H:%M:%S")


@contextmanager
def log_records(session: Session) -> Generator[None, None, None]:
    """Print the records that the verbosity of a session asks for, while the body runs."""
    if not session.shows(Verbosity.VERBOSE):
        yield
        return
    level, handler = logger.level, _Printer(session)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if session.shows(Verbosity.DEBUG) else logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


class _Printer(logging.Handler):
    """Prints each record without the token, above a live display."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setFormatter(_FORMAT)

    def emit(self, record: logging.LogRecord) -> None:
        text = self._session.mask(self.format(record))
        lines = "".join(f"{clean(line)}\n" for line in text.splitlines())
        # A stderr that takes no text changes nothing in how a command ends.
        with suppress(OSError):
            sys.stderr.write(lines)  # not by click, which would go around a live display
            sys.stderr.flush()
