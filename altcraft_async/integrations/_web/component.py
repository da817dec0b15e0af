"""The ES module with the element ``<altcraft-refresh>``, as a response."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from altcraft_async.integrations._web.responses import Answer

__all__ = ["FILE_NAME", "component_answer"]

FILE_NAME = "altcraft-refresh.js"
"""Last part of its path."""


@cache
def component_answer() -> Answer:
    """Return the response that holds the module; browsers keep it for an hour."""
    body = files("altcraft_async.integrations._web").joinpath(FILE_NAME).read_bytes()
    headers = {
        "Cache-Control": "max-age=3600",
        "Content-Type": "text/javascript; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(200, body, headers)
