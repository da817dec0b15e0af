"""What people pass in, checked before anything is sent; each error names the argument."""

from __future__ import annotations

import math
from operator import index
from typing import SupportsIndex

from altcraft_async.errors import ConfigurationError

__all__ = ["checked_id", "checked_seconds", "checked_target", "checked_text"]

_LARGEST_ID = 2**63 - 1


def checked_id(name: str, value: SupportsIndex) -> int:
    """Return a positive id as an ``int``; whatever can be an index is one, but not a bool."""
    try:
        number = 0 if isinstance(value, bool) else index(value)
    except TypeError:
        number = 0
    if 0 < number <= _LARGEST_ID:
        return number
    msg = f"{name}: has to be a positive whole number, not {value!r}"
    raise ConfigurationError(msg)


def checked_target(target: object, *names: str) -> tuple[int, ...]:
    """Return a target of ``refresh_many``: a tuple of positive ids with these names."""
    ids: tuple[SupportsIndex, ...] = tuple(target) if isinstance(target, (tuple, list)) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # each is checked below
    if len(ids) == len(names):
        return tuple(map(checked_id, names, ids))
    msg = f"targets: have to be ({', '.join(names)}) each, not {target!r}"
    raise ConfigurationError(msg)


def checked_text(name: str, value: object) -> str:
    """Return a text that fits into a header and an address; the error never quotes it."""
    if not isinstance(value, str) or not value:
        msg = f"{name}: has to be a non-empty string"
        raise ConfigurationError(msg)
    if not value.isprintable() or " " in value:
        msg = f"{name}: has to be without spaces and control characters"
        raise ConfigurationError(msg)
    return value


def checked_seconds(name: str, value: float, *, least: float = 0.0) -> float:
    """Return a finite number of seconds from ``least`` on."""
    try:
        fits = least <= value < math.inf
    except TypeError:
        fits = False
    if fits:
        return float(value)
    msg = f"{name}: has to be a number of seconds from {least:g} on, not {value!r}"
    raise ConfigurationError(msg)
