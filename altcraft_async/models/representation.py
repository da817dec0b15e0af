"""A repr that works before an object has its fields, as tools that print variables call it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

__all__ = ["at_any_moment"]

T = TypeVar("T")


def at_any_moment(shown: Callable[[T], str]) -> Callable[[T], str]:
    """Make a ``__repr__`` say so where ``__init__`` has not set a field yet."""

    @wraps(shown)
    def repr_of(self: T) -> str:
        try:
            return shown(self)
        except AttributeError:
            return f"<{type(self).__name__}, not constructed>"

    return repr_of
