"""Log records of a web app.

A library prints nothing by itself, and neither uvicorn nor aiohttp sets up logging for other
loggers than its own. So in an app that sets up none, warnings and errors of this library go to
stderr, as Python does for a program without logging.
"""

from __future__ import annotations

import logging
from typing import TextIO

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.responses import Answer
from altcraft_async.observer import logger

__all__ = ["log_error", "show_records"]

_SERVER_ERROR = 500


def log_error(error: AltcraftError) -> Answer:
    """Return the response for an error; log the platform's text, which the response omits."""
    answer = responses.error_answer(error)
    if answer.status == _SERVER_ERROR:
        # A mistake of the program, whose author needs the place.
        logger.error("answering with HTTP status 500: %s", error, exc_info=error)
    elif answer.status > _SERVER_ERROR:
        logger.warning("answering with HTTP status %d: %s", answer.status, error)
    return answer


def show_records() -> None:
    """Print warnings and errors of this library as long as no other handler takes them."""
    logger.addHandler(_LAST_RESORT)  # once, however often it is called


class _LastResort(logging.StreamHandler[TextIO]):
    """Prints to stderr what no other handler takes."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record, unless the program has set up logging by now."""
        if not _has_other_handler():
            super().emit(record)


def _has_other_handler() -> bool:
    at: logging.Logger | None = logger
    while at is not None:
        if any(not isinstance(one, (logging.NullHandler, _LastResort)) for one in at.handlers):
            return True
        at = at.parent if at.propagate else None
    return False


_LAST_RESORT = _LastResort()
_LAST_RESORT.setLevel(logging.WARNING)
_LAST_RESORT.setFormatter(logging.Formatter("%(levelname)s: %(name)s: %(message)s"))
