"""Log records of a web app."""

from __future__ import annotations

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.responses import Answer
from altcraft_async.observer import logger

__all__ = ["log_error"]

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
